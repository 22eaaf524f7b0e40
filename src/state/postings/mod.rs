//! Posting lists: for each label, the places of the chats that carry it.

mod bulk;
pub(crate) mod place_parts;
pub(crate) mod posting_list;
mod walk;

use std::collections::BTreeSet;
use std::ops::Range;

use roaring::RoaringBitmap;

use crate::collections::cow_slice::Item;
use crate::collections::cow_vec::CowVec;
use crate::collections::number::{to_index, to_u64};
use crate::model::change::Place;
use crate::state::labels::Slot;
use crate::state::postings::posting_list::PostingList;

/// Names a list: that of a label, or one of those that say how many labels a chat has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    /// The chats with this label.
    Label(Slot),
    /// The chats on one of the lists of numbers; see [`lists_of`].
    Number(usize),
}

/// The posting lists of one version.
#[derive(Debug, Clone, Default)]
pub(crate) struct Postings {
    /// P1: the places of each label, by slot.
    pub(crate) labels: CowVec<Posting, 16>,
    /// P1: the chats with at least two labels, three, and so on; see [`lists_of`].
    pub(crate) numbers: CowVec<PostingList, 16>,
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

/// The lists of numbers that a chat with `labels` labels is on. List 0 has the chats with at least two labels, list 1
/// those with at least three, and so on.
///
/// So a chat has one label more than it has lists, the rows of a set of chats are the length of a few intersections, and
/// another label changes one list.
pub(crate) fn lists_of(labels: usize) -> Range<usize> {
    0..labels.saturating_sub(1)
}

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

    /// How many lists of numbers there are.
    pub(crate) fn numbers(&self) -> usize {
        self.numbers.len()
    }

    /// The places of a label; `None` if no label ever had the slot.
    pub(crate) fn of_label(&self, slot: Slot) -> Option<&PostingList> {
        self.labels.get(to_index(slot)).map(|label| &label.places)
    }

    /// The rows of some chats of one segment: the sum of their numbers of labels.
    pub(crate) fn rows_of(&self, number: usize, chats: &RoaringBitmap) -> u64 {
        let mut rows = chats.len();
        for list in self.numbers.iter() {
            let common = list.segment(number).map_or(0, |segment| segment.intersection_len(chats));
            // A chat with more labels would be on this list too.
            if common == 0 {
                break;
            }
            rows += common;
        }
        rows
    }

    /// Makes room for `slots` slots.
    pub(crate) fn grow_to(&mut self, slots: usize) {
        if let Some(last) = slots.checked_sub(1) {
            self.labels.grow_to(last);
        }
    }

    /// Reads what a write of a label to the chat at a place will read.
    pub(crate) fn preload(&self, slot: Slot, place: Place) -> usize {
        let lists = self.of_label(slot).into_iter().chain(self.numbers.get(0));
        lists.map(|list| list.preload(place)).sum()
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
        self.renumber(place, others.len(), others.len() + slots.len());
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
        self.renumber(place, others.len() + slots.len(), others.len());
    }

    /// Puts the chat at a place on the lists of numbers for `has` labels, after it was on those for `had`.
    fn renumber(&mut self, place: Place, had: usize, has: usize) {
        for at in lists_of(has).end..lists_of(had).end {
            if let Some(list) = self.numbers.get_mut(at) {
                list.remove(place);
            }
        }
        for at in lists_of(had).end..lists_of(has).end {
            self.numbers.grow_to(at);
            if let Some(list) = self.numbers.get_mut(at) {
                list.insert(place);
            }
        }
        self.labelled = self.labelled + u64::from(has > 0) - u64::from(had > 0);
    }

    /// The list; `None` if it never had a place.
    fn list(&self, list: List) -> Option<&PostingList> {
        match list {
            List::Label(slot) => self.of_label(slot),
            List::Number(at) => self.numbers.get(at),
        }
    }

    /// The places of a list in order.
    pub(crate) fn places(&self, list: List) -> impl Iterator<Item = Place> {
        self.list(list).into_iter().flat_map(PostingList::iter)
    }

    /// Every list that has a place.
    pub(crate) fn lists(&self) -> BTreeSet<List> {
        let labels = (0..).zip(self.labels.iter().map(|label| &label.places));
        let labels = labels.map(|(slot, list)| (List::Label(slot), list));
        let numbers = self.numbers.iter().enumerate().map(|(at, list)| (List::Number(at), list));
        labels.chain(numbers).filter(|(_, list)| list.len > 0).map(|(list, _)| list).collect()
    }
}
