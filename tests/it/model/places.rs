//! The places of the model.

use std::collections::{BTreeMap, HashMap, VecDeque};

use label_index::{ChatId, Place};

/// Which chat has which place, and which places are free.
#[derive(Debug, Clone, Default)]
pub(crate) struct Places {
    of: HashMap<ChatId, Place>,
    /// Free places with the revision that freed them, the oldest first.
    free: VecDeque<(Place, u64)>,
    /// The places whose chats the current commit has left without a label at some time, in that order.
    emptied: Vec<Place>,
    /// The first place that was never used.
    end: Place,
}

impl Places {
    pub(crate) fn of(&self, chat: &ChatId) -> Option<Place> {
        self.of.get(chat).copied()
    }

    /// Gives a chat a place unless it has one: the one that has been free for longest, if it was free before the
    /// oldest snapshot that is held, or else a new one. But if all free places were free before that snapshot, and
    /// those behind the last chat are at least as many as the places before them plus 1,024, then those are removed,
    /// and the chat gets the first of them.
    pub(crate) fn take(&mut self, chat: &ChatId, oldest_held: u64) {
        if self.of.contains_key(chat) {
            return;
        }
        let end = self.of.values().max().map_or(0, |last| last + 1);
        let newest = self.free.iter().map(|&(_, freed)| freed).max();
        if newest.is_some_and(|freed| freed <= oldest_held) && self.end >= 2 * end + 1_024 {
            // Or the second of them, if the first is the one that has been free for longest.
            let is_first = self.free.front().is_some_and(|&(place, _)| place == end);
            let place = end + Place::from(is_first);
            self.free.retain(|&(free, _)| free < place);
            self.free.make_contiguous().sort_by_key(|&(place, freed)| (freed, place));
            self.of.insert(chat.clone(), place);
            self.end = place + 1;
            return;
        }
        let place = match self.free.front() {
            Some(&(place, freed)) if freed <= oldest_held => {
                self.free.pop_front();
                place
            }
            _ => {
                self.end += 1;
                self.end - 1
            }
        };
        self.of.insert(chat.clone(), place);
    }

    /// Records that a chat has no label now. It keeps its place until the commit ends.
    pub(crate) fn emptied(&mut self, chat: &ChatId) {
        self.emptied.extend(self.of(chat));
    }

    /// Gives `into` the place of `from`, if it has none.
    pub(crate) fn inherit(&mut self, from: &ChatId, into: &ChatId) {
        if let Some(place) = self.of(from)
            && self.of(into).is_none()
        {
            self.of.remove(from);
            self.of.insert(into.clone(), place);
        }
    }

    /// Ends a commit: the places of chats without a label become free, in the order in which the chats first lost their
    /// last label.
    pub(crate) fn settle(&mut self, revision: u64, is_labelled: impl Fn(&ChatId) -> bool) {
        let emptied = std::mem::take(&mut self.emptied);
        if emptied.is_empty() {
            return;
        }
        let holders: HashMap<Place, ChatId> = self.of.iter().map(|(chat, &place)| (place, chat.clone())).collect();
        for place in emptied {
            let chat = &holders[&place];
            if !is_labelled(chat) && self.of.remove(chat).is_some() {
                self.free.push_back((place, revision));
            }
        }
    }

    /// Chats in order of place.
    pub(crate) fn in_order(&self) -> BTreeMap<Place, &ChatId> {
        self.of.iter().map(|(chat, &place)| (place, chat)).collect()
    }
}
