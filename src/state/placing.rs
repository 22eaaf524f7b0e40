//! Puts chats at the places of a prepared commit, in any order, and rebuilds the list of free places afterwards.

use crate::collections::number::to_index;
use crate::model::change::{Place, Revision};
use crate::model::chat_id::ChatId;
use crate::state::chats::{Chats, RUN, Record};
use crate::state::label_sets::EMPTY;

/// From the first call of one of these methods until [`chain_free`](Self::chain_free) the list of free places is not
/// valid.
impl Chats {
    /// The free places, in the order in which they became free.
    pub(super) fn free_places(&self) -> impl Iterator<Item = Place> {
        std::iter::successors(self.free_list().map(|(first, _)| first), |&place| self.next_free(place))
    }

    /// Removes the chat from a place.
    pub(super) fn evict(&mut self, place: Place) {
        self.drop_key(place);
        self.count_used(place, |used| used.saturating_sub(1));
        self.records.set(to_index(place), free_record(0, None));
    }

    /// Puts a chat that has no place at a place without a chat, without labels yet.
    pub(super) fn occupy(&mut self, chat: &ChatId, place: Place) {
        self.put_set(place, EMPTY);
        self.put_key(chat, place);
        self.count_used(place, |used| used + 1);
    }

    /// Appends places without a chat, or removes such places from the end, until there are `places`.
    pub(super) fn resize(&mut self, places: usize) {
        self.records.truncate(places);
        while self.records.len() < places {
            self.records.push(free_record(0, None));
        }
        let pages = places.div_ceil(RUN);
        self.used.truncate(pages);
        if let Some(last) = pages.checked_sub(1) {
            self.used.grow_to(last);
        }
    }

    /// Copies the record of a place that is free in another version.
    pub(super) fn copy_free(&mut self, other: &Self, place: Place) {
        if let Some(&record) = other.records.get(to_index(place)) {
            self.records.set(to_index(place), record);
        }
    }

    /// Rebuilds the list of free places: that of another version without the first ones, which are taken here, followed
    /// by the places that a commit frees.
    ///
    /// **O(places taken from the list + places freed)**.
    pub(super) fn chain_free(&mut self, other: &Self, freed: &[Place], revision: Revision) {
        let head = other.free_places().find(|&place| self.set_of(place).is_none());
        let last = head.and(other.free_list()).map(|(_, last)| last);
        for (at, &place) in (1..).zip(freed) {
            self.records.set(to_index(place), free_record(revision, freed.get(at).copied()));
        }
        if let Some(last) = last {
            self.put_set(last, Self::free_mark(freed.first().copied()));
        }
        let first = head.or(freed.first().copied());
        self.free = first.zip(freed.last().copied().or(last));
    }
}

fn free_record(freed: Revision, next: Option<Place>) -> Record {
    Record::new(freed, Chats::free_mark(next))
}
