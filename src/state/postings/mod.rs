//! For each label, the places of the chats that carry it. The only folder that knows the bitmap library.

mod walk;

use std::borrow::Cow;
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
    /// The chats whose number of labels has this bit. Sums over any set of chats are sums of intersections with these.
    LenBit(u32),
}

/// Lists of places in chunks of 65,536, each shared between versions until it is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Postings {
    /// P1: no chunk is empty.
    chunks: SortedMap<(List, u32), Arc<Chunk>>,
    /// P2: the number of chats with each label, by slot.
    lens: Pages<u32, 256>,
    /// P3: the number of labelled chats.
    labelled: u64,
}

fn split(place: Place) -> (u32, u32) {
    (place >> CHUNK_BITS, place & ((1 << CHUNK_BITS) - 1))
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

    /// Adds a place that is not in the list.
    pub(crate) fn insert(&mut self, list: List, place: Place) {
        let (number, low) = split(place);
        if let Some(chunk) = self.chunks.get_mut(&(list, number)) {
            Arc::make_mut(chunk).insert(low);
        } else {
            let chunk = RoaringBitmap::from_iter([low]);
            // The clone has no spare room; the original has some for containers that a chunk never gets.
            self.chunks.insert((list, number), Arc::new(RoaringBitmap::clone(&chunk)));
        }
        self.counted(list, |count| count + 1);
    }

    /// Removes a place that is in the list.
    pub(crate) fn remove(&mut self, list: List, place: Place) {
        let (number, low) = split(place);
        let Some(chunk) = self.chunks.get_mut(&(list, number)).map(Arc::make_mut) else { return };
        chunk.remove(low);
        if chunk.is_empty() {
            self.chunks.remove(&(list, number));
        }
        self.counted(list, |count| count.saturating_sub(1));
    }

    fn counted(&mut self, list: List, change: impl FnOnce(u64) -> u64) {
        match list {
            List::Label(slot) => {
                while self.lens.len() <= index(slot) {
                    self.lens.push(0);
                }
                if let Some(len) = self.lens.get_mut(index(slot)) {
                    *len = u32::try_from(change(u64::from(*len))).unwrap_or(u32::MAX);
                }
            }
            List::LenBit(_) => {}
        }
    }

    /// Notes that a chat now has `new` labels instead of `old`.
    pub(crate) fn relen(&mut self, place: Place, old: u32, new: u32) {
        match (old, new) {
            (0, 1..) => self.labelled += 1,
            (1.., 0) => self.labelled -= 1,
            _ => {}
        }
        let mut changed = old ^ new;
        while changed != 0 {
            let bit = changed.trailing_zeros();
            changed &= changed - 1;
            if new >> bit & 1 == 1 {
                self.insert(List::LenBit(bit), place);
            } else {
                self.remove(List::LenBit(bit), place);
            }
        }
    }

    pub(crate) fn chunk(&self, list: List, number: u32) -> Option<&Chunk> {
        self.chunks.get(&(list, number)).map(|chunk| &**chunk)
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

    /// The numbers of a list's chunks from `first` on.
    pub(crate) fn chunk_numbers(&self, list: List, first: u32) -> impl Iterator<Item = u32> {
        self.chunks
            .iter_from(move |key| *key < (list, first))
            .map(|((other, number), _)| (*other, *number))
            .take_while(move |(other, _)| *other == list)
            .map(|(_, number)| number)
    }

    /// The places of a list in order.
    pub(crate) fn places(&self, list: List) -> impl Iterator<Item = Place> {
        self.chunk_numbers(list, 0)
            .filter_map(move |number| Some((number, self.chunk(list, number)?)))
            .flat_map(|(number, chunk)| chunk.iter().map(move |low| number << CHUNK_BITS | low))
    }

    /// Every list that has a place.
    pub(crate) fn lists(&self) -> Vec<List> {
        let mut lists: Vec<List> = self.chunks.iter().map(|((list, _), _)| *list).collect();
        lists.dedup();
        lists
    }
}
