//! Posting lists: for each label, the places of the chats that carry it.

mod bulk;
mod container;
pub(crate) mod labels_per_chat;
pub(crate) mod place_parts;
pub(crate) mod posting_list;
pub(crate) mod segment_bits;
mod walk;

use crate::collections::cow_slice::Item;
use crate::collections::cow_vec::CowVec;
use crate::collections::number::{to_index, to_u64};
use crate::model::change::Place;
use crate::state::labels::Slot;
use crate::state::postings::labels_per_chat::LabelsPerChat;
use crate::state::postings::posting_list::PostingList;

/// The posting lists of one version.
#[derive(Debug, Clone, Default)]
pub(crate) struct Postings {
    /// P1: the places of each label, by slot.
    pub(crate) labels: CowVec<Posting, 16>,
    pub(crate) per_chat: LabelsPerChat,
    /// P3: the number of labelled chats.
    pub(crate) labelled: u64,
}

/// The list of one label, and its rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Posting {
    pub(crate) places: PostingList,
    /// P2: the pairs of the chats that have the label.
    pub(crate) rows: u64,
}

/// The totals of one label.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The chats that have it.
    pub(crate) chats: u64,
    /// The pairs of those chats.
    pub(crate) rows: u64,
}

impl Item for Posting {}

impl Postings {
    /// The number of chats with a label.
    pub(crate) fn len(&self, slot: Slot) -> u64 {
        self.counts(slot).chats
    }

    pub(crate) fn counts(&self, slot: Slot) -> Counts {
        let counts = |label: &Posting| Counts { chats: label.places.len, rows: label.rows };
        self.labels.get(to_index(slot)).map(counts).unwrap_or_default()
    }

    /// The number of labelled chats.
    pub(crate) fn labelled(&self) -> u64 {
        self.labelled
    }

    /// The places of a label; `None` if no label ever had the slot.
    pub(crate) fn of_label(&self, slot: Slot) -> Option<&PostingList> {
        self.labels.get(to_index(slot)).map(|label| &label.places)
    }

    /// Makes room for `slots` slots.
    pub(crate) fn grow_to(&mut self, slots: usize) {
        if let Some(last) = slots.checked_sub(1) {
            self.labels.grow_to(last);
        }
    }

    /// Reads what a write of a label to the chat at a place will read.
    pub(crate) fn preload(&self, slot: Slot, place: Place) -> usize {
        self.of_label(slot).map_or(0, |list| list.preload(place)) + self.per_chat.preload(place)
    }

    /// Gives the chat at a place labels that it does not have, beside its `others`.
    pub(crate) fn link(&mut self, slots: &[Slot], place: Place, others: &[Slot]) {
        for &slot in slots {
            if let Some(label) = self.labels.get_mut(to_index(slot)) {
                label.places.insert(place);
                label.rows += to_u64(others.len() + slots.len());
            }
        }
        for &other in others {
            if let Some(label) = self.labels.get_mut(to_index(other)) {
                label.rows += to_u64(slots.len());
            }
        }
        self.recount(place, others.len(), others.len() + slots.len());
    }

    /// Takes labels from the chat at a place, which has them beside its `others`.
    pub(crate) fn unlink(&mut self, slots: &[Slot], place: Place, others: &[Slot]) {
        for &slot in slots {
            if let Some(label) = self.labels.get_mut(to_index(slot)) {
                label.places.remove(place);
                label.rows -= to_u64(others.len() + slots.len());
            }
        }
        for &other in others {
            if let Some(label) = self.labels.get_mut(to_index(other)) {
                label.rows -= to_u64(slots.len());
            }
        }
        self.recount(place, others.len() + slots.len(), others.len());
    }

    fn recount(&mut self, place: Place, had: usize, has: usize) {
        self.per_chat.put(place, had, has);
        self.labelled = self.labelled + u64::from(has > 0) - u64::from(had > 0);
    }

    /// The places of a label in order.
    pub(crate) fn places(&self, slot: Slot) -> impl Iterator<Item = Place> {
        self.of_label(slot).into_iter().flat_map(PostingList::iter)
    }
}
