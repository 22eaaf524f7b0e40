//! An index as the committer sees it.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::error::Error;
use crate::index::LabelIndex;
use crate::journal::Group;

/// # For the committer
///
/// These do nothing for an index in memory.
impl LabelIndex {
    /// Takes the commits that are not durable yet and have not been taken.
    pub(crate) fn take_group(&self) -> Option<Group> {
        self.journal()?.take(self.visible())
    }

    /// Says that a group is durable: shows it, tells those who wait and those who subscribed.
    ///
    /// Groups are settled in the order in which they were taken.
    pub(crate) fn settle_group(&self, group: Group) {
        let Some(journal) = self.journal() else { return };
        if journal.working().is_some() {
            self.feed().announce(group.version.revision);
            let version = Arc::clone(&group.version);
            // The old version is freed here, after readers have gone on.
            drop(self.visible().write(|visible| std::mem::replace(visible, version)));
        }
        journal.settled(&group).now();
        if self.feed().is_heard() {
            for commit in group.commits {
                self.feed().publish(commit).now();
            }
        }
    }

    /// Takes no write any more; what is queued can still be taken and settled.
    pub(crate) fn close_journal(&self, why: Error) {
        if let Some(journal) = self.journal() {
            journal.close(why).now();
        }
    }

    /// Takes no write any more, and fails those that are not durable. No reader has seen them, unless visible and
    /// durable are apart by choice.
    pub(crate) fn end_journal(&self, why: Error) {
        if let Some(journal) = self.journal() {
            journal.end(self.visible(), why).now();
        }
    }
}
