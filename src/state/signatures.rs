//! Signatures of label sets: which set numbers are taken, and which labels the sets have, as bits.

use std::sync::Arc;

use crate::collections::cow_vec::CowVec;
use crate::collections::number::to_index;
use crate::state::labels::Slot;

/// The number of a label set. The number of a set that no chat has any more is reused.
pub(crate) type SetId = u32;

/// Sets in one block of counts, lengths and signatures.
pub(crate) const BLOCK: usize = 128;

/// Bits in a signature. Labels with lower slots have a bit of their own; others share one.
pub(crate) const SIGNATURE_BITS: usize = 256;

/// A subset of the sets of one block, one bit each.
pub(crate) type InBlock = u128;

/// Bits of a word of [`Signatures::room`].
const WORD: usize = 64;

/// The signatures of one block, sliced by bit: first the sets that exist, then for each bit the sets whose signature
/// has it. Trailing zeros may be left out.
type Slices = Arc<Vec<InBlock>>;

/// The bit of a label in a signature: its slot modulo [`SIGNATURE_BITS`].
pub(crate) fn signature_bit(slot: Slot) -> usize {
    to_index(slot) % SIGNATURE_BITS
}

/// The block of a set, and its bit in that block.
fn bit_of(set: SetId) -> (usize, InBlock) {
    (to_index(set) / BLOCK, 1 << (to_index(set) % BLOCK))
}

/// The signatures of all label sets, which also say which set numbers are taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct Signatures {
    /// S4: the sets that exist, and for each bit those with a label of that bit.
    pub(crate) blocks: CowVec<Slices, 16>,
    /// S6: a bit for each block that has a free number; and a bit for each word of these that is not zero.
    pub(crate) room: [CowVec<u64, WORD>; 2],
    /// S6: the number of blocks that have a set.
    pub(crate) occupied: usize,
}

impl Signatures {
    /// The sets that exist in a block, and for each bit those whose signature has it. Bits behind the end are in no
    /// signature.
    pub(crate) fn block(&self, block: usize) -> (InBlock, &[InBlock]) {
        let slices = self.blocks.get(block).and_then(|slices| slices.split_first());
        slices.map_or((0, &[]), |(&there, slices)| (there, slices))
    }

    /// The number of blocks that have a set.
    pub(crate) fn occupied(&self) -> usize {
        self.occupied
    }

    /// The lowest number without a set. Reusing low numbers first keeps the number of occupied blocks, which a scan
    /// reads, low.
    ///
    /// **O(numbers)**: reads one word for each half million.
    pub(crate) fn lowest_free(&self) -> SetId {
        let block = self.block_with_room().unwrap_or(self.blocks.len());
        let (there, _) = self.block(block);
        // There is at most one set more than there are chats.
        SetId::try_from(block * BLOCK + to_index(there.trailing_ones())).unwrap_or(SetId::MAX)
    }

    /// The first block with a free number.
    fn block_with_room(&self) -> Option<usize> {
        let [blocks, words] = &self.room;
        let (at, some) = words.iter().enumerate().find(|(_, word)| **word != 0)?;
        let word = at * WORD + to_index(some.trailing_zeros());
        Some(word * WORD + to_index(blocks.get(word)?.trailing_zeros()))
    }

    /// Adds the signature of a new set.
    pub(crate) fn sign(&mut self, set: SetId, members: &[Slot]) {
        let (block, set) = bit_of(set);
        self.grow_to(block);
        let Some(slices) = self.blocks.get_mut(block).map(Arc::make_mut) else { return };
        // Slices are kept short, since most indexes have few labels.
        let len = members.iter().map(|&slot| signature_bit(slot) + 2).max().unwrap_or(1);
        if slices.len() < len {
            if slices.capacity() < len {
                slices.reserve_exact((len + len / 4).min(SIGNATURE_BITS + 1) - slices.len());
            }
            slices.resize(len, 0);
        }
        let Some((there, slices)) = slices.split_first_mut() else { return };
        if *there == 0 {
            self.occupied += 1;
        }
        *there |= set;
        for &slot in members {
            if let Some(slice) = slices.get_mut(signature_bit(slot)) {
                *slice |= set;
            }
        }
        if *there == InBlock::MAX {
            self.put_room(block, false);
        }
    }

    /// Removes the signature of a set with these members.
    pub(crate) fn erase(&mut self, set: SetId, members: &[Slot]) {
        let (block, set) = bit_of(set);
        let slices = self.blocks.get_mut(block).map(Arc::make_mut);
        let Some((there, slices)) = slices.and_then(|slices| slices.split_first_mut()) else { return };
        if *there & set == 0 {
            return;
        }
        let was_full = *there == InBlock::MAX;
        *there &= !set;
        let is_empty = *there == 0;
        for &slot in members {
            if let Some(slice) = slices.get_mut(signature_bit(slot)) {
                *slice &= !set;
            }
        }
        if is_empty {
            self.occupied -= 1;
            self.blocks.set(block, Slices::default());
        }
        if was_full {
            self.put_room(block, true);
        }
    }

    /// Appends blocks without sets until `block` exists.
    fn grow_to(&mut self, block: usize) {
        let new = self.blocks.len()..=block;
        if new.is_empty() {
            return;
        }
        self.blocks.grow_to(block);
        let [blocks, words] = &mut self.room;
        blocks.grow_to(block / WORD);
        words.grow_to(block / WORD / WORD);
        new.for_each(|block| self.put_room(block, true));
    }

    fn put_room(&mut self, block: usize, room: bool) {
        let [blocks, words] = &mut self.room;
        let any = put(blocks, block, room);
        put(words, block / WORD, any);
    }
}

/// Sets or clears a bit. Returns whether its word is not zero afterwards.
fn put(bits: &mut CowVec<u64, WORD>, at: usize, bit: bool) -> bool {
    bits.get_mut(at / WORD).is_some_and(|word| {
        *word = *word & !(1 << (at % WORD)) | u64::from(bit) << (at % WORD);
        *word != 0
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::{BLOCK, SetId, Signatures};

    /// The taken numbers below `end`.
    fn taken(signatures: &Signatures, end: SetId) -> BTreeSet<SetId> {
        let is_there = |set: &SetId| {
            let set = *set as usize;
            signatures.block(set / BLOCK).0 >> (set % BLOCK) & 1 == 1
        };
        (0..end).filter(is_there).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

        /// Covers more than one word of blocks. A step adds `first` sets at the lowest free numbers, or erases every
        /// `nth` set from `first` on.
        #[test]
        fn the_lowest_free_number_is_taken_next(steps in vec((any::<bool>(), 0_u32..12_000, 1_usize..40), 1..12)) {
            const END: SetId = 150_000;
            let (mut signatures, mut model) = (Signatures::default(), BTreeSet::new());
            for (adds, first, nth) in steps {
                if adds {
                    let mut free = (0..END).filter(|set| !model.contains(set)).collect::<Vec<_>>().into_iter();
                    for _ in 0..first {
                        let set = signatures.lowest_free();
                        prop_assert_eq!(Some(set), free.next());
                        signatures.sign(set, &[set % 300]);
                        model.insert(set);
                    }
                } else {
                    let gone: Vec<SetId> = model.range(first..).step_by(nth).copied().collect();
                    for set in gone {
                        signatures.erase(set, &[set % 300]);
                        model.remove(&set);
                    }
                }
                prop_assert_eq!(&taken(&signatures, END), &model);
                let occupied: BTreeSet<usize> = model.iter().map(|&set| set as usize / BLOCK).collect();
                prop_assert_eq!(signatures.occupied(), occupied.len());
            }
            let (there, slices) = signatures.block(0);
            for set in 0..BLOCK {
                let has = (0..).zip(slices).filter(|(_, slice)| *slice >> set & 1 == 1);
                let bits: Vec<usize> = has.map(|(bit, _)| bit).collect();
                let signed = if there >> set & 1 == 1 { vec![set] } else { Vec::new() };
                prop_assert_eq!(bits, signed, "set {}", set);
            }
        }
    }
}
