//! An index as the committer sees it.

#[cfg(test)]
mod tests;

use crate::index::feed::Wake;
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

    /// Says that a group is durable: shows it, and tells those who wait and those who subscribed. Who waits in async code
    /// is to be woken when every lock is released.
    ///
    /// Groups are settled in the order in which they were taken.
    pub(crate) fn settle_group(&self, group: Group) -> Wake {
        let Some(journal) = self.journal() else { return Wake::default() };
        if journal.working().is_some() {
            self.feed().announce(group.version.revision);
            let version = Version::clone(&group.version);
            // The old version is freed here, after readers have gone on.
            drop(self.visible().write(|visible| std::mem::replace(visible, version)));
        }
        let (revision, changes) = (group.version.revision, group.changes());
        journal.mark_durable(revision);
        let mut wake = Wake::default();
        if is_planted(Race::EarlyAnswer) {
            wake.extend(journal.acknowledge(revision, 0));
        }
        if self.feed().is_heard() {
            for commit in group.commits {
                wake.extend(self.feed().publish(commit));
            }
        }
        wake.extend(journal.acknowledge(revision, changes));
        wake
    }

    /// The newest revision that is durable.
    pub(crate) fn durable_revision(&self) -> Revision {
        self.journal().map_or(0, Journal::durable)
    }

    /// Takes no write any more; what is queued can still be taken and settled.
    pub(crate) fn close_journal(&self, why: Error) -> Wake {
        self.journal().map(|journal| journal.close(why)).unwrap_or_default()
    }

    /// Takes no write any more, and fails those that are not durable. No reader has seen them, unless visible and
    /// durable are apart by choice.
    pub(crate) fn end_journal(&self, why: Error) -> Wake {
        self.journal().map(|journal| journal.end(self.visible(), why)).unwrap_or_default()
    }
}
