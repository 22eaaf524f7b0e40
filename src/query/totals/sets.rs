//! Totals from the distinct label sets.

use fearless_simd::{Level, dispatch};

use crate::collections::number::to_u64;
use crate::query::answer::Totals;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::State;
use crate::state::labels::Slot;
use crate::state::signatures::{BLOCK, InBlock, SIGNATURE_BITS, SetId, signature_bit};

/// Cost of scanning a block of sets, in nanoseconds.
const BLOCK_OF_SETS: u64 = 40;

/// The same, at most, for any filter of few labels.
const BLOCK_FOR_FEW: u64 = 64;

/// Cost of skipping a block that has no set any more, in nanoseconds.
const BLOCK_WITHOUT_SETS: u64 = 5;

/// Cost of checking the labels of a set, in nanoseconds.
const MEMBERS: u64 = 16;

/// The most sets, of 64, that are summed one by one.
const FEW: u32 = 6;

/// Binary digits of a number of labels, each with a signature bit of its own: at most [`SIGNATURE_BITS`].
const PLANES: usize = 9;

impl State {
    /// Whether signatures are exact: every label has a bit of its own.
    fn has_exact_signatures(&self) -> bool {
        self.labels.slot_count() <= SIGNATURE_BITS
    }

    /// What a scan costs at most for a filter of few labels, in nanoseconds.
    pub(crate) fn cost_of_scan(&self) -> u64 {
        self.cost_by_blocks(BLOCK_FOR_FEW)
    }

    /// What a scan costs where a block that has sets costs `each`.
    fn cost_by_blocks(&self, each: u64) -> u64 {
        let sets = &self.sets;
        let occupied = sets.signatures.occupied();
        let others = sets.len().div_ceil(BLOCK).saturating_sub(occupied);
        let blocks = to_u64(occupied).saturating_mul(each).saturating_add(to_u64(others) * BLOCK_WITHOUT_SETS);
        let members = if self.has_exact_signatures() { 0 } else { to_u64(sets.live()) * MEMBERS };
        blocks.saturating_add(members)
    }
}

/// A scan over the distinct label sets by signature.
pub(crate) struct SetScan<'a> {
    state: &'a State,
    clauses: &'a ResolvedFilter,
    /// Whether the signatures are exact.
    exact: bool,
}

impl<'a> SetScan<'a> {
    pub(crate) fn new(state: &'a State, clauses: &'a ResolvedFilter) -> Self {
        Self { state, clauses, exact: state.has_exact_signatures() }
    }

    /// What a scan costs, in nanoseconds.
    pub(crate) fn cost(&self) -> u64 {
        self.state.cost_by_blocks(BLOCK_OF_SETS + to_u64(self.clauses.labels()))
    }

    /// Goes through the sets block by block, with the widest vectors that the processor has.
    pub(crate) fn totals(&self) -> Totals {
        dispatch!(Level::new(), _vectors => self.scan())
    }

    /// Loops are written out: a closure that an iterator calls would lose the vectors.
    #[inline(always)]
    fn scan(&self) -> Totals {
        let mut totals = Totals::default();
        let counted = self.clauses.any.as_deref().filter(|_| self.clauses.only_any().is_none());
        for (block, (counts, lens)) in self.state.sets.blocks().enumerate() {
            let (there, slices) = self.state.sets.signatures.block(block);
            if there == 0 {
                continue;
            }
            let mut hits = self.hits(there, slices);
            if !self.exact {
                hits = self.verified(hits, block);
            }
            let (chats, rows) = sum(hits, counts, lens);
            totals.chats += chats;
            totals.rows += rows;
            let Some(any) = counted else { continue };
            if self.exact {
                for (nth, plane) in (0..).zip(matched(any, hits, slices)) {
                    totals.matched_rows += sum(plane, counts, lens).0 << nth;
                }
            } else {
                totals.matched_rows += self.matched_by_members(hits, block, counts);
            }
        }
        totals
    }

    /// The sets of a block whose signatures pass.
    fn hits(&self, there: InBlock, slices: &[InBlock]) -> InBlock {
        let slice = |&slot: &Slot| slices.get(signature_bit(slot)).copied().unwrap_or(0);
        let union = |slots: &[Slot]| slots.iter().fold(0, |union, slot| union | slice(slot));
        let mut hits = self.clauses.any.as_deref().map_or(there, union);
        for entry in &self.clauses.all {
            hits &= union(entry);
        }
        // The bit of a label that is excluded may be that of another label.
        if self.exact { hits & !union(&self.clauses.none) } else { hits }
    }

    /// The numbers of sets of one block, with where they are in it.
    fn sets(hits: InBlock, block: usize) -> impl Iterator<Item = (usize, SetId)> {
        let numbers = (0..BLOCK).filter(move |at| hits >> at & 1 == 1);
        numbers.filter_map(move |at| Some((at, SetId::try_from(block * BLOCK + at).ok()?)))
    }

    /// Keeps only the sets whose labels pass, where signatures may be shared.
    fn verified(&self, hits: InBlock, block: usize) -> InBlock {
        let sets = Self::sets(hits, block).filter(|&(_, set)| self.clauses.pass(self.state.sets.members(set)));
        sets.fold(0, |verified, (at, _)| verified | 1 << at)
    }

    fn matched_by_members(&self, hits: InBlock, block: usize, counts: &[u32]) -> u64 {
        let matched = |set| to_u64(self.clauses.matched(self.state.sets.members(set)));
        Self::sets(hits, block)
            .filter_map(|(at, set)| counts.get(at).map(|&count| u64::from(count) * matched(set)))
            .sum()
    }
}

/// In how many labels of the any-of clause each set matches, in binary: a plane for each digit, the lowest first.
fn matched(any: &[Slot], hits: InBlock, slices: &[InBlock]) -> [InBlock; PLANES] {
    let mut planes = [0; PLANES];
    for slice in any.iter().filter_map(|&slot| slices.get(signature_bit(slot))) {
        let mut carry = slice & hits;
        for plane in &mut planes {
            (*plane, carry) = (*plane ^ carry, *plane & carry);
        }
    }
    planes
}

/// The chats and rows of some sets of a block.
#[inline(always)]
fn sum(hits: InBlock, counts: &[u32], lens: &[u32]) -> (u64, u64) {
    let (mut chats, mut rows) = (0, 0);
    for (half, (counts, lens)) in counts.chunks(64).zip(lens.chunks(64)).enumerate() {
        let hits = low_half(hits >> (half * 64));
        if hits.count_ones() <= FEW {
            let mut rest = hits;
            while rest != 0 {
                let at = usize::try_from(rest.trailing_zeros()).unwrap_or(usize::MAX);
                if let (Some(&count), Some(&len)) = (counts.get(at), lens.get(at)) {
                    chats += u64::from(count);
                    rows += u64::from(count) * u64::from(len);
                }
                rest &= rest - 1;
            }
        } else {
            for (at, (&count, &len)) in counts.iter().zip(lens).enumerate() {
                let count = if hits >> at & 1 == 0 { 0 } else { u64::from(count) };
                chats += count;
                rows += count * u64::from(len);
            }
        }
    }
    (chats, rows)
}

/// The lower 64 of 128 bits.
fn low_half(bits: u128) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = bits.to_le_bytes();
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
