//! The index as a value: no lock, no I/O, no clock and no randomness.
//!
//! A clone of a [`State`] is a version of its own and costs some twenty reference counts. A write copies only the
//! pieces that it touches and another version still shares.

pub(crate) mod labels;
pub(crate) mod aliases;
pub(crate) mod signatures;
pub(crate) mod members;
pub(crate) mod label_sets;
pub(crate) mod chats;
pub(crate) mod postings;
pub(crate) mod decide;
pub(crate) mod apply;
mod placing;
pub(crate) mod prepared;
mod set_interner;
pub(crate) mod bulk;
pub(crate) mod check;
mod memory;
#[cfg(test)]
pub(crate) mod tests;

use crate::model::change::{Change, Place, Revision};
use crate::model::chat_id::ChatId;
use crate::model::op::RefreshState;
use crate::state::aliases::Aliases;
use crate::state::chats::{Chats, Record};
use crate::state::label_sets::{EMPTY, LabelSets};
use crate::state::labels::{Labels, Slot};
use crate::state::postings::Postings;

/// A version that readers and snapshots share. Without weak references a writer checks by a plain load whether it is
/// the only holder, and writes to no cache line that readers use.
pub(crate) type Version = triomphe::Arc<State>;

/// One version of an index.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) revision: Revision,
    /// Distinguishes the cursors of this index from those of others.
    pub(crate) identity: u64,
    /// T3: not of a later revision than this version's.
    pub(crate) refresh_state: RefreshState,
    /// T1: the number of pairs.
    pub(crate) total_rows: u64,
    pub(crate) labels: Labels,
    pub(crate) aliases: Aliases,
    pub(crate) chats: Chats,
    pub(crate) sets: LabelSets,
    pub(crate) postings: Postings,
    /// T2: the places that lost their last label in this commit; empty between commits.
    pub(crate) vacated: Vec<Place>,
}

impl State {
    pub(crate) fn new(identity: u64, hash_seed: u64) -> Self {
        Self {
            revision: 0,
            identity,
            refresh_state: RefreshState::Never,
            total_rows: 0,
            labels: Labels::default(),
            aliases: Aliases::default(),
            chats: Chats::new(hash_seed),
            sets: LabelSets::new(hash_seed),
            postings: Postings::default(),
            vacated: Vec::new(),
        }
    }

    /// Roughly the number of chats that a change touches.
    pub(crate) fn work_of(&self, change: &Change) -> usize {
        match change {
            Change::LabelRemoved { links, .. } => usize::try_from(*links).unwrap_or(usize::MAX),
            Change::ChatsMerged { from, added, .. } => {
                let slots = self.chats.find(from).map_or(0, |place| self.slots_at(place).len());
                slots + added.len() + self.aliases.count_of(from)
            }
            // This link removes the free places at the end.
            Change::ChatLinked { place, .. } if self.chats.is_cut(*place) => self.chats.len(),
            _ => 1,
        }
    }

    /// The chat that an id means after aliases.
    pub(crate) fn resolve<'a>(&'a self, chat: &'a ChatId) -> &'a ChatId {
        self.aliases.target(chat).unwrap_or(chat)
    }

    /// Every id of a chat: its own, and its aliases. The chat has to be resolved.
    pub(crate) fn ids_of<'a>(&'a self, chat: &'a ChatId) -> impl Iterator<Item = &'a ChatId> {
        std::iter::once(chat).chain(self.aliases.of(chat))
    }

    /// The place of a chat, by any of its ids. No alias has a place of its own, so for most chats one lookup is enough.
    pub(crate) fn place_of(&self, chat: &ChatId) -> Option<Place> {
        self.chats.find(chat).or_else(|| self.chats.find(self.aliases.target(chat)?))
    }

    /// The chats that have a label, in order of place.
    pub(crate) fn chats_with(&self, slot: Slot) -> impl Iterator<Item = ChatId> {
        self.postings.places(slot).filter_map(|place| self.chats.chat_at(place))
    }

    /// The labels of the chat at a place, in label order.
    pub(crate) fn slots_at(&self, place: Place) -> &[Slot] {
        self.chats.record_at(place).map_or(&[], |record| self.slots_of(record))
    }

    /// The labels of the chat of a record, in label order.
    pub(crate) fn slots_of(&self, record: Record) -> &[Slot] {
        self.sets.members(record.taken().unwrap_or(EMPTY))
    }

    /// The number of chats with at least one label.
    pub(crate) fn total_chats(&self) -> u64 {
        self.postings.labelled()
    }
}
