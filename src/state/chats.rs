//! The labelled chats: their places, and the label set of each.

use std::sync::Arc;

use foldhash::fast::FixedState;
use std::hash::BuildHasher;

use crate::change::{Place, Revision};
use crate::chat_id::{ChatId, ChatKey, CompactId};
use crate::state::hash_index::HashIndex;
use crate::state::label_sets::SetId;
use crate::state::labels::index;
use crate::state::pages::Pages;

/// Places in one page of label sets.
pub(in crate::state) const RUN: usize = 1024;

/// In the high bits of a key: the number is that of a text.
const TEXT: u64 = 15;

/// In a chat's set number: the place is free, and the other bits are the next free place.
const FREE: u32 = 1 << 31;

/// The end of the list of free places.
const END: u32 = FREE - 1;

/// Every labelled chat at its place.
///
/// A place is in one of three states: *taken* by a chat with labels; *vacated*, still with its key but with the empty
/// set, only between the first change of a commit and its end; *free*.
#[derive(Debug, Clone)]
pub(crate) struct Chats {
    /// C1: at a place with a chat, a [`CompactId`], or [`TEXT`] and the number of a text. At a free place the revision
    /// at which it became free.
    pub(in crate::state) keys: Pages<u64, 512>,
    /// C2: at a place with a chat, its label set; at a free place, [`FREE`] and the next one.
    pub(in crate::state) sets: Pages<u32, RUN>,
    /// C3: the ids that are no [`CompactId`], each used by exactly one place; the numbers without a text are listed
    /// once each.
    pub(in crate::state) texts: Pages<Option<Arc<str>>, 128>,
    pub(in crate::state) free_texts: Pages<u32, 256>,
    /// C4: finds exactly the places with a chat.
    pub(crate) places: HashIndex,
    /// C5: the free places in the order in which they became free, first and last.
    pub(in crate::state) free: Option<(Place, Place)>,
    hash: FixedState,
}

impl Chats {
    /// The most places: their numbers leave one bit free, and one number is the end of a list.
    pub(crate) const MAX: usize = 0x7fff_ffff;

    pub(crate) fn new(hash_seed: u64) -> Self {
        Self {
            keys: Pages::default(),
            sets: Pages::default(),
            texts: Pages::default(),
            free_texts: Pages::default(),
            places: HashIndex::default(),
            free: None,
            hash: FixedState::with_seed(hash_seed),
        }
    }

    /// How many places there are, free ones included.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    pub(crate) fn find(&self, chat: &ChatId) -> Option<Place> {
        match chat.key() {
            ChatKey::Compact(id) => {
                let bits = id.bits();
                self.places.find(self.hash.hash_one(bits), |place| self.keys.get(index(place)) == Some(&bits))
            }
            ChatKey::Text(text) => {
                self.places.find(self.hash.hash_one(&**text), |place| self.text_at(place) == Some(text))
            }
        }
    }

    /// Whether a chat is at a place. Quicker than to find it.
    pub(crate) fn is_at(&self, chat: &ChatId, place: Place) -> bool {
        match chat.key() {
            ChatKey::Compact(id) => self.keys.get(index(place)) == Some(&id.bits()),
            ChatKey::Text(text) => self.text_at(place) == Some(text),
        }
    }

    pub(crate) fn chat_at(&self, place: Place) -> Option<ChatId> {
        let key = *self.keys.get(index(place))?;
        CompactId::from_bits(key)
            .map(ChatId::from_compact)
            .or_else(|| self.text_at(place).cloned().map(ChatId::from_stored_text))
    }

    fn text_at(&self, place: Place) -> Option<&Arc<str>> {
        let number = text_number(*self.keys.get(index(place))?)?;
        self.texts.get(index(number))?.as_ref()
    }

    /// The label set of a place with a chat.
    pub(crate) fn set_of(&self, place: Place) -> Option<SetId> {
        self.sets.get(index(place)).copied().filter(|set| set & FREE == 0)
    }

    pub(crate) fn put_set(&mut self, place: Place, set: SetId) {
        self.sets.set(index(place), set);
    }

    /// The sets by place in runs, from the run that holds `first` on. Gives the first place of each run; a free place
    /// has a number that is no set's.
    pub(crate) fn set_runs(&self, first: Place) -> impl Iterator<Item = (Place, &[u32])> {
        let run = index(first) / RUN;
        (run..).zip(self.sets.pages_from(run)).filter_map(|(run, sets)| Some((Place::try_from(run * RUN).ok()?, sets)))
    }

    /// Whether a number from [`set_runs`](Self::set_runs) belongs to a free place.
    pub(crate) fn is_free(set: u32) -> bool {
        set & FREE != 0
    }

    /// The places that new chats take, in order: first those that were free at `horizon` already, then new ones.
    pub(crate) fn vacancies(&self, horizon: Revision) -> impl Iterator<Item = Place> {
        let free = std::iter::successors(self.free.map(|(first, _)| first), |&place| self.next_free(place))
            .take_while(move |&place| self.keys.get(index(place)).is_some_and(|&freed| freed <= horizon));
        free.chain((self.len()..Self::MAX).filter_map(|place| Place::try_from(place).ok()))
    }

    fn next_free(&self, place: Place) -> Option<Place> {
        self.sets.get(index(place)).map(|set| set & !FREE).filter(|&next| next != END)
    }

    /// Gives a place to a chat that has none, with the set given. The place is the first free one or a new one: what
    /// [`vacancies`](Self::vacancies) says.
    pub(crate) fn insert(&mut self, chat: &ChatId, place: Place, set: SetId) {
        match self.free {
            Some((first, last)) if first == place => {
                self.free = self.next_free(first).map(|next| (next, last));
            }
            _ => {
                self.keys.push(0);
                self.sets.push(0);
            }
        }
        self.put_key(chat, place);
        self.put_set(place, set);
    }

    /// Lets the chat at a place give it to another, which has none.
    pub(crate) fn rename(&mut self, place: Place, chat: &ChatId) {
        self.drop_key(place);
        self.put_key(chat, place);
    }

    /// Makes a place free.
    pub(crate) fn release(&mut self, place: Place, revision: Revision) {
        self.drop_key(place);
        self.keys.set(index(place), revision);
        self.sets.set(index(place), FREE | END);
        let first = match self.free {
            None => place,
            Some((first, last)) => {
                self.sets.set(index(last), FREE | place);
                first
            }
        };
        self.free = Some((first, place));
    }

    fn put_key(&mut self, chat: &ChatId, place: Place) {
        let (key, hash) = match chat.key() {
            ChatKey::Compact(id) => (id.bits(), self.hash.hash_one(id.bits())),
            ChatKey::Text(text) => {
                let number = self.free_texts.pop().unwrap_or_else(|| {
                    self.texts.push(None);
                    // There are no more texts than places.
                    u32::try_from(self.texts.len() - 1).unwrap_or(u32::MAX)
                });
                self.texts.set(index(number), Some(Arc::clone(text)));
                (TEXT << CompactId::NUMBER_BITS | u64::from(number), self.hash.hash_one(&**text))
            }
        };
        self.keys.set(index(place), key);
        let Self { keys, texts, places, hash: state, .. } = self;
        places.insert(hash, place, |other| hash_at(keys, texts, state, other));
    }

    fn drop_key(&mut self, place: Place) {
        let hash = hash_at(&self.keys, &self.texts, &self.hash, place);
        self.places.remove(hash, place);
        if let Some(number) = self.keys.get(index(place)).copied().and_then(text_number) {
            self.texts.set(index(number), None);
            self.free_texts.push(number);
        }
    }

    /// The revision at which a free place became free, and the next free place.
    pub(crate) fn free_at(&self, place: Place) -> Option<(Revision, Option<Place>)> {
        let set = *self.sets.get(index(place))?;
        Self::is_free(set).then(|| Some((*self.keys.get(index(place))?, self.next_free(place))))?
    }

    /// The first and the last free place.
    pub(crate) fn free_list(&self) -> Option<(Place, Place)> {
        self.free
    }

    /// How many texts are stored.
    pub(crate) fn text_count(&self) -> usize {
        self.texts.iter().flatten().count()
    }
}

#[cfg(feature = "store")]
impl Chats {
    /// Chats at their places. The texts are numbered from 0 without a gap.
    ///
    /// **O(places)**.
    ///
    /// # Errors
    ///
    /// A place whose chat is at another place too.
    pub(in crate::state) fn bulk(
        hash_seed: u64,
        keys: Pages<u64, 512>,
        sets: Pages<u32, RUN>,
        texts: Pages<Option<Arc<str>>, 128>,
        free: Option<(Place, Place)>,
    ) -> Result<Self, Place> {
        let hash = FixedState::with_seed(hash_seed);
        let mut chats = Self { keys, sets, texts, free, ..Self::new(hash_seed) };
        let taken = || (0..).zip(chats.keys.iter().copied()).filter(|&(_, key)| !Self::is_free_key(key));
        let hash_of = |key| chats.text_of(key).map_or_else(|| hash.hash_one(key), |text| hash.hash_one(text));
        let hashes = taken().map(|(place, key)| (hash_of(key), place));
        let is_same = |a, b| match (chats.text_at(a), chats.text_at(b)) {
            (None, None) => chats.keys.get(index(a)) == chats.keys.get(index(b)),
            (a, b) => a == b,
        };
        chats.places = HashIndex::bulk(taken().count(), hashes, is_same)?;
        Ok(chats)
    }

    /// Whether a key is the revision of a free place.
    pub(in crate::state) fn is_free_key(key: u64) -> bool {
        key >> CompactId::NUMBER_BITS == 0
    }

    /// What stands at a free place in front of another, or at the last one.
    pub(in crate::state) fn free_mark(next: Option<Place>) -> u32 {
        FREE | next.unwrap_or(END)
    }

    /// The text that a key stands for.
    pub(in crate::state) fn text_of(&self, key: u64) -> Option<&str> {
        self.texts.get(index(text_number(key)?))?.as_deref()
    }
}

/// The number of the text that a key stands for.
fn text_number(key: u64) -> Option<u32> {
    (key >> CompactId::NUMBER_BITS == TEXT).then(|| u32::try_from(key & 0xffff_ffff).ok())?
}

/// The hash of the id at a place, from its parts, so that the index of places can be changed meanwhile.
fn hash_at(keys: &Pages<u64, 512>, texts: &Pages<Option<Arc<str>>, 128>, state: &FixedState, place: Place) -> u64 {
    let Some(&key) = keys.get(index(place)) else { return 0 };
    match text_number(key) {
        None => state.hash_one(key),
        Some(number) => texts.get(index(number)).and_then(Option::as_deref).map_or(0, |text| state.hash_one(text)),
    }
}
