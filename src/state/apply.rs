//! Carrying out changes. Nothing is refused here: what [`plan`](crate::state::plan) gave can be applied.

use crate::change::{Change, Place};
use crate::chat_id::ChatId;
use crate::label_id::LabelId;
use crate::op::RefreshState;
use crate::state::State;
use crate::state::label_sets::{EMPTY, SetId};
use crate::state::labels::Slot;
use crate::state::postings::List;

impl State {
    pub(crate) fn apply(&mut self, change: &Change) {
        match change {
            Change::LabelCreated { label } | Change::LabelUpdated { label } => self.labels.put(label.clone()),
            Change::LabelRemoved { label, .. } => self.remove_label(label),
            Change::ChatLinked { label, chat, place } => {
                if let Some(slot) = self.labels.slot(label) {
                    if !self.chats.is_at(chat, *place) {
                        self.chats.insert(chat, *place, EMPTY);
                    }
                    self.add(*place, slot);
                }
            }
            Change::ChatUnlinked { label, chat } => {
                if let (Some(slot), Some(place)) = (self.labels.slot(label), self.chats.find(chat)) {
                    self.take(place, slot);
                }
            }
            Change::ChatsMerged { from, into, .. } => self.merge(from, into),
            Change::AliasRemoved { from } => self.aliases.remove(from),
            Change::Refreshed => self.refresh_state = RefreshState::Done { revision: self.revision + 1 },
        }
    }

    /// Ends a commit: chats that were left without a label give up their places, and the revision is the next one.
    pub(crate) fn finish_commit(&mut self) {
        self.revision += 1;
        for place in std::mem::take(&mut self.vacated) {
            // A chat that got a label again stays, and one that was emptied twice went the first time.
            if self.chats.set_of(place) == Some(EMPTY) {
                self.chats.release(place, self.revision);
            }
        }
    }

    /// Gives the chat at a place a label that it does not have.
    fn add(&mut self, place: Place, slot: Slot) {
        let Some(old) = self.chats.set_of(place) else { return };
        self.postings.link(slot, place, self.sets.members(old));
        let new = self.sets.with(old, slot, &self.labels);
        self.reset(place, old, new);
        self.total_rows += 1;
    }

    /// Takes a label from the chat at a place, which has it.
    fn take(&mut self, place: Place, slot: Slot) {
        let Some(old) = self.chats.set_of(place) else { return };
        let new = self.sets.without(old, slot);
        self.postings.unlink(slot, place, self.sets.members(new));
        self.reset(place, old, new);
        self.total_rows -= 1;
        if new == EMPTY {
            self.vacated.push(place);
        }
    }

    /// Gives a chat another label set; the postings are the caller's.
    pub(in crate::state) fn reset(&mut self, place: Place, old: SetId, new: SetId) {
        self.sets.acquire(new);
        self.sets.release(old);
        self.chats.put_set(place, new);
    }

    fn remove_label(&mut self, id: &LabelId) {
        if let Some(slot) = self.labels.slot(id) {
            let places: Vec<Place> = self.postings.places(List::Label(slot)).collect();
            for place in places {
                self.take(place, slot);
            }
        }
        self.labels.remove(id);
    }

    fn merge(&mut self, from: &ChatId, into: &ChatId) {
        // An alias that is re-pointed leaves behind the labels that it brought.
        if self.aliases.target(from).is_none()
            && let Some(place) = self.chats.find(from)
        {
            match self.chats.find(into) {
                Some(kept) => self.unite(place, kept),
                None => self.chats.rename(place, into),
            }
        }
        self.aliases.repoint_all(from, into);
        self.aliases.point(from, into);
    }

    /// Moves the labels of one place to another.
    fn unite(&mut self, from: Place, into: Place) {
        for slot in self.slots_at(from).to_vec() {
            self.take(from, slot);
            if !self.slots_at(into).contains(&slot) {
                self.add(into, slot);
            }
        }
    }
}
