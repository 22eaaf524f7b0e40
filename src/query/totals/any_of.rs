//! The lists of the labels of one entry.

use roaring::RoaringBitmap;

use crate::state::labels::Slot;
use crate::state::postings::Postings;
use crate::state::postings::posting_list::PostingList;

/// The lists of one entry. A chat passes the entry if it is on any of them.
pub(super) struct AnyOf<'a> {
    pub(super) lists: Vec<&'a PostingList>,
    /// The sum of their lengths.
    pub(super) len: u64,
}

impl<'a> AnyOf<'a> {
    pub(super) fn new(postings: &'a Postings, slots: &[Slot]) -> Self {
        let lists: Vec<&PostingList> = slots.iter().filter_map(|&slot| postings.of_label(slot)).collect();
        Self { len: lists.iter().map(|list| list.len).sum(), lists }
    }

    /// How many segments the longest list has.
    pub(super) fn segments(&self) -> usize {
        self.lists.iter().map(|list| list.segments()).max().unwrap_or(0)
    }

    /// The parts of the lists in one segment.
    pub(super) fn parts(&self, number: usize) -> impl Iterator<Item = &'a RoaringBitmap> {
        self.lists.iter().filter_map(move |list| list.segment(number))
    }
}
