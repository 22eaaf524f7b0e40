//! For each label, the places of the chats that carry it, in chunks.

mod bulk;
pub(crate) mod place_parts;
pub(crate) mod chunk;
pub(crate) mod lists;
mod places;
mod run;
mod walk;
pub(crate) mod words;

use std::collections::BTreeSet;

use crate::collections::cow_slice::Item;
use crate::collections::cow_vec::CowVec;
use crate::collections::number::{to_index, to_u64};
use crate::model::change::Place;
use crate::state::labels::Slot;
use crate::state::postings::chunk::Sparsity;
pub(crate) use crate::state::postings::places::{Part, Parts, Pieces, Places};

/// A list of places: that of a label, or one of those that serve all labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    /// The chats with this label.
    Label(Slot),
    /// The chats with at least so many labels, from 2 on. The rows of any set of chats are its length and those of its
    /// intersections with these.
    AtLeast(u32),
}

/// Lists of places.
#[derive(Debug, Clone, Default)]
pub(crate) struct Postings {
    /// By slot.
    pub(crate) labels: CowVec<Posting, 16>,
    /// P1: each list holds exactly the places that it is for, and no chunk is empty. Here by length, from 2 on.
    pub(crate) longer: CowVec<Places, 16>,
    /// P3: the number of labelled chats.
    pub(crate) labelled: u64,
}

/// The list of one label, and its rows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Posting {
    pub(crate) places: Places,
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

/// Where the list of the chats with at least so many labels is.
fn longer(len: usize) -> Option<usize> {
    len.checked_sub(2)
}

impl Item for Posting {}

impl Postings {
    /// The number of chats with a label.
    pub(crate) fn len(&self, slot: Slot) -> u64 {
        self.counts(slot).chats
    }

    pub(crate) fn counts(&self, slot: Slot) -> Counts {
        let counts = |label: &Posting| Counts { chats: to_u64(label.places.len), rows: label.rows };
        self.labels.get(to_index(slot)).map(counts).unwrap_or_default()
    }

    /// The places of a label in order, if they are few and in one run.
    pub(crate) fn run(&self, slot: Slot) -> Option<&[Place]> {
        self.labels.get(to_index(slot))?.places.run()
    }

    /// The number of labelled chats.
    pub(crate) fn labelled(&self) -> u64 {
        self.labelled
    }

    /// Makes room for so many slots.
    pub(crate) fn grow_to(&mut self, slots: usize) {
        if let Some(last) = slots.checked_sub(1) {
            self.labels.grow_to(last);
        }
    }

    /// Reads what a write to the list of a label will ask.
    pub(crate) fn preload(&self, slot: Slot, place: Place) -> usize {
        self.labels.get(to_index(slot)).map_or(0, |label| label.places.preload(place))
    }

    /// Reads what a write to the list of the chats with at least so many labels will ask.
    pub(crate) fn preload_longer(&self, len: usize, place: Place) -> usize {
        longer(len).and_then(|at| self.longer.get(at)).map_or(0, |list| list.preload(place))
    }

    /// Gives the chat at a place labels that it does not have, beside its `others`.
    pub(crate) fn link(&mut self, slots: &[Slot], place: Place, others: &[Slot]) {
        let (len, lists) = (others.len() + slots.len(), Sparsity::among(self.labels.len()));
        for &slot in slots {
            if let Some(label) = self.labels.get_mut(to_index(slot)) {
                label.places.insert(place, lists);
                label.rows += to_u64(len);
            }
        }
        for &other in others {
            if let Some(label) = self.labels.get_mut(to_index(other)) {
                label.rows += to_u64(slots.len());
            }
        }
        for at in (others.len() + 1..=len).filter_map(longer) {
            self.longer.grow_to(at);
            if let Some(list) = self.longer.get_mut(at) {
                list.insert(place, lists);
            }
        }
        if others.is_empty() && !slots.is_empty() {
            self.labelled += 1;
        }
    }

    /// Takes labels from the chat at a place, which has them beside its `others`.
    pub(crate) fn unlink(&mut self, slots: &[Slot], place: Place, others: &[Slot]) {
        let (len, lists) = (others.len() + slots.len(), Sparsity::among(self.labels.len()));
        for &slot in slots {
            if let Some(label) = self.labels.get_mut(to_index(slot)) {
                label.places.remove(place, lists);
                label.rows -= to_u64(len);
            }
        }
        for &other in others {
            if let Some(label) = self.labels.get_mut(to_index(other)) {
                label.rows -= to_u64(slots.len());
            }
        }
        for at in (others.len() + 1..=len).filter_map(longer) {
            if let Some(list) = self.longer.get_mut(at) {
                list.remove(place, lists);
            }
        }
        if others.is_empty() && !slots.is_empty() {
            self.labelled -= 1;
        }
    }

    /// The most labels that a chat ever had, or 1.
    pub(crate) fn lengths(&self) -> u64 {
        to_u64(self.longer.len() + 1)
    }

    /// The list, if there ever was a place in it.
    fn list(&self, list: List) -> Option<&Places> {
        match list {
            List::Label(slot) => self.labels.get(to_index(slot)).map(|label| &label.places),
            List::AtLeast(len) => self.longer.get(longer(to_index(len))?),
        }
    }

    /// The places of a list chunk by chunk, from chunk `first` on.
    pub(crate) fn parts(&self, list: List, first: u32) -> Option<Parts<'_>> {
        self.list(list).map(|places| places.parts_from(first))
    }

    /// The places of a list in order.
    pub(crate) fn places(&self, list: List) -> impl Iterator<Item = Place> {
        self.list(list).into_iter().flat_map(Places::iter)
    }

    /// Every list that has a place.
    pub(crate) fn lists(&self) -> BTreeSet<List> {
        let labels = (0..).zip(self.labels.iter().map(|label| &label.places));
        let labels = labels.map(|(slot, list)| (List::Label(slot), list));
        let longer = (2..).zip(self.longer.iter()).map(|(len, list)| (List::AtLeast(len), list));
        labels.chain(longer).filter(|(_, list)| list.len > 0).map(|(list, _)| list).collect()
    }
}
