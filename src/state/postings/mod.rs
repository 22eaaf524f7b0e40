//! For each label, the places of the chats that carry it. The only folder that knows the bitmap library.

#[cfg(feature = "store")]
mod bulk;
mod walk;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use roaring::{MultiOps, RoaringBitmap};

use crate::change::Place;
use crate::state::labels::{Slot, index};
use crate::state::pages::Pages;
use crate::state::sorted::SortedMap;

/// Places in one chunk: what one container of a bitmap holds.
const CHUNK_BITS: u32 = 16;

/// The places of one chunk, relative to its beginning.
pub(crate) type Chunk = RoaringBitmap;

/// A list of places that is kept in chunks: that of a label, or one of those that serve all labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum List {
    /// The chats with this label.
    Label(Slot),
    /// The chats with at least so many labels, from 2 on. The rows of any set of chats are its length and those of its
    /// intersections with these.
    AtLeast(u32),
}

/// Lists of places in chunks of 65,536, each shared between versions until it is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Postings {
    /// P1: each list holds exactly the places that it is for, and no chunk is empty.
    pub(in crate::state) chunks: Pages<Lists, 16>,
    /// P2: the number of chats with each label, by slot.
    pub(in crate::state) lens: Pages<u32, 256>,
    /// P3: the number of labelled chats.
    pub(in crate::state) labelled: u64,
}

fn split(place: Place) -> (u32, u32) {
    (place >> CHUNK_BITS, place & ((1 << CHUNK_BITS) - 1))
}

/// The lists of one chunk that have a place in it.
type Lists = SortedMap<List, Arc<Chunk>>;

/// Adds a place that is not in the list.
fn insert(lists: &mut Lists, list: List, low: u32) {
    match lists.get_mut(&list) {
        Some(chunk) => match Arc::get_mut(chunk) {
            Some(chunk) => drop(chunk.insert(low)),
            // A union has room for its items only; a clone would double its room with the first insertion.
            None => *chunk = Arc::new(&**chunk | &RoaringBitmap::from_iter([low])),
        },
        None => {
            let chunk = RoaringBitmap::from_iter([low]);
            // The clone has no spare room; the original has some for containers that a chunk never gets.
            lists.insert(list, Arc::new(RoaringBitmap::clone(&chunk)));
        }
    }
}

/// Removes a place that is in the list.
fn remove(lists: &mut Lists, list: List, low: u32) {
    let Some(chunk) = lists.get_mut(&list).map(Arc::make_mut) else { return };
    chunk.remove(low);
    if chunk.is_empty() {
        lists.remove(&list);
    }
}

impl Postings {
    /// The number of chats with a label.
    pub(crate) fn len(&self, slot: Slot) -> u64 {
        self.lens.get(index(slot)).copied().map_or(0, u64::from)
    }

    /// The number of labelled chats.
    pub(crate) fn labelled(&self) -> u64 {
        self.labelled
    }

    /// Gives the chat at a place a label that it does not have; it has `len` labels then.
    pub(crate) fn link(&mut self, slot: Slot, place: Place, len: u32) {
        let (number, low) = split(place);
        while self.chunks.len() <= index(number) {
            self.chunks.push(Lists::default());
        }
        if let Some(lists) = self.chunks.get_mut(index(number)) {
            insert(lists, List::Label(slot), low);
            if len > 1 {
                insert(lists, List::AtLeast(len), low);
            }
        }
        while self.lens.len() <= index(slot) {
            self.lens.push(0);
        }
        if let Some(chats) = self.lens.get_mut(index(slot)) {
            *chats += 1;
        }
        self.labelled += u64::from(len == 1);
    }

    /// Takes a label from the chat at a place, which has it and `len` labels in all.
    pub(crate) fn unlink(&mut self, slot: Slot, place: Place, len: u32) {
        let (number, low) = split(place);
        if let Some(lists) = self.chunks.get_mut(index(number)) {
            remove(lists, List::Label(slot), low);
            if len > 1 {
                remove(lists, List::AtLeast(len), low);
            }
        }
        if let Some(chats) = self.lens.get_mut(index(slot)) {
            *chats -= 1;
        }
        self.labelled -= u64::from(len == 1);
    }

    /// How many chunks there are, with or without a place.
    pub(crate) fn chunk_count(&self) -> u32 {
        u32::try_from(self.chunks.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn chunk(&self, list: List, number: u32) -> Option<&Chunk> {
        self.chunks.get(index(number))?.get(&list).map(|chunk| &**chunk)
    }

    /// The chats of one chunk with any of these labels.
    pub(crate) fn union(&self, slots: &[Slot], number: u32) -> Option<Cow<'_, Chunk>> {
        /// Up to here the lists are united one by one, which promotes nothing to a bitmap that need not be one.
        const FEW: usize = 4;
        let chunk = |&slot: &Slot| self.chunk(List::Label(slot), number);
        if let [slot] = slots {
            return chunk(slot).map(Cow::Borrowed);
        }
        let mut lists: Vec<&Chunk> = slots.iter().filter_map(chunk).collect();
        if lists.len() > FEW {
            return Some(Cow::Owned(lists.union()));
        }
        lists.sort_unstable_by_key(|list| std::cmp::Reverse(list.len()));
        let (first, rest) = lists.split_first()?;
        let mut union = Cow::Borrowed(*first);
        for &list in rest {
            *union.to_mut() |= list;
        }
        Some(union)
    }

    /// The places of a list in order.
    pub(crate) fn places(&self, list: List) -> impl Iterator<Item = Place> {
        (0..)
            .zip(self.chunks.iter())
            .filter_map(move |(number, lists)| Some((number, lists.get(&list)?)))
            .flat_map(|(number, chunk): (u32, _)| chunk.iter().map(move |low| number << CHUNK_BITS | low))
    }

    /// Every list that has a place.
    pub(crate) fn lists(&self) -> BTreeSet<List> {
        self.chunks.iter().flat_map(|lists| lists.iter().map(|(list, _)| *list)).collect()
    }
}
