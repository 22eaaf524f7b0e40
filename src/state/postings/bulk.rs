//! All lists at once, from chats in order of their places.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::state::labels::{Slot, index};
use crate::state::postings::{CHUNK_BITS, Chunk, List, Postings, split};
use crate::state::sorted::SortedMap;

/// Fewer places of a chunk than this become a bitmap one by one, more of a bit for each place.
const FEW: usize = 64;

/// The lists of one chunk while they grow, each in order of the places.
#[derive(Default)]
struct Runs {
    by_slot: Vec<Vec<u32>>,
    /// From two labels on.
    by_len: Vec<Vec<u32>>,
}

fn push(runs: &mut Vec<Vec<u32>>, at: usize, low: u32) {
    if runs.len() <= at {
        runs.resize_with(at + 1, Vec::new);
    }
    if let Some(run) = runs.get_mut(at) {
        run.push(low);
    }
}

impl Runs {
    fn add(&mut self, slots: &[Slot], low: u32) {
        for &slot in slots {
            push(&mut self.by_slot, index(slot), low);
        }
        for at in 0..slots.len().saturating_sub(1) {
            push(&mut self.by_len, at, low);
        }
    }

    /// The lists, in order; none is left.
    fn take(&mut self) -> Vec<(List, Arc<Chunk>)> {
        let by_slot = (0..).map(List::Label).zip(&mut self.by_slot);
        let by_len = (2..).map(List::AtLeast).zip(&mut self.by_len);
        let lists = by_slot.chain(by_len).filter(|(_, run)| !run.is_empty()).map(|(list, run)| {
            let chunk = chunk_of(run);
            run.clear();
            (list, Arc::new(chunk))
        });
        lists.collect()
    }
}

/// The bitmap of places in order, without spare room.
fn chunk_of(run: &[u32]) -> Chunk {
    if run.len() < FEW {
        let chunk: RoaringBitmap = run.iter().collect();
        return RoaringBitmap::clone(&chunk);
    }
    let mut bits = [0_u8; 1 << (CHUNK_BITS - 3)];
    for &low in run {
        if let Some(byte) = bits.get_mut(index(low / 8)) {
            *byte |= 1 << (low % 8);
        }
    }
    RoaringBitmap::from_lsb0_bytes(0, &bits)
}

impl Postings {
    /// The lists of chats with their labels, from the first place on, without a gap. Places may have no labels.
    ///
    /// **O(places + pairs)**.
    pub(in crate::state) fn bulk<'a>(chats: impl Iterator<Item = &'a [Slot]>) -> Self {
        let mut postings = Self::default();
        let mut runs = Runs::default();
        let mut lens = Vec::new();
        for (place, slots) in (0..).zip(chats) {
            let (_, low): (u32, u32) = split(place);
            if low == 0 && place > 0 {
                postings.push_lists(runs.take(), &mut lens);
            }
            runs.add(slots, low);
            postings.labelled += u64::from(!slots.is_empty());
        }
        postings.push_lists(runs.take(), &mut lens);
        postings.lens.extend_from_slice(&lens);
        postings
    }

    /// Adds the next chunk, and its places to the lengths by slot.
    fn push_lists(&mut self, lists: Vec<(List, Arc<Chunk>)>, lens: &mut Vec<u32>) {
        for (list, chunk) in &lists {
            let List::Label(slot) = *list else { break };
            if lens.len() <= index(slot) {
                lens.resize(index(slot) + 1, 0);
            }
            if let Some(len) = lens.get_mut(index(slot)) {
                // A list has no more places than there are.
                *len += u32::try_from(chunk.len()).unwrap_or(u32::MAX);
            }
        }
        self.chunks.push(SortedMap::bulk(lists).unwrap_or_default());
    }
}
