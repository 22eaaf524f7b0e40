//! The labelled chats: their places, and the label set of each.

use std::sync::Arc;

use foldhash::fast::FixedState;
use std::hash::BuildHasher;

use crate::collections::cow_hash_index::{CowHashIndex, Twice};
use crate::collections::cow_slice::plain;
use crate::collections::cow_vec::CowVec;
use crate::collections::number::{to_index, to_u64};
use crate::model::change::{Place, Revision};
use crate::model::chat_id::{ChatId, ChatKey, CompactId};
use crate::state::label_sets::EMPTY;
use crate::state::signatures::SetId;

/// Places in one page.
pub(crate) const RUN: usize = 512;

/// Counts of used places in one page.
const USED: usize = 128;

/// In the high bits of a key: the low bits are the number of a text.
const TEXT: u64 = 15;

/// In the set number of a record: the place is free, and the other bits are the next free place.
const FREE: u32 = 1 << 31;

/// The end of the list of free places.
const END: u32 = FREE - 1;

/// The record of a place: a key in two halves, and a set number. Twelve bytes without padding, side by side, since a
/// lookup of a chat mostly needs its labels next.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Record([u32; 3]);

plain!(Record);

impl Record {
    pub(crate) fn new(key: u64, set: u32) -> Self {
        let [a, b, c, d, e, f, g, h] = key.to_le_bytes();
        Self([u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]), set])
    }

    /// C1: at a place with a chat, a [`CompactId`], or [`TEXT`] and the number of a text. At a free place: the revision
    /// at which it became free.
    pub(crate) fn key(self) -> u64 {
        let Self([low, high, _]) = self;
        u64::from(low) | u64::from(high) << 32
    }

    /// C2: at a place with a chat, its label set; at a free place, [`FREE`] and the next free place.
    pub(crate) fn set(self) -> u32 {
        let Self([.., set]) = self;
        set
    }

    /// The label set of a place with a chat.
    pub(crate) fn taken(self) -> Option<SetId> {
        Some(self.set()).filter(|set| set & FREE == 0)
    }
}

/// Every labelled chat at its place.
///
/// A place is in one of three states: *taken* by a chat with labels; *vacated*, still with its key but with the empty
/// set, only between the first change of a commit and its end; *free*.
#[derive(Debug, Clone)]
pub(crate) struct Chats {
    pub(crate) records: CowVec<Record, RUN>,
    /// C3: the ids that are no [`CompactId`], each used by exactly one place; `free_texts` lists each number without a
    /// text once.
    pub(crate) texts: CowVec<Option<Arc<str>>, 128>,
    pub(crate) free_texts: CowVec<u32, 256>,
    /// C4: finds exactly the places with a chat.
    pub(crate) places: CowHashIndex,
    /// C5: the free places in the order in which they became free, first and last.
    pub(crate) free: Option<(Place, Place)>,
    /// C6: for each page of records the number of places that are not free, so that walks skip pages without any.
    pub(crate) used: CowVec<u16, USED>,
    hash: FixedState,
}

impl Chats {
    /// The most places: place numbers leave one bit for [`FREE`], and one number is [`END`].
    pub(crate) const MAX: usize = 0x7fff_ffff;

    pub(crate) fn new(hash_seed: u64) -> Self {
        Self {
            records: CowVec::default(),
            texts: CowVec::default(),
            free_texts: CowVec::default(),
            places: CowHashIndex::default(),
            free: None,
            used: CowVec::default(),
            hash: FixedState::with_seed(hash_seed),
        }
    }

    /// The number of places, free ones included.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    pub(crate) fn find(&self, chat: &ChatId) -> Option<Place> {
        self.find_and_tell(chat, |_| {})
    }

    /// Finds a chat. Calls `tell` with each candidate place before its record is compared, since that waits for memory.
    #[inline(always)]
    pub(crate) fn find_and_tell(&self, chat: &ChatId, tell: impl Fn(Place)) -> Option<Place> {
        match chat.key() {
            ChatKey::Compact(id) => {
                let bits = id.bits();
                self.places.find(self.hash.hash_one(bits), |place| {
                    let key = self.key_at(place);
                    tell(place);
                    key == Some(bits)
                })
            }
            ChatKey::Text(text) => {
                self.places.find(self.hash.hash_one(&**text), |place| self.text_at(place) == Some(text))
            }
        }
    }

    /// The label set of a chat, if the chat is at this place. Faster than finding it.
    pub(crate) fn set_at(&self, chat: &ChatId, place: Place) -> Option<SetId> {
        let record = self.records.get(to_index(place))?;
        let is_there = match chat.key() {
            ChatKey::Compact(id) => record.key() == id.bits(),
            ChatKey::Text(text) => self.text_at(place) == Some(text),
        };
        if is_there { record.taken() } else { None }
    }

    pub(crate) fn chat_at(&self, place: Place) -> Option<ChatId> {
        self.chat_of(self.record_at(place)?)
    }

    /// The chat of a record.
    #[inline]
    pub(crate) fn chat_of(&self, record: Record) -> Option<ChatId> {
        let key = record.key();
        CompactId::from_bits(key)
            .map(ChatId::from_compact)
            .or_else(|| self.text_of(key).cloned().map(ChatId::from_stored_text))
    }

    pub(crate) fn record_at(&self, place: Place) -> Option<Record> {
        self.records.get(to_index(place)).copied()
    }

    pub(crate) fn key_at(&self, place: Place) -> Option<u64> {
        self.record_at(place).map(Record::key)
    }

    fn text_at(&self, place: Place) -> Option<&Arc<str>> {
        self.text_of(self.key_at(place)?)
    }

    /// The text that a key stands for.
    pub(crate) fn text_of(&self, key: u64) -> Option<&Arc<str>> {
        self.texts.get(to_index(text_number(key)?))?.as_ref()
    }

    /// The label set of a place with a chat.
    pub(crate) fn set_of(&self, place: Place) -> Option<SetId> {
        self.record_at(place)?.taken()
    }

    pub(crate) fn put_set(&mut self, place: Place, set: SetId) {
        if let Some(record) = self.records.get_mut(to_index(place)) {
            *record = Record::new(record.key(), set);
        }
    }

    /// The places with a chat and their sets, from `first` on.
    pub(crate) fn taken_from(&self, first: Place) -> impl Iterator<Item = (Place, SetId)> {
        let page = to_index(first) / RUN;
        let used = self.used.iter_from(page).copied().skip(page % USED);
        let pages = (page..).zip(used).filter(|&(_, used)| used > 0);
        pages.flat_map(|(page, _)| self.page_of(page)).skip_while(move |&(place, _)| place < first)
    }

    /// The places with a chat in one page of records, and their sets.
    fn page_of(&self, page: usize) -> impl DoubleEndedIterator<Item = (Place, SetId)> {
        let records = self.records.pages_from(page).next().unwrap_or_default();
        let place = move |at| Place::try_from(page * RUN + at).ok();
        records.iter().enumerate().filter_map(move |(at, record)| Some((place(at)?, record.taken()?)))
    }

    /// The place for the next new chat if that chat removes the free places at the end. It does when there are at least
    /// as many of them as places before them, plus two pages. The place is the first one behind the last chat; where
    /// that is also the first in the list of free places it is the one after it, so that the place alone says that free
    /// places are removed.
    ///
    /// **O(pages at the end)**; **O(1)** when less than half of the places are free.
    pub(crate) fn cut(&self) -> Option<Place> {
        let used = self.places.len();
        if 2 * used + 2 * RUN > self.len() {
            return None;
        }
        let pages = (0..self.used.len()).rev();
        let last = pages.filter(|&page| self.used.get(page).is_some_and(|&used| used > 0)).find_map(|page| {
            let (place, _) = self.page_of(page).next_back()?;
            Some(to_index(place) + 1)
        });
        let end = last.unwrap_or(0);
        let place = Place::try_from(end).ok().filter(|_| self.len() >= 2 * end + 2 * RUN)?;
        let is_first = self.free.is_some_and(|(first, _)| first == place);
        Some(place + Place::from(is_first))
    }

    /// Whether a new chat that takes this place removes the free places at the end.
    pub(crate) fn is_cut(&self, place: Place) -> bool {
        let is_first = self.free.is_some_and(|(first, _)| first == place);
        to_index(place) < self.len() && self.set_of(place).is_none() && !is_first
    }

    /// Removes the places from `end` on, all of which are free.
    fn truncate(&mut self, end: Place) {
        let mut free: Vec<(u64, Place)> = (0..end)
            .zip(self.records.iter())
            .filter(|(_, record)| record.taken().is_none())
            .map(|(place, record)| (record.key(), place))
            .collect();
        free.sort_unstable();
        self.records.truncate(to_index(end));
        self.used.truncate(to_index(end).div_ceil(RUN));
        for pair in free.windows(2) {
            if let [(_, place), (_, next)] = *pair {
                self.put_set(place, FREE | next);
            }
        }
        self.free = free.first().zip(free.last()).map(|(&(_, first), &(_, last))| (first, last));
        if let Some((_, last)) = self.free {
            self.put_set(last, FREE | END);
        }
    }

    pub(super) fn count_used(&mut self, place: Place, change: impl FnOnce(u16) -> u16) {
        let page = to_index(place) / RUN;
        self.used.grow_to(page);
        if let Some(used) = self.used.get_mut(page) {
            *used = change(*used);
        }
    }

    /// The places that new chats take, in order: first those that were free at `horizon` already, then new ones. Where
    /// the free places at the end are to be [cut](Self::cut), and all of them were free at `horizon`, new ones begin
    /// behind the last chat: the first insertion there removes the free ones.
    pub(crate) fn vacancies(&self, horizon: Revision) -> impl Iterator<Item = Place> {
        let was_free = move |place: Place| self.key_at(place).is_some_and(|freed| freed <= horizon);
        let cut = self.free.filter(|&(_, last)| was_free(last)).and_then(|_| self.cut());
        let first = self.free.map(|(first, _)| first).filter(|_| cut.is_none());
        let free =
            std::iter::successors(first, |&place| self.next_free(place)).take_while(move |&place| was_free(place));
        let new = cut.map_or(self.len(), to_index);
        free.chain((new..Self::MAX).filter_map(|place| Place::try_from(place).ok()))
    }

    pub(super) fn next_free(&self, place: Place) -> Option<Place> {
        self.records.get(to_index(place)).map(|record| record.set() & !FREE).filter(|&next| next != END)
    }

    /// Gives a place to a chat that has none, with the set given. The place is one that it [can take](Self::can_take).
    pub(crate) fn insert(&mut self, chat: &ChatId, place: Place, set: SetId) {
        match self.free {
            Some((first, last)) if first == place => {
                self.free = self.next_free(first).map(|next| (next, last));
            }
            _ => {
                if to_index(place) < self.len() {
                    self.truncate(place);
                }
                self.records.push(Record::default());
            }
        }
        self.put_set(place, set);
        self.put_key(chat, place);
        self.count_used(place, |used| used + 1);
    }

    /// Replaces the chat at a place by another, which has no place.
    pub(crate) fn rename(&mut self, place: Place, chat: &ChatId) {
        self.drop_key(place);
        self.put_key(chat, place);
    }

    /// Makes a place free.
    pub(crate) fn release(&mut self, place: Place, revision: Revision) {
        self.drop_key(place);
        self.count_used(place, |used| used.saturating_sub(1));
        self.records.set(to_index(place), Record::new(revision, FREE | END));
        let first = match self.free {
            None => place,
            Some((first, last)) => {
                self.put_set(last, FREE | place);
                first
            }
        };
        self.free = Some((first, place));
    }

    pub(super) fn put_key(&mut self, chat: &ChatId, place: Place) {
        let (key, hash) = match chat.key() {
            ChatKey::Compact(id) => (id.bits(), self.hash.hash_one(id.bits())),
            ChatKey::Text(text) => {
                let key = match self.free_texts.pop() {
                    Some(number) => {
                        self.texts.set(to_index(number), Some(Arc::clone(text)));
                        text_key(u64::from(number))
                    }
                    None => push_text(&mut self.texts, text),
                };
                (key, self.hash.hash_one(&**text))
            }
        };
        if let Some(record) = self.records.get_mut(to_index(place)) {
            *record = Record::new(key, record.set());
        }
        let Self { records, texts, places, hash: state, .. } = self;
        places.insert(hash, place, |other| hash_at(records, texts, state, other));
    }

    pub(super) fn drop_key(&mut self, place: Place) {
        let hash = hash_at(&self.records, &self.texts, &self.hash, place);
        self.places.remove(hash, place);
        if let Some(number) = self.key_at(place).and_then(text_number) {
            self.texts.set(to_index(number), None);
            self.free_texts.push(number);
        }
    }

    /// The revision at which a free place became free, and the next free place.
    pub(crate) fn free_at(&self, place: Place) -> Option<(Revision, Option<Place>)> {
        let record = self.records.get(to_index(place))?;
        record.taken().is_none().then(|| (record.key(), self.next_free(place)))
    }

    /// The first and the last free place.
    pub(crate) fn free_list(&self) -> Option<(Place, Place)> {
        self.free
    }

    /// The number of stored texts.
    pub(crate) fn text_count(&self) -> usize {
        self.texts.iter().flatten().count()
    }
}

impl Chats {
    /// Builds the chats from records. Also gives the places that are not indexed because their chat is at a lower place
    /// too. The texts are numbered from 0 without a gap.
    ///
    /// **O(places)**.
    pub(crate) fn bulk(
        hash_seed: u64,
        records: CowVec<Record, RUN>,
        texts: CowVec<Option<Arc<str>>, 128>,
        free: Option<(Place, Place)>,
    ) -> (Self, Vec<Twice>) {
        let hash = FixedState::with_seed(hash_seed);
        let mut chats = Self { records, texts, free, ..Self::new(hash_seed) };
        let keys = || chats.records.iter().map(|record| record.key());
        let taken = || (0..).zip(keys()).filter(|&(_, key)| !Self::is_free_key(key));
        let hash_of = |key| chats.text_of(key).map_or_else(|| hash.hash_one(key), |text| hash.hash_one(&**text));
        let hashes = taken().map(|(place, key)| (hash_of(key), place));
        let is_same = |a, b| match (chats.text_at(a), chats.text_at(b)) {
            (None, None) => chats.key_at(a) == chats.key_at(b),
            (a, b) => a == b,
        };
        let (places, twice) = CowHashIndex::bulk(taken().count(), hashes, is_same);
        chats.places = places;
        let counts = chats.records.pages().map(|page| page.iter().filter(|record| record.taken().is_some()).count());
        let counts: Vec<u16> = counts.map(|used| u16::try_from(used).unwrap_or(u16::MAX)).collect();
        chats.used.extend_from_slice(&counts);
        (chats, twice)
    }

    /// The same chats without the vacated places: the chats behind them move up. There have to be no free places.
    ///
    /// **O(places)**.
    pub(crate) fn without_vacated(&self, hash_seed: u64) -> Self {
        let mut texts = CowVec::default();
        let kept = self.records.iter().filter(|record| record.taken() != Some(EMPTY));
        let moved = |record: &Record| {
            let text = text_number(record.key()).and_then(|number| self.texts.get(to_index(number))?.as_ref());
            text.map_or(*record, |text| Record::new(push_text(&mut texts, text), record.set()))
        };
        let kept: Vec<Record> = kept.map(moved).collect();
        let mut records = CowVec::default();
        records.extend_from_slice(&kept);
        Self::bulk(hash_seed, records, texts, None).0
    }

    /// The key of a chat. A text that it needs is appended to `texts`.
    pub(crate) fn key_of(chat: &ChatId, texts: &mut CowVec<Option<Arc<str>>, 128>) -> u64 {
        match chat.key() {
            ChatKey::Compact(id) => id.bits(),
            ChatKey::Text(text) => push_text(texts, text),
        }
    }

    /// The set number of a free place before `next`, or of the last free place.
    pub(crate) fn free_mark(next: Option<Place>) -> u32 {
        FREE | next.unwrap_or(END)
    }

    /// Whether a key is the revision of a free place.
    pub(crate) fn is_free_key(key: u64) -> bool {
        key >> CompactId::NUMBER_BITS == 0
    }
}

#[cfg(feature = "store")]
impl Chats {
    /// Whether a new chat can take a place: the first free one, a new one, or the one at which it [removes](Self::cut)
    /// the free places at the end.
    pub(crate) fn can_take(&self, place: Place) -> bool {
        let is_first = self.free.is_some_and(|(first, _)| first == place);
        is_first || to_index(place) == self.len() || self.cut() == Some(place)
    }
}

/// The key that refers to the text of a number.
fn text_key(number: u64) -> u64 {
    TEXT << CompactId::NUMBER_BITS | number
}

/// Appends a text. Returns its key.
fn push_text(texts: &mut CowVec<Option<Arc<str>>, 128>, text: &Arc<str>) -> u64 {
    texts.push(Some(Arc::clone(text)));
    text_key(to_u64(texts.len() - 1))
}

/// The number of the text that a key stands for.
pub(crate) fn text_number(key: u64) -> Option<u32> {
    (key >> CompactId::NUMBER_BITS == TEXT).then(|| u32::try_from(key & 0xffff_ffff).ok())?
}

/// The hash of the id at a place. Takes the fields one by one, so that the caller can change the index of places
/// meanwhile.
fn hash_at(
    records: &CowVec<Record, RUN>,
    texts: &CowVec<Option<Arc<str>>, 128>,
    state: &FixedState,
    place: Place,
) -> u64 {
    let Some(record) = records.get(to_index(place)) else { return 0 };
    match text_number(record.key()) {
        None => state.hash_one(record.key()),
        Some(number) => texts.get(to_index(number)).and_then(Option::as_deref).map_or(0, |text| state.hash_one(text)),
    }
}
