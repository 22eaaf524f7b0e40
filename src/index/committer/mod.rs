//! An index as the committer sees it.

#[cfg(test)]
mod tests;

use crate::index::journal::{Group, Journal};
use crate::index::label_index::LabelIndex;
use crate::index::sync::{Race, is_planted};
use crate::model::change::Revision;
use crate::model::error::Error;
use crate::state::Version;

/// # For the committer
///
/// These do nothing for an index in memory.
impl LabelIndex {
    /// Takes the commits that are not durable yet and have not been taken, perhaps none.
    pub(crate) fn take_group(&self) -> Option<Group> {
        self.journal().map(|journal| journal.take(self.visible()))
    }

    /// Makes a durable group visible, delivers it to subscribers and answers the writers that wait for it.
    ///
    /// Groups are settled in the order in which they were taken.
    pub(crate) fn settle_group(&self, group: Group) {
        let Some(journal) = self.journal() else { return };
        if journal.working().is_some() {
            self.feed().announce(group.version.revision);
            let version = Version::clone(&group.version);
            // The old version is freed here, after readers have gone on.
            drop(self.visible().write(|visible| std::mem::replace(visible, version)));
        }
        let (revision, changes) = (group.version.revision, group.changes());
        journal.mark_durable(revision);
        if is_planted(Race::EarlyAnswer) {
            journal.acknowledge(revision, 0);
        }
        if self.feed().is_heard() {
            for commit in group.commits {
                self.feed().publish(commit).now();
            }
        }
        journal.acknowledge(revision, changes);
    }

    /// The newest revision that is durable.
    pub(crate) fn durable_revision(&self) -> Revision {
        self.journal().map_or(0, Journal::durable)
    }

    /// Takes no write any more; what is queued can still be taken and settled.
    pub(crate) fn close_journal(&self, why: Error) {
        if let Some(journal) = self.journal() {
            journal.close(why);
        }
    }

    /// Takes no write any more, and fails those that are not durable. No reader has seen them, unless visible and
    /// durable are apart by choice.
    pub(crate) fn end_journal(&self, why: Error) {
        if let Some(journal) = self.journal() {
            journal.end(self.visible(), why);
        }
    }
}
