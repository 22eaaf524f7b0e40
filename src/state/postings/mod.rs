//! For each label, the places of the chats that carry it, in chunks.

pub(in crate::state) mod chunk;
mod walk;

use std::collections::BTreeSet;

use crate::change::Place;
use crate::state::labels::{Slot, index};
use crate::state::pages::Pages;
use crate::state::postings::chunk::{Chunk, join, split};
use crate::state::sorted::SortedMap;

/// A list of places that is kept in chunks: that of a label, or one of those that serve all labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct List(u32);

impl List {
    const LENGTH: u32 = 1 << 31;

    /// The chats with this label.
    pub(crate) const fn label(slot: Slot) -> Self {
        Self(slot & !Self::LENGTH)
    }

    /// The chats with at least so many labels, from 2 on. The rows of any set of chats are its length and those of its
    /// intersections with these.
    pub(crate) const fn at_least(len: u32) -> Self {
        Self(len | Self::LENGTH)
    }
}

/// Lists of places in chunks, each shared between versions until it is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Postings {
    /// P1: each list holds exactly the places that it is for, and no chunk is empty.
    pub(in crate::state) chunks: Pages<Lists, 16>,
    /// P2: how many chats have each label, and how many labels those have, by slot.
    pub(in crate::state) counts: Pages<Counts, 256>,
    /// P3: the number of labelled chats.
    pub(in crate::state) labelled: u64,
}

/// The totals of one label.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// The chats that have it.
    pub(crate) chats: u64,
    /// The pairs of those chats.
    pub(crate) rows: u64,
}

/// The lists of one chunk that have a place in it.
type Lists = SortedMap<List, Chunk>;

/// Adds a place that is not in the list.
fn insert(lists: &mut Lists, list: List, low: u16) {
    if let Some(chunk) = lists.get_mut(&list) {
        chunk.insert(low);
    } else {
        let mut chunk = Chunk::default();
        chunk.insert(low);
        lists.insert(list, chunk);
    }
}

/// Removes a place that is in the list.
fn remove(lists: &mut Lists, list: List, low: u16) {
    let Some(chunk) = lists.get_mut(&list) else { return };
    chunk.remove(low);
    if chunk.is_empty() {
        lists.remove(&list);
    }
}

impl Postings {
    /// The number of chats with a label.
    pub(crate) fn len(&self, slot: Slot) -> u64 {
        self.counts(slot).chats
    }

    pub(crate) fn counts(&self, slot: Slot) -> Counts {
        self.counts.get(index(slot)).copied().unwrap_or_default()
    }

    /// The number of labelled chats.
    pub(crate) fn labelled(&self) -> u64 {
        self.labelled
    }

    /// Gives the chat at a place a label that it does not have, beside its other `labels`.
    pub(crate) fn link(&mut self, slot: Slot, place: Place, others: &[Slot]) {
        let len = others.len() + 1;
        let (number, low) = split(place);
        while self.chunks.len() <= index(number) {
            self.chunks.push(Lists::default());
        }
        if let Some(lists) = self.chunks.get_mut(index(number)) {
            insert(lists, List::label(slot), low);
            if len > 1 {
                insert(lists, List::at_least(narrow(len)), low);
            }
        }
        while self.counts.len() <= index(slot) {
            self.counts.push(Counts::default());
        }
        if let Some(counts) = self.counts.get_mut(index(slot)) {
            counts.chats += 1;
            counts.rows += wide(len);
        }
        for &other in others {
            if let Some(counts) = self.counts.get_mut(index(other)) {
                counts.rows += 1;
            }
        }
        self.labelled += u64::from(others.is_empty());
    }

    /// Takes a label from the chat at a place, which has it beside its `others`.
    pub(crate) fn unlink(&mut self, slot: Slot, place: Place, others: &[Slot]) {
        let len = others.len() + 1;
        let (number, low) = split(place);
        if let Some(lists) = self.chunks.get_mut(index(number)) {
            remove(lists, List::label(slot), low);
            if len > 1 {
                remove(lists, List::at_least(narrow(len)), low);
            }
        }
        if let Some(counts) = self.counts.get_mut(index(slot)) {
            counts.chats -= 1;
            counts.rows -= wide(len);
        }
        for &other in others {
            if let Some(counts) = self.counts.get_mut(index(other)) {
                counts.rows -= 1;
            }
        }
        self.labelled -= u64::from(others.is_empty());
    }

    /// How many chunks there are, with or without a place.
    pub(crate) fn chunk_count(&self) -> u32 {
        narrow(self.chunks.len())
    }

    pub(crate) fn chunk(&self, list: List, number: u32) -> Option<&Chunk> {
        self.chunks.get(index(number))?.get(&list)
    }

    /// The chunks of one number that these labels have.
    pub(crate) fn chunks_of(&self, slots: &[Slot], number: u32) -> impl Iterator<Item = &Chunk> {
        let lists = self.chunks.get(index(number));
        slots.iter().filter_map(move |&slot| lists?.get(&List::label(slot)))
    }

    /// The places of a list in order.
    pub(crate) fn places(&self, list: List) -> impl Iterator<Item = Place> {
        (0..)
            .zip(self.chunks.iter())
            .filter_map(move |(number, lists)| Some((number, lists.get(&list)?)))
            .flat_map(|(number, chunk)| chunk.iter().map(move |low| join(number, low)))
    }

    /// Every list that has a place.
    pub(crate) fn lists(&self) -> BTreeSet<List> {
        self.chunks.iter().flat_map(|lists| lists.iter().map(|(list, _)| *list)).collect()
    }
}

fn narrow(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
