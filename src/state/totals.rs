//! Exact totals of a filter, computed the cheapest way.

use std::borrow::Cow;

use fearless_simd::{Level, dispatch};

use crate::answer::Totals;
use crate::state::State;
use crate::state::clauses::Clauses;
use crate::state::label_sets::{BLOCK, OWN_BITS, SetId, Signature, signature};
use crate::state::labels::Slot;
use crate::state::postings::{Chunk, List};

/// A way to compute totals. All give the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A scan over the distinct label sets: the cost is that of the sets, whatever the number of chats.
    Sets,
    /// Bitmaps of chats, chunk by chunk: the cost is that of the chats with the labels asked for.
    Chats,
}

impl State {
    /// The totals of everything that passes.
    pub(crate) fn totals(&self, clauses: &Clauses) -> Totals {
        if clauses.pass_nobody() {
            return Totals::default();
        }
        if clauses.pass_everybody() {
            return self.grand_totals();
        }
        self.totals_by(self.cheapest_way(clauses), clauses)
    }

    fn grand_totals(&self) -> Totals {
        Totals { chats: self.total_chats(), rows: self.total_rows, matched_rows: self.total_rows }
    }

    pub(crate) fn totals_by(&self, way: Way, clauses: &Clauses) -> Totals {
        let mut totals = match way {
            Way::Sets => SetScan::new(self, clauses).totals(),
            Way::Chats => self.chat_totals(clauses),
        };
        if let Some(any) = clauses.only_any() {
            totals.matched_rows = any.iter().map(|&slot| self.postings.len(slot)).sum();
        } else if clauses.any.is_none() {
            totals.matched_rows = totals.rows;
        }
        totals
    }

    /// Estimates both ways, in units of about a nanosecond.
    pub(crate) fn cheapest_way(&self, clauses: &Clauses) -> Way {
        const CHUNK: u64 = 1 << 16;
        const DENSE_CHUNK: u64 = 500;
        let wide = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let lists = [clauses.any.as_deref().unwrap_or_default(), &clauses.none].into_iter();
        let lists = lists.chain(clauses.all.iter().map(Vec::as_slice));
        let chunks = wide(self.chats.len()) / CHUNK + 1;
        let per_list = |slots: &[Slot]| -> u64 {
            slots.iter().map(|&slot| self.postings.len(slot).min(chunks * DENSE_CHUNK) + 40).sum()
        };
        let chats = lists.map(per_list).sum::<u64>() + chunks.min(self.total_chats()) * DENSE_CHUNK;
        let sets = wide(self.sets.len());
        let sets = match SetScan::new(self, clauses) {
            scan if scan.only_word().is_some() => sets / 4,
            scan if scan.exact => sets * (1 + wide(clauses.all.len())),
            _ => sets * (2 + wide(clauses.all.len())) * 8,
        };
        if sets <= chats { Way::Sets } else { Way::Chats }
    }

    /// Totals from bitmaps; `matched_rows` only where other totals do not give it.
    fn chat_totals(&self, clauses: &Clauses) -> Totals {
        if clauses.any.is_none() && clauses.all.is_empty() {
            // Everybody but those with one of these labels.
            let excluded = Clauses { any: Some(clauses.none.clone()), ..Clauses::default() };
            let (all, excluded) = (self.grand_totals(), self.chat_totals(&excluded));
            return Totals { chats: all.chats - excluded.chats, rows: all.rows - excluded.rows, matched_rows: 0 };
        }
        let mut totals = Totals::default();
        for number in 0..self.postings.chunk_count() {
            let Some(chats) = self.passing_chunk(clauses, number) else { continue };
            totals.chats += chats.len();
            totals.rows += self.rows_of_chunk(&chats, number);
            if let Some(any) = &clauses.any
                && clauses.only_any().is_none()
            {
                let lists = any.iter().filter_map(|&slot| self.postings.chunk(List::Label(slot), number));
                totals.matched_rows += lists.map(|list| chats.intersection_len(list)).sum::<u64>();
            }
        }
        totals
    }

    /// The number of pairs of some chats of one chunk.
    fn rows_of_chunk(&self, chats: &Chunk, number: u32) -> u64 {
        // Each list holds the next, so after an empty intersection there are only empty ones.
        let longer = (2..).map_while(|len| self.postings.chunk(List::AtLeast(len), number));
        chats.len() + longer.map(|longer| chats.intersection_len(longer)).take_while(|&len| len > 0).sum::<u64>()
    }

    /// The chats of one chunk that pass; there is an any-of or an all-of clause.
    fn passing_chunk(&self, clauses: &Clauses, number: u32) -> Option<Cow<'_, Chunk>> {
        let mut passing: Option<Cow<'_, Chunk>> = None;
        for entry in clauses.any.iter().chain(&clauses.all) {
            let union = self.postings.union(entry, number)?;
            passing = Some(match passing {
                None => union,
                Some(passing) => Cow::Owned(&*passing & &*union),
            });
        }
        let mut passing = passing?;
        for &slot in &clauses.none {
            if let Some(excluded) = self.postings.chunk(List::Label(slot), number) {
                *passing.to_mut() -= excluded;
            }
        }
        (!passing.is_empty()).then_some(passing)
    }
}

/// A scan over the distinct label sets by signature.
struct SetScan<'a> {
    state: &'a State,
    clauses: &'a Clauses,
    any: Option<Signature>,
    all: Vec<Signature>,
    none: Signature,
    /// Whether a signature says all: every label has a bit of its own.
    exact: bool,
}

impl<'a> SetScan<'a> {
    fn new(state: &'a State, clauses: &'a Clauses) -> Self {
        Self {
            state,
            clauses,
            any: clauses.any.as_deref().map(signature),
            all: clauses.all.iter().map(|entry| signature(entry)).collect(),
            none: signature(&clauses.none),
            exact: state.labels.slot_count() <= OWN_BITS,
        }
    }

    /// Goes through the sets block by block, with the widest vectors that the processor has.
    fn totals(&self) -> Totals {
        dispatch!(Level::new(), _vectors => self.scan())
    }

    #[inline(always)]
    fn scan(&self) -> Totals {
        let only_word = self.only_word();
        let mut totals = Totals::default();
        for (block, (counts, lens)) in self.state.sets.blocks().enumerate() {
            let (chats, rows) = if let Some((word, wanted)) = only_word {
                sum_of_word(self.state.sets.words(word, block), wanted, counts, lens)
            } else {
                let hits = self.hits(block, counts);
                totals.matched_rows += self.matched_rows(&hits, block, counts);
                sum_of_hits(&hits, counts, lens)
            };
            totals.chats += chats;
            totals.rows += rows;
        }
        totals
    }

    /// The one word that decides, if nothing but an any-of clause does whose labels share it.
    fn only_word(&self) -> Option<(usize, u64)> {
        let any = self.any.filter(|_| self.exact && self.clauses.only_any().is_some())?;
        let mut words = any.into_iter().enumerate().filter(|(_, wanted)| *wanted != 0);
        words.next().filter(|_| words.next().is_none())
    }

    /// For each set of a block, whether it passes: each clause over the whole block, without a branch.
    #[inline(always)]
    fn hits(&self, block: usize, counts: &[u32]) -> [bool; BLOCK] {
        let mut hits = [true; BLOCK];
        for required in self.any.iter().chain(&self.all) {
            let met = self.any_bit(required, block);
            hits.iter_mut().zip(met).for_each(|(hit, met)| *hit &= met != 0);
        }
        if !self.exact {
            self.verify(&mut hits, block, counts);
        } else if !self.clauses.none.is_empty() {
            let met = self.any_bit(&self.none, block);
            hits.iter_mut().zip(met).for_each(|(hit, met)| *hit &= met == 0);
        }
        hits
    }

    /// For each set of a block, whether it has a bit of this signature.
    #[inline(always)]
    fn any_bit(&self, wanted: &Signature, block: usize) -> [u64; BLOCK] {
        let mut met = [0; BLOCK];
        for (word, &wanted) in wanted.iter().enumerate().filter(|(_, wanted)| **wanted != 0) {
            let words = self.state.sets.words(word, block);
            met.iter_mut().zip(words).for_each(|(met, word)| *met |= word & wanted);
        }
        met
    }

    /// The sets of a block that are hit, by number.
    fn hit_sets(
        &self,
        hits: &[bool; BLOCK],
        block: usize,
        counts: &[u32],
    ) -> impl Iterator<Item = (usize, SetId, u64)> {
        hits.iter().zip(counts).enumerate().filter(|(_, (hit, count))| **hit && **count > 0).filter_map(
            move |(at, (_, &count))| Some((at, SetId::try_from(block * BLOCK + at).ok()?, u64::from(count))),
        )
    }

    /// Keeps only the sets whose labels pass, where signatures may be shared.
    fn verify(&self, hits: &mut [bool; BLOCK], block: usize, counts: &[u32]) {
        let mut verified = [false; BLOCK];
        for (at, set, _) in self.hit_sets(hits, block, counts) {
            if let Some(hit) = verified.get_mut(at) {
                *hit = self.clauses.pass(self.state.sets.members(set));
            }
        }
        *hits = verified;
    }

    /// The pairs of the any-of clause, where no counter knows them.
    #[inline(always)]
    fn matched_rows(&self, hits: &[bool; BLOCK], block: usize, counts: &[u32]) -> u64 {
        let Some(any) = self.any.filter(|_| self.clauses.only_any().is_none()) else { return 0 };
        if !self.exact {
            let matched = |set| u64::try_from(self.clauses.matched(self.state.sets.members(set))).unwrap_or(0);
            return self.hit_sets(hits, block, counts).map(|(_, set, count)| count * matched(set)).sum();
        }
        let mut matched = [0; BLOCK];
        for (word, wanted) in any.into_iter().enumerate().filter(|(_, wanted)| *wanted != 0) {
            let words = self.state.sets.words(word, block);
            matched.iter_mut().zip(words).for_each(|(matched, word)| *matched += (word & wanted).count_ones());
        }
        sum_of_hits(hits, counts, &matched).1
    }
}

/// The chats and rows of the sets that have a bit of one word.
#[inline(always)]
fn sum_of_word(words: &[u64], wanted: u64, counts: &[u32], lens: &[u32]) -> (u64, u64) {
    let (mut chats, mut rows) = (0, 0);
    for ((&word, &count), &len) in words.iter().zip(counts).zip(lens) {
        let count = if word & wanted == 0 { 0 } else { count };
        chats += u64::from(count);
        rows += u64::from(count) * u64::from(len);
    }
    (chats, rows)
}

/// The chats and rows of the sets that are hit.
#[inline(always)]
fn sum_of_hits(hits: &[bool; BLOCK], counts: &[u32], lens: &[u32]) -> (u64, u64) {
    let (mut chats, mut rows) = (0, 0);
    for ((&hit, &count), &len) in hits.iter().zip(counts).zip(lens) {
        let count = if hit { count } else { 0 };
        chats += u64::from(count);
        rows += u64::from(count) * u64::from(len);
    }
    (chats, rows)
}
