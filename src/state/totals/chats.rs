//! Totals from the lists of chats.

use fearless_simd::{Level, dispatch};

use crate::answer::Totals;
use crate::state::State;
use crate::state::clauses::Clauses;
use crate::state::labels::Slot;
use crate::state::postings::chunk::{
    Bits, Chunk, Form, PLACES, Words, contains, count, count_common, join, subtract, unite,
};
use crate::state::postings::{Counts, List};

/// Finding the chunk of a label, in nanoseconds.
const LOOKUP: u64 = 25;

/// Uniting the dense chunk of a label.
const DENSE_CHUNK: u64 = 60;

/// Adding a chat that was counted already to a sum.
const REPEAT: u64 = 15;

/// Counting the united chats of a chunk, or their rows by one list of lengths.
const COUNTED_CHUNK: u64 = 100;

impl State {
    /// Sets of chats, chunk by chunk; `matched_rows` only where other totals do not give it.
    pub(super) fn totals_by_chats(&self, clauses: &Clauses) -> Totals {
        if clauses.any.is_none() && clauses.all.is_empty() {
            // Everybody but those with one of these labels.
            let excluded = Clauses { any: Some(clauses.none.clone()), ..Clauses::default() };
            let (all, excluded) = (self.grand_totals(), self.totals_by_chats(&excluded));
            return Totals { chats: all.chats - excluded.chats, rows: all.rows - excluded.rows, matched_rows: 0 };
        }
        dispatch!(Level::new(), _vectors => {
            let mut totals = Totals::default();
            for number in 0..self.postings.chunk_count() {
                let passing = self.passing(clauses, number);
                totals.chats += count(&passing);
                totals.rows += self.rows_of(&passing, number);
                if clauses.only_any().is_none() {
                    let any = clauses.any.as_deref().unwrap_or_default();
                    let matched = self.postings.chunks_of(any, number);
                    totals.matched_rows += matched.map(|chunk| count_common(&passing, chunk.form())).sum::<u64>();
                }
            }
            totals
        })
    }

    /// The chats of one chunk that pass; there is an any-of or an all-of clause.
    #[inline(always)]
    fn passing(&self, clauses: &Clauses, number: u32) -> Words {
        let mut entries = clauses.any.iter().chain(&clauses.all);
        let mut passing = entries.next().map_or([0; PLACES / 64], |entry| self.union(entry, number));
        for entry in entries {
            let union = self.union(entry, number);
            passing.iter_mut().zip(&union).for_each(|(word, with)| *word &= with);
        }
        for chunk in self.postings.chunks_of(&clauses.none, number) {
            subtract(&mut passing, chunk.form());
        }
        passing
    }

    /// The chats of one chunk with any of these labels.
    #[inline(always)]
    fn union(&self, slots: &[Slot], number: u32) -> Words {
        let mut union = [0; PLACES / 64];
        for chunk in self.postings.chunks_of(slots, number) {
            unite(&mut union, chunk.form());
        }
        union
    }

    /// The number of pairs of some chats of one chunk.
    #[inline(always)]
    fn rows_of(&self, chats: &Words, number: u32) -> u64 {
        let mut rows = count(chats);
        for len in 2.. {
            let longer = self.postings.chunk(List::at_least(len), number);
            // Each list holds the next, so after an empty intersection there are only empty ones.
            match longer.map(|longer| count_common(chats, longer.form())) {
                None | Some(0) => break,
                Some(longer) => rows += longer,
            }
        }
        rows
    }

    pub(super) fn cost_by_chats(&self, clauses: &Clauses) -> u64 {
        let chunks = u64::from(self.postings.chunk_count());
        let lists = clauses.any.iter().chain(&clauses.all).chain([&clauses.none]).flatten();
        let united = |&slot: &Slot| chunks * LOOKUP + self.postings.len(slot).min(chunks * DENSE_CHUNK);
        let lengths = self.total_rows / self.total_chats().max(1) + 3;
        lists.map(united).sum::<u64>() + chunks * COUNTED_CHUNK * lengths
    }

    /// The chats and rows of each label, less those of the chats that an earlier label had.
    pub(super) fn totals_by_repeats(&self, any: &[Slot]) -> Totals {
        let mut totals = Totals::default();
        for &slot in any {
            let Counts { chats, rows } = self.postings.counts(slot);
            totals.chats += chats;
            totals.rows += rows;
        }
        if let [_] = any {
            return totals;
        }
        let mut seen: Words = [0; PLACES / 64];
        let mut chunks: Vec<&Chunk> = Vec::with_capacity(any.len());
        for number in 0..self.postings.chunk_count() {
            chunks.clear();
            chunks.extend(self.postings.chunks_of(any, number));
            if chunks.len() < 2 {
                continue;
            }
            for chunk in &chunks {
                count_repeats(&mut seen, chunk.form(), |low| {
                    totals.chats -= 1;
                    totals.rows -= self.len_at(join(number, low));
                });
            }
            for chunk in &chunks {
                clear(&mut seen, chunk.form());
            }
        }
        totals
    }

    pub(super) fn cost_by_repeats(&self, any: &[Slot]) -> u64 {
        if let [_] = any {
            return 0;
        }
        let chunks = u64::from(self.postings.chunk_count());
        let lookups = chunks * LOOKUP * u64::try_from(any.len()).unwrap_or(u64::MAX);
        let all = self.total_chats().max(1);
        let (mut union, mut entries) = (0, 0);
        for &slot in any {
            let chats = self.postings.len(slot);
            entries += chats;
            // As if labels were independent.
            union += chats * (all - union) / all;
        }
        lookups + entries + (entries - union) * REPEAT
    }
}

/// Adds places to those that were seen, and tells of those that were there already.
fn count_repeats(seen: &mut Words, places: Form<'_>, mut repeat: impl FnMut(u16)) {
    match places {
        Form::Sparse(places) => {
            for &low in places {
                if contains(seen, low) {
                    repeat(low);
                }
            }
        }
        Form::Dense(words) => {
            let mut common = *seen;
            common.iter_mut().zip(words).for_each(|(word, with)| *word &= with);
            Bits::from(&common, 0).for_each(&mut repeat);
        }
    }
    unite(seen, places);
}

/// Makes a set that holds nothing but these places, and perhaps others, empty of these.
fn clear(seen: &mut Words, places: Form<'_>) {
    subtract(seen, places);
}
