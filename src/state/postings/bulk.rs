//! All lists at once, from chats in order of their places.

use crate::collections::cow_vec::CowVec;
use crate::collections::number::{to_index, to_u64};
use crate::state::labels::Slot;
use crate::state::postings::chunk::{Chunk, Sparsity};
use crate::state::postings::place_parts::split;
use crate::state::postings::places::CHUNKS;
use crate::state::postings::{Places, Posting, Postings};

/// A list while it grows.
#[derive(Default)]
struct Growing {
    /// The chunks that are complete, by number.
    chunks: CowVec<Chunk, CHUNKS>,
    /// The number of the last chunk and its places, in order.
    number: u32,
    places: Vec<u16>,
}

impl Growing {
    fn push(&mut self, number: u32, low: u16, lists: Sparsity) {
        if number != self.number {
            self.end_chunk(lists);
            self.number = number;
        }
        self.places.push(low);
    }

    fn end_chunk(&mut self, lists: Sparsity) {
        if !self.places.is_empty() {
            self.chunks.grow_to(to_index(self.number));
            self.chunks.set(to_index(self.number), Chunk::of(&self.places, lists));
            self.places.clear();
        }
    }

    fn finish(mut self, lists: Sparsity) -> Places {
        self.end_chunk(lists);
        Places::of(self.chunks)
    }
}

/// The list at a position, which is made if it is not there.
fn grow_to<T: Default>(lists: &mut Vec<T>, at: usize) -> Option<&mut T> {
    if lists.len() <= at {
        lists.resize_with(at + 1, T::default);
    }
    lists.get_mut(at)
}

impl Postings {
    /// The lists of so many slots, of chats with their labels from the first place on, without a gap. Places may have no
    /// labels.
    ///
    /// **O(places + pairs)**.
    pub(crate) fn bulk<'a>(slots: usize, chats: impl Iterator<Item = &'a [Slot]>) -> Self {
        let mut postings = Self::default();
        let lists = Sparsity::among(slots);
        let mut labels: Vec<(Growing, u64)> = Vec::new();
        let mut longer: Vec<Growing> = Vec::new();
        for (place, slots) in (0..).zip(chats) {
            let (number, low) = split(place);
            for &slot in slots {
                if let Some((list, rows)) = grow_to(&mut labels, to_index(slot)) {
                    list.push(number, low, lists);
                    *rows += to_u64(slots.len());
                }
            }
            for at in 0..slots.len().saturating_sub(1) {
                if let Some(list) = grow_to(&mut longer, at) {
                    list.push(number, low, lists);
                }
            }
            postings.labelled += u64::from(!slots.is_empty());
        }
        for (list, rows) in labels {
            postings.labels.push(Posting { places: list.finish(lists), rows });
        }
        postings.grow_to(slots);
        longer.into_iter().for_each(|list| postings.longer.push(list.finish(lists)));
        postings
    }
}
