//! Totals from posting lists, segment by segment.

use std::borrow::Cow;

use roaring::{MultiOps, RoaringBitmap};

use crate::collections::number::to_u64;
use crate::query::answer::Totals;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::State;
use crate::state::labels::Slot;
use crate::state::postings::Postings;
use crate::state::postings::posting_list::PostingList;

/// Cost of finding the segment of a list, in nanoseconds.
const LOOKUP: u64 = 40;

/// Cost of reading a segment with many places, in nanoseconds. One with few places costs about 1 ns for each.
pub(super) const DENSE_SEGMENT: u64 = 350;

/// The number of bitmaps times the number of their places, up to which adding them one by one is faster than uniting
/// all at once, which begins with 8 KiB of bits.
const ONE_BY_ONE: u64 = 8_192;

/// The lists of one entry. A chat passes the entry if it is on any of them.
pub(super) struct AnyOf<'a> {
    pub(super) lists: Vec<&'a PostingList>,
    /// The sum of their lengths.
    len: u64,
}

impl<'a> AnyOf<'a> {
    pub(super) fn new(postings: &'a Postings, slots: &[Slot]) -> Self {
        let lists: Vec<&PostingList> = slots.iter().filter_map(|&slot| postings.of_label(slot)).collect();
        Self { len: lists.iter().map(|list| list.len).sum(), lists }
    }

    /// How many segments the longest list has.
    pub(super) fn segments(&self) -> usize {
        self.lists.iter().map(|list| list.segments()).max().unwrap_or(0)
    }

    /// The parts of the lists in one segment.
    pub(super) fn parts(&self, number: usize) -> impl Iterator<Item = &'a RoaringBitmap> {
        self.lists.iter().filter_map(move |list| list.segment(number))
    }

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
    /// Totals from bitmaps of chats; `matched_rows` only where other totals do not give it.
    pub(crate) fn totals_by_posting_lists(&self, clauses: &ResolvedFilter) -> Totals {
        if clauses.any.is_none() && clauses.all.is_empty() {
            // All chats but those with one of these labels.
            let excluded = ResolvedFilter { any: Some(clauses.none.clone()), ..ResolvedFilter::default() };
            let (all, excluded) = (self.grand_totals(), self.totals_by_posting_lists(&excluded));
            return Totals { chats: all.chats - excluded.chats, rows: all.rows - excluded.rows, matched_rows: 0 };
        }
        match clauses.only_any() {
            Some(slots) if self.cost_by_overlaps(slots) < self.cost_by_bitmaps(clauses) => {
                self.totals_by_overlaps(slots)
            }
            _ => self.totals_by_bitmaps(clauses),
        }
    }

    /// Unites, intersects and subtracts the bitmaps of each segment. A chat has to be required by some clause.
    pub(crate) fn totals_by_bitmaps(&self, clauses: &ResolvedFilter) -> Totals {
        let any_of = |slots: &Vec<Slot>| AnyOf::new(&self.postings, slots);
        let mut required: Vec<AnyOf<'_>> = clauses.any.iter().chain(&clauses.all).map(any_of).collect();
        // The shortest first: of the others, only its chats are read.
        required.sort_by_key(|entry| entry.len);
        let excluded = any_of(&clauses.none);
        let counted = clauses.any.as_ref().filter(|_| clauses.only_any().is_none()).map(any_of);
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
    pub(crate) fn cost_by_posting_lists(&self, clauses: &ResolvedFilter) -> u64 {
        let cost = self.cost_by_bitmaps(clauses);
        clauses.only_clause().map_or(cost, |slots| cost.min(self.cost_by_overlaps(slots)))
    }

    /// The cost of [`totals_by_bitmaps`](Self::totals_by_bitmaps) in nanoseconds, estimated.
    fn cost_by_bitmaps(&self, clauses: &ResolvedFilter) -> u64 {
        let none = Some(&clauses.none).filter(|none| !none.is_empty());
        let required = clauses.any.iter().chain(&clauses.all);
        // Only the chats of the shortest list are looked for. Without any, those that are excluded are counted.
        let entry = self.shortest_entry(clauses).unwrap_or(&clauses.none);
        let candidates = self.pairs_of(entry);
        let segments = self.segments().min(candidates);
        let dense = segments * DENSE_SEGMENT;
        let read = |&slot: &Slot| segments * LOOKUP + self.postings.len(slot).min(dense);
        required.chain(none).flatten().map(read).sum::<u64>() + self.cost_of_rows(candidates)
    }
}
