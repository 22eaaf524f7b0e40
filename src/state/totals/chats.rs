//! Totals from the lists of chats.

use fearless_simd::{Level, dispatch};

use crate::answer::Totals;
use crate::state::State;
use crate::state::clauses::Clauses;
use crate::state::labels::{Slot, wide};
use crate::state::postings::chunk::{PLACES, join};
use crate::state::postings::words::{Bits, Form, NONE, Words, contains, count, count_common, subtract, unite};
use crate::state::postings::{Counts, List, Lists, Part};

/// Finding the chunk of a label, in nanoseconds.
const LOOKUP: u64 = 25;

/// Uniting the dense chunk of a label.
const DENSE_CHUNK: u64 = 60;

/// Adding a chat that was counted already to a sum.
const REPEAT: u64 = 15;

/// Comparing the dense chunk of a label with what was seen, and adding it.
const COMPARED_CHUNK: u64 = 150;

/// Chats that have to be read before repeats among them mean something.
const FAIR_SAMPLE: u64 = 1_000;

/// Counting the united chats of a chunk, or their rows by one list of lengths.
const COUNTED_CHUNK: u64 = 100;

/// Of more lists of lengths, those of the greatest lengths are short.
const MANY_LENGTHS: u64 = 24;

impl State {
    /// Sets of chats, chunk by chunk; `matched_rows` only where other totals do not give it.
    pub(super) fn totals_by_chats(&self, clauses: &Clauses) -> Totals {
        if clauses.any.is_none() && clauses.all.is_empty() {
            // Everybody but those with one of these labels.
            let excluded = Clauses { any: Some(clauses.none.clone()), ..Clauses::default() };
            let (all, excluded) = (self.grand_totals(), self.totals_by_chats(&excluded));
            return Totals { chats: all.chats - excluded.chats, rows: all.rows - excluded.rows, matched_rows: 0 };
        }
        dispatch!(Level::new(), _vectors => self.totals_of_chunks(clauses))
    }

    #[inline(always)]
    fn totals_of_chunks(&self, clauses: &Clauses) -> Totals {
        let lists = |slots: &Vec<Slot>| Lists::new(&self.postings, slots, 0);
        let mut required: Vec<Lists<'_>> = clauses.any.iter().chain(&clauses.all).map(lists).collect();
        let mut excluded = lists(&clauses.none);
        let counted = clauses.any.as_ref().filter(|_| clauses.only_any().is_none());
        let mut matched = counted.map(lists);
        let mut totals = Totals::default();
        // A chunk without a chat of every list cannot have one that passes.
        while let Some(number) = required.iter().map(Lists::next_number).min().flatten() {
            let mut passing = NONE;
            for (nth, lists) in required.iter_mut().enumerate() {
                let mut union = NONE;
                let target = if nth == 0 { &mut passing } else { &mut union };
                lists.take(number).for_each(|part| unite(target, part.form));
                if nth > 0 {
                    passing.iter_mut().zip(&union).for_each(|(word, with)| *word &= with);
                }
            }
            excluded.take(number).for_each(|part| subtract(&mut passing, part.form));
            totals.chats += count(&passing);
            totals.rows += self.rows_of(&passing, number);
            if let Some(matched) = &mut matched {
                let counts = matched.take(number).map(|part| count_common(&passing, part.form));
                totals.matched_rows += counts.sum::<u64>();
            }
        }
        totals
    }

    /// The number of pairs of some chats of one chunk.
    #[inline(always)]
    fn rows_of(&self, chats: &Words, number: u32) -> u64 {
        let mut rows = count(chats);
        for len in 2.. {
            let longer = self.postings.part(List::AtLeast(len), number);
            // Each list holds the next, so after an empty intersection there are only empty ones.
            match longer.map(|longer| count_common(chats, longer.form)) {
                None | Some(0) => break,
                Some(longer) => rows += longer,
            }
        }
        rows
    }

    /// How many chunks a frequent label has.
    fn chunks(&self) -> u64 {
        wide(self.chats.len() / PLACES + 1)
    }

    pub(super) fn cost_by_chats(&self, clauses: &Clauses) -> u64 {
        let chunks = self.chunks();
        let lists = clauses.any.iter().chain(&clauses.all).chain([&clauses.none]).flatten();
        let united = |&slot: &Slot| chunks * LOOKUP + self.postings.len(slot).min(chunks * DENSE_CHUNK);
        let lengths = self.postings.lengths().min(MANY_LENGTHS);
        lists.map(united).sum::<u64>() + chunks * COUNTED_CHUNK * lengths
    }

    /// The chats and rows of each label, less those of the chats that an earlier label had. How many these are is a
    /// guess beforehand: gives up where it turns out to cost more than `most`.
    pub(super) fn totals_by_repeats(&self, any: &[Slot], most: u64) -> Option<Totals> {
        let mut totals = Totals::default();
        for &slot in any {
            let Counts { chats, rows } = self.postings.counts(slot);
            totals.chats += chats;
            totals.rows += rows;
        }
        if let [_] = any {
            return Some(totals);
        }
        let (all, mut read) = (totals.chats, 0);
        let mut repeats = 0;
        let mut seen = NONE;
        let mut lists = Lists::new(&self.postings, any, 0);
        let mut parts: Vec<Part<'_>> = Vec::with_capacity(any.len());
        while let Some(number) = lists.next_number() {
            parts.clear();
            parts.extend(lists.take(number));
            read += parts.iter().map(|part| wide(part.len)).sum::<u64>();
            if parts.len() < 2 {
                continue;
            }
            // The largest first: all of it is new.
            parts.sort_unstable_by_key(|part| std::cmp::Reverse(part.len));
            let Some((largest, others)) = parts.split_first() else { continue };
            unite(&mut seen, largest.form);
            for part in others {
                count_repeats(&mut seen, part.form, |low| {
                    repeats += 1;
                    totals.rows -= self.len_at(join(number, low));
                });
            }
            // Nothing else is in there, and mostly this is quicker than to clear all.
            parts.iter().for_each(|part| subtract(&mut seen, part.form));
            // As if the rest were like what was read.
            if (repeats * REPEAT).saturating_mul(all) / read.max(FAIR_SAMPLE) > most {
                return None;
            }
        }
        totals.chats -= repeats;
        Some(totals)
    }

    pub(super) fn cost_by_repeats(&self, any: &[Slot]) -> u64 {
        if let [_] = any {
            return 0;
        }
        let chunks = self.chunks();
        let lookups = chunks * LOOKUP * wide(any.len());
        let all = self.total_chats().max(1);
        let (mut union, mut repeats, mut reads) = (0, 0, 0);
        for &slot in any {
            let chats = self.postings.len(slot);
            reads += chats.min(chunks * COMPARED_CHUNK);
            // As if labels were independent.
            let new = chats * (all - union) / all;
            union += new;
            repeats += chats - new;
        }
        lookups + reads + repeats * REPEAT
    }
}

/// Adds places to those that were seen, and tells of those that were there already.
fn count_repeats(seen: &mut Words, places: Form<'_>, mut repeat: impl FnMut(u16)) {
    match places {
        Form::Sparse(_) | Form::Run(_) => places.iter_from(0).filter(|&low| contains(seen, low)).for_each(&mut repeat),
        Form::Dense(words) => {
            let mut common = NONE;
            common.iter_mut().zip(seen.iter().zip(words)).for_each(|(common, (word, with))| *common = word & with);
            Bits::from(&common, 0).for_each(&mut repeat);
        }
    }
    unite(seen, places);
}
