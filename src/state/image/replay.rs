//! Stored commits on a state again.

use crate::change::{Change, Commit, Place, Revision};
use crate::chat_id::ChatId;
use crate::op::Op;
use crate::options::Limits;
use crate::state::State;
use crate::state::image::damage::{Damage, require};
use crate::state::plan::{Rules, plan};

impl State {
    /// Applies a commit that was made on such a state, once each of its changes proved to be one that can be applied.
    /// Gives every chat the place that it had.
    ///
    /// # Errors
    ///
    /// [`Damage`] if the commit cannot have been made here. The state is of no use then.
    pub(crate) fn replay(&mut self, commit: &Commit) -> Result<(), Damage> {
        let (revision, now) = (commit.revision, self.revision);
        require(now.checked_add(1) == Some(revision), || format!("revision {revision} after {now}"))?;
        require(!commit.changes.is_empty(), || format!("revision {revision} changes nothing"))?;
        for change in &*commit.changes {
            require(self.can_apply(change), || format!("revision {revision} cannot have done {change:?}"))?;
            self.apply(change);
        }
        self.finish_commit();
        Ok(())
    }

    fn can_apply(&self, change: &Change) -> bool {
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
            Change::ChatsMerged { from, into, .. } => {
                let op = Op::MergeChats { from: from.clone(), into: into.clone() };
                let rules = Rules { limits: Limits::default(), horizon: Revision::MAX };
                plan(self, &op, rules).is_ok_and(|plan| plan.changes == [change.clone()])
            }
            Change::AliasRemoved { from } => self.aliases.target(from).is_some(),
            Change::Refreshed => true,
        }
    }

    /// Whether a label can be given to a chat at this place: it is there, or has none and the place is the next one.
    fn can_be_at(&self, chat: &ChatId, place: Place) -> bool {
        match self.chats.find(chat) {
            Some(there) => there == place,
            None => {
                // Beside a snapshot the free places wait, and a new one is taken.
                let next = self.chats.vacancies(Revision::MAX).next();
                let new = self.chats.vacancies(0).next();
                self.aliases.target(chat).is_none() && [next, new].contains(&Some(place))
            }
        }
    }
}
