//! Replay: applying stored commits to a state.

use hashbrown::HashSet;

use crate::codec::damage::{Damage, require};
use crate::codec::log::RecordFormat;
use crate::model::change::{Change, Commit, Place, Revision};
use crate::model::chat_id::ChatId;
use crate::model::label_id::LabelId;
use crate::model::op::Op;
use crate::model::options::Limits;
use crate::state::State;
use crate::state::apply::runs;
use crate::state::decide::{Rules, plan};

impl State {
    /// Applies a commit, from a record of that format, to the state on which it was made. Each of its changes is
    /// checked first. Chats get the places that they had.
    ///
    /// # Errors
    ///
    /// [`Damage`] if the commit cannot have been made on this state. The state cannot be used any more.
    pub(crate) fn replay(&mut self, commit: &Commit, format: RecordFormat) -> Result<(), Damage> {
        let (revision, now) = (commit.revision, self.revision);
        require(now.checked_add(1) == Some(revision), || format!("revision {revision} after {now}"))?;
        require(!commit.changes.is_empty(), || format!("revision {revision} changes nothing"))?;
        for run in runs(&commit.changes) {
            let mut labels: HashSet<&LabelId> = HashSet::new();
            for change in run {
                let once = match change {
                    Change::ChatLinked { label, .. } | Change::ChatUnlinked { label, .. } => labels.insert(label),
                    _ => true,
                };
                require(once && self.can_apply(change, format), || {
                    format!("revision {revision} cannot have done {change:?}")
                })?;
            }
            self.apply_run(run);
        }
        self.finish_commit();
        Ok(())
    }

    fn can_apply(&self, change: &Change, format: RecordFormat) -> bool {
        let labels = &self.labels;
        match change {
            Change::LabelCreated { label } => labels.slot(label.id()).is_none(),
            Change::LabelUpdated { label } => labels.get(label.id()).is_some_and(|old| old != label),
            Change::LabelRemoved { label, links } => match labels.slot(label) {
                Some(slot) => self.postings.len(slot) == *links,
                None => *links == 0 && !labels.is_deleted(label),
            },
            Change::ChatLinked { label, chat, place } => labels
                .slot(label)
                .is_some_and(|slot| self.can_be_at(chat, *place) && !self.slots_at(*place).contains(&slot)),
            Change::ChatUnlinked { label, chat } => {
                let place = self.chats.find(chat);
                labels.slot(label).zip(place).is_some_and(|(slot, place)| self.slots_at(place).contains(&slot))
            }
            Change::ChatsMerged { from, into, added, .. } => {
                let op = Op::MergeChats { from: from.clone(), into: into.clone() };
                let rules = Rules { limits: Limits::default(), horizon: Revision::MAX };
                plan(self, &op, rules).is_ok_and(|plan| match (&plan.changes[..], format) {
                    ([Change::ChatsMerged { into: planned, added: labels, .. }], RecordFormat::One) => {
                        (planned, labels) == (into, added)
                    }
                    (planned, _) => *planned == [change.clone()],
                })
            }
            Change::AliasRemoved { from } => self.aliases.target(from).is_some(),
            Change::Refreshed => true,
        }
    }

    /// Whether a chat can be linked at this place: it is there, or it has no place and a new chat can take this one.
    fn can_be_at(&self, chat: &ChatId, place: Place) -> bool {
        let is_there = self.chats.set_at(chat, place).is_some();
        if is_there && !self.slots_at(place).is_empty() {
            return true;
        }
        // A chat that was merged into another one earlier in this commit still has its place.
        self.resolve(chat) == chat && (is_there || (self.chats.can_take(place) && self.chats.find(chat).is_none()))
    }
}
