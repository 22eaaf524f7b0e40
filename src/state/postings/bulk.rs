//! All lists at once, from chats in order of their places.

use crate::collections::number::{to_index, to_u64};
use crate::state::labels::Slot;
use crate::state::postings::place_parts::split;
use crate::state::postings::posting_list::PostingList;
use crate::state::postings::{Posting, Postings};

/// A list that is being built.
#[derive(Default)]
struct Growing {
    /// The complete segments.
    list: PostingList,
    /// The number of the last segment and its places, in order.
    number: usize,
    lows: Vec<u32>,
}

impl Growing {
    fn push(&mut self, number: usize, low: u32) {
        if number != self.number {
            self.end_segment();
            self.number = number;
        }
        self.lows.push(low);
    }

    fn end_segment(&mut self) {
        self.list.push_segment(self.number, &self.lows);
        self.lows.clear();
    }

    fn finish(mut self) -> PostingList {
        self.end_segment();
        self.list
    }
}

/// The list at a position; created if it does not exist.
fn grow_to<T: Default>(lists: &mut Vec<T>, at: usize) -> Option<&mut T> {
    if lists.len() <= at {
        lists.resize_with(at + 1, T::default);
    }
    lists.get_mut(at)
}

impl Postings {
    /// Builds the lists of `slots` slots from the labels at each place, in order and without a gap. A place may have no
    /// labels.
    ///
    /// **O(places + pairs)**.
    pub(crate) fn bulk<'a>(slots: usize, chats: impl Iterator<Item = &'a [Slot]>) -> Self {
        let mut postings = Self::default();
        let mut labels: Vec<(Growing, u64)> = Vec::new();
        for (place, slots) in (0..).zip(chats) {
            let (number, low) = split(place);
            for &slot in slots {
                if let Some((list, rows)) = grow_to(&mut labels, to_index(slot)) {
                    list.push(number, low);
                    *rows += to_u64(slots.len());
                }
            }
            postings.recount(place, 0, slots.len());
        }
        for (list, rows) in labels {
            postings.labels.push(Posting { places: list.finish(), rows });
        }
        postings.grow_to(slots);
        postings
    }
}
