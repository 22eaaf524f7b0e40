//! Applying changes. Nothing is refused here: every change that [`plan`](crate::state::decide) gives can be applied.

use hashbrown::HashSet;

use crate::collections::number::to_u64;
use crate::model::change::{Change, Place};
use crate::model::chat_id::ChatId;
use crate::model::label_id::LabelId;
use crate::model::op::RefreshState;
use crate::state::State;
use crate::state::label_sets::EMPTY;
use crate::state::labels::Slot;
use crate::state::signatures::SetId;

/// Groups changes that are applied at once: consecutive links of one chat, or consecutive unlinks of one chat.
pub(crate) fn runs(changes: &[Change]) -> impl Iterator<Item = &[Change]> {
    changes.chunk_by(|a, b| match (a, b) {
        (Change::ChatLinked { chat, place, .. }, Change::ChatLinked { chat: next, place: at, .. }) => {
            chat == next && place == at
        }
        (Change::ChatUnlinked { chat, .. }, Change::ChatUnlinked { chat: next, .. }) => chat == next,
        _ => false,
    })
}

impl State {
    /// Applies changes in order.
    pub(crate) fn apply(&mut self, changes: &[Change]) {
        match changes {
            // The usual case.
            [_] => self.apply_run(changes),
            _ => runs(changes).for_each(|run| self.apply_run(run)),
        }
    }

    pub(crate) fn apply_run(&mut self, run: &[Change]) {
        match run {
            [Change::ChatLinked { chat, place, .. }, ..] => self.with_slots_of(run, |state, slots| {
                if slots.is_empty() {
                    return;
                }
                let old = state.chats.set_at(chat, *place).unwrap_or_else(|| {
                    state.chats.insert(chat, *place, EMPTY);
                    // Where that removed free places at the end, their numbers go too.
                    state.postings.per_chat.truncate(state.chats.len());
                    EMPTY
                });
                state.add(*place, old, slots);
            }),
            [Change::ChatUnlinked { chat, .. }, ..] => {
                if let Some(place) = self.chats.find(chat) {
                    self.with_slots_of(run, |state, slots| state.take(place, slots));
                }
            }
            others => others.iter().for_each(|change| self.apply_one(change)),
        }
    }

    /// Calls `act` with the slots of the labels of links or unlinks.
    fn with_slots_of(&mut self, run: &[Change], act: impl FnOnce(&mut Self, &[Slot])) {
        if let [change] = run {
            let slot = self.slot_of(change);
            act(self, slot.as_slice());
        } else {
            let slots: Vec<Slot> = run.iter().filter_map(|change| self.slot_of(change)).collect();
            act(self, &slots);
        }
    }

    fn slot_of(&self, change: &Change) -> Option<Slot> {
        match change {
            Change::ChatLinked { label, .. } | Change::ChatUnlinked { label, .. } => self.labels.slot(label),
            _ => None,
        }
    }

    fn apply_one(&mut self, change: &Change) {
        match change {
            Change::LabelCreated { label } | Change::LabelUpdated { label } => {
                self.labels.put(label.clone());
                self.postings.grow_to(self.labels.slot_count());
            }
            Change::LabelRemoved { label, .. } => self.remove_label(label),
            // `apply_run` applies these.
            Change::ChatLinked { .. } | Change::ChatUnlinked { .. } => {}
            Change::ChatsMerged { from, into, .. } => self.merge(from, into),
            Change::AliasRemoved { from } => self.aliases.remove(from),
            Change::Refreshed => self.refresh_state = RefreshState::Done { revision: self.revision + 1 },
        }
    }

    /// Ends a commit: frees the places of chats that were left without a label, and increments the revision.
    pub(crate) fn finish_commit(&mut self) {
        self.revision += 1;
        // Taking an empty list would write to a cache line that readers use.
        if self.vacated.is_empty() {
            return;
        }
        for place in std::mem::take(&mut self.vacated) {
            // A chat that got a label again keeps its place. One that is listed twice was released the first time.
            if self.chats.set_of(place) == Some(EMPTY) {
                self.chats.release(place, self.revision);
            }
        }
    }

    /// Adds labels that the chat at a place does not have.
    pub(super) fn add(&mut self, place: Place, old: SetId, slots: &[Slot]) {
        self.postings.link(slots, place, self.sets.members(old));
        let new = self.sets.with(old, slots, &self.labels);
        self.reset(place, old, new);
        self.total_rows += to_u64(slots.len());
    }

    /// Removes labels that the chat at a place has.
    pub(super) fn take(&mut self, place: Place, slots: &[Slot]) {
        let Some(old) = self.chats.set_of(place) else { return };
        let new = self.sets.without(old, slots);
        self.postings.unlink(slots, place, self.sets.members(new));
        self.reset(place, old, new);
        self.total_rows -= to_u64(slots.len());
        if new == EMPTY {
            self.vacated.push(place);
        }
    }

    /// Gives a chat another label set. The caller updates the postings.
    pub(crate) fn reset(&mut self, place: Place, old: SetId, new: SetId) {
        self.sets.acquire(new);
        self.sets.release(old);
        self.chats.put_set(place, new);
    }

    fn remove_label(&mut self, id: &LabelId) {
        if let Some(slot) = self.labels.slot(id) {
            let places: Vec<Place> = self.postings.places(slot).collect();
            for place in places {
                self.take(place, &[slot]);
            }
        }
        self.labels.remove(id);
    }

    fn merge(&mut self, from: &ChatId, into: &ChatId) {
        // An alias that gets another target does not take back the labels that its first merge moved.
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
        let moved = self.slots_at(from).to_vec();
        self.take(from, &moved);
        let old = self.chats.set_of(into).unwrap_or(EMPTY);
        let has: HashSet<Slot> = self.sets.members(old).iter().copied().collect();
        let added: Vec<Slot> = moved.into_iter().filter(|slot| !has.contains(slot)).collect();
        if !added.is_empty() {
            self.add(into, old, &added);
        }
    }
}
