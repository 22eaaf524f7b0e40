//! Totals from the lists of chats.

use std::borrow::Cow;

use fearless_simd::{Level, dispatch};

use crate::collections::number::to_u64;
use crate::model::answer::Totals;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::State;
use crate::state::labels::Slot;
use crate::state::postings::lists::{Lengths, Lists};
use crate::state::postings::place_parts::{PLACES, join};
use crate::state::postings::words::{
    Bits, Form, NONE, Words, assign_union, count, count_common, count_common_with_each, insert, subtract, unite,
};
use crate::state::postings::{Counts, Part};

/// Finding the chunk of a label, in nanoseconds.
const LOOKUP: u64 = 15;

/// Uniting the dense chunk of a label.
const DENSE_CHUNK: u64 = 60;

/// Finding out whether a chat was counted already.
const CHECK: u64 = 3;

/// Adding up the length of a chat that was counted already, by few lists of lengths.
const REPEAT: u64 = 5;

/// The same by its record and its set.
const LOOKED_UP: u64 = 15;

/// Lists of lengths up to which these are quicker to ask than records and sets.
const FEW_LENGTHS: u64 = 12;

/// Comparing the dense chunk of a label with what was seen, and adding it.
const COMPARED_CHUNK: u64 = 150;

/// Repeats in one chunk up to which the length of each is looked up: each may be in a page of memory of its own.
const FEW_REPEATS: usize = 4;

/// Chats that have to be read before repeats among them mean something.
const FAIR_SAMPLE: u64 = 1_000;

/// Counting the united chats of a chunk, or their rows by one list of lengths.
const COUNTED_CHUNK: u64 = 80;

/// Of more lists of lengths, those of the greatest lengths are short.
const MANY_LENGTHS: u64 = 24;

impl State {
    /// Sets of chats, chunk by chunk; `matched_rows` only where other totals do not give it.
    pub(crate) fn totals_by_chats(&self, clauses: &ResolvedFilter) -> Totals {
        if clauses.any.is_none() && clauses.all.is_empty() {
            // Everybody but those with one of these labels.
            let excluded = ResolvedFilter { any: Some(clauses.none.clone()), ..ResolvedFilter::default() };
            let (all, excluded) = (self.grand_totals(), self.totals_by_chats(&excluded));
            return Totals { chats: all.chats - excluded.chats, rows: all.rows - excluded.rows, matched_rows: 0 };
        }
        dispatch!(Level::new(), _vectors => self.totals_of_chunks(clauses))
    }

    /// Loops are written out: a closure that an iterator calls would lose the vectors.
    #[inline(always)]
    fn totals_of_chunks(&self, clauses: &ResolvedFilter) -> Totals {
        let lists = |slots: &Vec<Slot>| Lists::new(&self.postings, slots, 0);
        let mut required: Vec<Lists<'_>> = clauses.any.iter().chain(&clauses.all).map(lists).collect();
        let mut excluded = lists(&clauses.none);
        let counted = clauses.any.as_ref().filter(|_| clauses.only_any().is_none());
        let mut matched = counted.map(lists);
        let mut lengths = Lengths::new(&self.postings);
        let (mut passing, mut union) = (NONE, NONE);
        let mut totals = Totals::default();
        // A chunk without a chat of every list cannot have one that passes.
        while let Some(number) = required.iter().map(Lists::next_number).min().flatten() {
            for (nth, lists) in required.iter_mut().enumerate() {
                let forms = lists.take(number).map(|part| part.form);
                if nth == 0 {
                    assign_union(&mut passing, forms);
                } else {
                    assign_union(&mut union, forms);
                    passing.iter_mut().zip(&union).for_each(|(word, with)| *word &= with);
                }
            }
            for part in excluded.take(number) {
                subtract(&mut passing, part.form);
            }
            let chats = count(&passing);
            totals.chats += chats;
            totals.rows += chats;
            for len in (2..).step_by(2) {
                let Some(longer) = lengths.take(len, number) else { break };
                let longest = lengths.take(len + 1, number).unwrap_or(Form::Sparse(&[]));
                let [counted, last] = count_common_with_each(&passing, [longer, longest]);
                totals.rows += counted + last;
                if last == 0 {
                    break;
                }
            }
            if let Some(matched) = &mut matched {
                for part in matched.take(number) {
                    totals.matched_rows += count_common(&passing, part.form);
                }
            }
        }
        totals
    }

    /// How many chunks a frequent label has.
    fn chunks(&self) -> u64 {
        to_u64(self.chats.len() / PLACES + 1)
    }

    /// What both ways here cost at least, whatever labels are asked for.
    pub(crate) fn least_cost_by_chunks(&self, clauses: &ResolvedFilter) -> u64 {
        self.chunks() * LOOKUP * to_u64(clauses.ids.len())
    }

    pub(crate) fn cost_by_chats(&self, clauses: &ResolvedFilter) -> u64 {
        let chunks = self.chunks();
        let lists = clauses.any.iter().chain(&clauses.all).chain([&clauses.none]).flatten();
        let united = |&slot: &Slot| chunks * LOOKUP + self.postings.len(slot).min(chunks * DENSE_CHUNK);
        let lengths = self.postings.lengths().min(MANY_LENGTHS);
        lists.map(united).sum::<u64>() + chunks * COUNTED_CHUNK * lengths
    }

    fn has_few_lengths(&self) -> bool {
        self.postings.lengths() <= FEW_LENGTHS
    }

    fn cost_of_repeat(&self) -> u64 {
        if self.has_few_lengths() { REPEAT } else { LOOKED_UP }
    }

    /// The chats and rows of each label, less those of the chats that an earlier label had. How many these are is a
    /// guess beforehand: gives up where it turns out to cost more than `most`.
    pub(crate) fn totals_by_repeats(&self, any: &[Slot], most: u64) -> Option<Totals> {
        let any = match any {
            [_] => Cow::Borrowed(any),
            _ => Cow::Owned(self.without_twins(any)),
        };
        let mut totals = Totals::default();
        for &slot in &*any {
            let Counts { chats, rows } = self.postings.counts(slot);
            totals.chats += chats;
            totals.rows += rows;
        }
        if let [_] = *any {
            return Some(totals);
        }
        let (all, mut read) = (totals.chats, 0);
        let mut repeats = 0;
        let mut seen = NONE;
        let (mut repeated, mut lengths) = (Vec::new(), Lengths::new(&self.postings));
        let by_lengths = self.has_few_lengths();
        let mut lists = Lists::new(&self.postings, &any, 0);
        let mut parts: Vec<Part<'_>> = Vec::with_capacity(any.len());
        while let Some(number) = lists.next_number() {
            parts.clear();
            parts.extend(lists.take(number));
            read += parts.iter().map(|part| to_u64(part.len)).sum::<u64>();
            if parts.len() < 2 {
                continue;
            }
            // The largest first: all of it is new.
            let Some(largest) = (0..parts.len()).max_by_key(|&nth| parts.get(nth).map(|part| part.len)) else {
                continue;
            };
            parts.swap(0, largest);
            let Some((largest, others)) = parts.split_first() else { continue };
            unite(&mut seen, largest.form);
            for part in others {
                count_repeats(&mut seen, part.form, |low| repeated.push(low));
            }
            repeats += to_u64(repeated.len());
            totals.rows -= if by_lengths && repeated.len() > FEW_REPEATS {
                let among = |longer: Form<'_>| to_u64(repeated.iter().filter(|&&low| longer.contains(low)).count());
                let counts = (2..).map_while(|len| lengths.take(len, number).map(among));
                to_u64(repeated.len()) + counts.take_while(|&count| count > 0).sum::<u64>()
            } else {
                repeated.iter().map(|&low| self.len_at(join(number, low))).sum::<u64>()
            };
            repeated.clear();
            // Nothing else is in there, and mostly this is quicker than to clear all.
            parts.iter().for_each(|part| subtract(&mut seen, part.form));
            // As if the rest were like what was read.
            if (repeats * self.cost_of_repeat()).saturating_mul(all) / read.max(FAIR_SAMPLE) > most {
                return None;
            }
        }
        totals.chats -= repeats;
        Some(totals)
    }

    /// The labels without those that are rare and on the same chats as another one, so that all of theirs are repeats:
    /// some labels always come together.
    pub(crate) fn without_twins(&self, any: &[Slot]) -> Vec<Slot> {
        let mut slots = any.to_vec();
        slots.sort_by_cached_key(|&slot| self.postings.run(slot));
        slots.dedup_by(|slot, other| {
            self.postings.run(*slot).is_some_and(|places| self.postings.run(*other) == Some(places))
        });
        slots
    }

    pub(crate) fn cost_by_repeats(&self, any: &[Slot]) -> u64 {
        if let [_] = any {
            return 0;
        }
        let chunks = self.chunks();
        let lookups = chunks * LOOKUP * to_u64(any.len());
        let all = self.total_chats().max(1);
        let (mut union, mut repeats, mut reads) = (0, 0, 0);
        for &slot in any {
            let chats = self.postings.len(slot);
            reads += (chats * CHECK).min(chunks * COMPARED_CHUNK);
            // As if labels were independent.
            let new = chats * (all - union) / all;
            union += new;
            repeats += chats - new;
        }
        lookups + reads + repeats * self.cost_of_repeat()
    }
}

/// Adds places to those that were seen, and tells of those that were there already.
fn count_repeats(seen: &mut Words, places: Form<'_>, mut repeat: impl FnMut(u16)) {
    match places {
        Form::Dense(words) => {
            let mut common = NONE;
            common.iter_mut().zip(seen.iter().zip(words)).for_each(|(common, (word, with))| *common = word & with);
            Bits::from(&common, 0).for_each(repeat);
            unite(seen, places);
        }
        few => few.for_each(|low| {
            if !insert(seen, low) {
                repeat(low);
            }
        }),
    }
}
