//! Totals from the distinct label sets.

use fearless_simd::{Level, dispatch};

use crate::answer::Totals;
use crate::state::State;
use crate::state::clauses::Clauses;
use crate::state::label_sets::{BLOCK, OWN_BITS, SetId, Signature, signature};
use crate::state::labels::wide;

/// For each set of a block, 0 if it is not hit. As wide as a word of a signature, so that vectors keep their width.
type Hits = [u64; BLOCK];

/// A set that is hit, whatever bit says so.
const HIT: u64 = u64::MAX;

/// A scan over the distinct label sets by signature.
pub(super) struct SetScan<'a> {
    state: &'a State,
    clauses: &'a Clauses,
    any: Option<Signature>,
    all: Vec<Signature>,
    none: Signature,
    /// Whether a signature says all: every label has a bit of its own.
    exact: bool,
}

impl<'a> SetScan<'a> {
    pub(super) fn new(state: &'a State, clauses: &'a Clauses) -> Self {
        Self {
            state,
            clauses,
            any: clauses.any.as_deref().map(signature),
            all: clauses.all.iter().map(|entry| signature(entry)).collect(),
            none: signature(&clauses.none),
            exact: state.labels.slot_count() <= OWN_BITS,
        }
    }

    /// What a scan costs, in nanoseconds.
    pub(super) fn cost(&self) -> u64 {
        let sets = wide(self.state.sets.len());
        let clauses = 1 + wide(self.all.len());
        if self.only_word().is_some() {
            sets / 4
        } else if self.exact {
            sets.saturating_mul(clauses)
        } else {
            sets.saturating_mul(clauses + 1).saturating_mul(8)
        }
    }

    /// Goes through the sets block by block, with the widest vectors that the processor has.
    pub(super) fn totals(&self) -> Totals {
        dispatch!(Level::new(), _vectors => self.scan())
    }

    #[inline(always)]
    fn scan(&self) -> Totals {
        let only_word = self.only_word();
        let mut totals = Totals::default();
        let mut hits = [0; BLOCK];
        for (block, (counts, lens)) in self.state.sets.blocks().enumerate() {
            let (chats, rows) = if let Some((word, wanted)) = only_word {
                sum_of_word(self.state.sets.words(word, block), wanted, counts, lens)
            } else {
                self.hits(block, counts, &mut hits);
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
    fn hits(&self, block: usize, counts: &[u32], hits: &mut Hits) {
        let mut required = self.any.iter().chain(&self.all);
        // What is met is a hit as it is.
        match required.next() {
            Some(first) => self.meet(first, block, hits),
            None => hits.fill(HIT),
        }
        let mut met = [0; BLOCK];
        for required in required {
            self.meet(required, block, &mut met);
            hits.iter_mut().zip(&met).for_each(|(hit, met)| *hit = if *met == 0 { 0 } else { *hit });
        }
        if !self.exact {
            self.verify(hits, block, counts);
        } else if !self.clauses.none.is_empty() {
            self.meet(&self.none, block, &mut met);
            hits.iter_mut().zip(&met).for_each(|(hit, met)| *hit = if *met == 0 { *hit } else { 0 });
        }
    }

    /// Marks the sets of a block that have a bit of this signature, and no others.
    #[inline(always)]
    fn meet(&self, wanted: &Signature, block: usize, met: &mut Hits) {
        met.fill(0);
        for (word, &wanted) in wanted.iter().enumerate().filter(|(_, wanted)| **wanted != 0) {
            let words = self.state.sets.words(word, block);
            met.iter_mut().zip(words).for_each(|(met, word)| *met |= word & wanted);
        }
    }

    /// The sets of a block that are hit, by number.
    fn hit_sets(&self, hits: &Hits, block: usize, counts: &[u32]) -> impl Iterator<Item = (usize, SetId, u64)> {
        hits.iter().zip(counts).enumerate().filter(|(_, (hit, count))| **hit != 0 && **count > 0).filter_map(
            move |(at, (_, &count))| Some((at, SetId::try_from(block * BLOCK + at).ok()?, u64::from(count))),
        )
    }

    /// Keeps only the sets whose labels pass, where signatures may be shared.
    fn verify(&self, hits: &mut Hits, block: usize, counts: &[u32]) {
        let mut verified = [0; BLOCK];
        for (at, set, _) in self.hit_sets(hits, block, counts) {
            if let Some(hit) = verified.get_mut(at)
                && self.clauses.pass(self.state.sets.members(set))
            {
                *hit = HIT;
            }
        }
        *hits = verified;
    }

    /// The pairs of the any-of clause, where no counter knows them.
    #[inline(always)]
    fn matched_rows(&self, hits: &Hits, block: usize, counts: &[u32]) -> u64 {
        let Some(any) = self.any.filter(|_| self.clauses.only_any().is_none()) else { return 0 };
        if !self.exact {
            let matched = |set| wide(self.clauses.matched(self.state.sets.members(set)));
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
fn sum_of_hits(hits: &Hits, counts: &[u32], lens: &[u32]) -> (u64, u64) {
    sum_of_word(hits, HIT, counts, lens)
}
