//! Totals of a filter of several clauses: bitmaps are united, intersected and subtracted, segment by segment.

use std::borrow::Cow;

use roaring::{MultiOps, RoaringBitmap};

use crate::collections::number::to_u64;
use crate::query::answer::Totals;
use crate::query::resolved_filter::ResolvedFilter;
use crate::query::totals::any_of::AnyOf;
use crate::state::State;
use crate::state::labels::Slot;

/// Cost of finding the segment of a list, in nanoseconds.
const LOOKUP: u64 = 40;

/// Cost of reading a segment with many places, in nanoseconds. One with few places costs about 1 ns for each.
const DENSE_SEGMENT: u64 = 350;

/// The number of bitmaps times the number of their places, up to which adding them one by one is faster than uniting
/// all at once, which begins with 8 KiB of bits.
const ONE_BY_ONE: u64 = 8_192;

impl<'a> AnyOf<'a> {
    /// The chats of one segment that are on any of the lists; `None` if there are none.
    fn in_segment(&self, number: usize) -> Option<Cow<'a, RoaringBitmap>> {
        match &*self.lists {
            [list] => list.segment(number).map(Cow::Borrowed),
            _ => union_of(self.parts(number).collect()),
        }
    }

    /// Keeps those of some chats of one segment that are on any of the lists.
    fn retain(&self, number: usize, chats: Cow<'a, RoaringBitmap>) -> Option<Cow<'a, RoaringBitmap>> {
        let parts: Vec<&RoaringBitmap> = self.parts(number).collect();
        let kept = match &*parts {
            [] => return None,
            [part] => intersection_of(chats, part),
            // Few chats: looking for these in each list is faster than uniting the lists.
            _ if chats.len() * to_u64(parts.len()) < parts.iter().map(|part| part.len()).sum() => {
                parts.iter().map(|part| &*chats & *part).union()
            }
            _ => intersection_of(chats, &*union_of(parts)?),
        };
        (!kept.is_empty()).then_some(Cow::Owned(kept))
    }
}

fn intersection_of(chats: Cow<'_, RoaringBitmap>, with: &RoaringBitmap) -> RoaringBitmap {
    match chats {
        Cow::Borrowed(chats) => chats & with,
        Cow::Owned(chats) => chats & with,
    }
}

/// The union of bitmaps, none of which is empty; `None` without bitmaps.
fn union_of(mut parts: Vec<&RoaringBitmap>) -> Option<Cow<'_, RoaringBitmap>> {
    if let [] | [_] = &*parts {
        return parts.pop().map(Cow::Borrowed);
    }
    let longest = parts.iter().map(|part| part.len()).max().unwrap_or_default();
    let added = parts.iter().map(|part| part.len()).sum::<u64>() - longest;
    if added.saturating_mul(to_u64(parts.len() - 1)) > ONE_BY_ONE {
        return Some(Cow::Owned(parts.into_iter().union()));
    }
    parts.sort_by_cached_key(|part| std::cmp::Reverse(part.len()));
    let (first, rest) = parts.split_first()?;
    let mut union = (*first).clone();
    rest.iter().for_each(|part| union |= *part);
    Some(Cow::Owned(union))
}

impl State {
    /// Works segment by segment, on the bitmaps of the entry with the fewest pairs first. Some entry has to be required.
    pub(super) fn totals_by_bitmaps(&self, clauses: &ResolvedFilter) -> Totals {
        let any_of = |slots: &Vec<Slot>| AnyOf::new(&self.postings, slots);
        let mut required: Vec<AnyOf<'_>> = clauses.any.iter().chain(&clauses.all).map(any_of).collect();
        // The shortest first: of the others, only its chats are read.
        required.sort_by_key(|entry| entry.len);
        let excluded = any_of(&clauses.none);
        let counted = clauses.any.as_ref().map(any_of);
        let mut totals = Totals::default();
        let Some((first, others)) = required.split_first() else { return totals };
        for number in 0..first.segments() {
            let mut passing = first.in_segment(number);
            for entry in others {
                passing = passing.and_then(|passing| entry.retain(number, passing));
            }
            let Some(mut passing) = passing else { continue };
            for part in excluded.parts(number) {
                match &mut passing {
                    Cow::Borrowed(chats) => passing = Cow::Owned(*chats - part),
                    Cow::Owned(chats) => *chats -= part,
                }
            }
            totals.chats += passing.len();
            totals.rows += self.rows_in(number, &passing);
            if let Some(counted) = &counted {
                totals.matched_rows += counted.parts(number).map(|part| part.intersection_len(&passing)).sum::<u64>();
            }
        }
        totals
    }

    /// The cost of that in nanoseconds, estimated.
    pub(super) fn cost_by_bitmaps(&self, clauses: &ResolvedFilter) -> u64 {
        // Only the chats of the shortest entry are looked for.
        let candidates = self.shortest_entry(clauses).map_or(0, |entry| self.counts_of(entry).chats);
        let segments = self.segments().min(candidates);
        let dense = segments * DENSE_SEGMENT;
        let read = |&slot: &Slot| segments * LOOKUP + self.postings.len(slot).min(dense);
        let lists = clauses.any.iter().chain(&clauses.all).chain([&clauses.none]);
        lists.flatten().map(read).sum::<u64>() + self.cost_of_rows(candidates)
    }
}
