//! Bringing an index to the state on disk after its store failed.

use crate::index::label_index::LabelIndex;
use crate::model::change::Commit;
use crate::state::Version;

/// The state of an index on disk, if it differs from memory.
pub(crate) struct Found {
    pub(crate) version: Version,
    /// The commits behind the newest one that was known to be on disk, in order, up to that version. Subscribers have not had
    /// them.
    pub(crate) commits: Vec<Commit>,
}

impl LabelIndex {
    /// Accepts writes again after the store failed. Readers and writers continue from the state on disk, and
    /// subscribers get the commits that turned out to be there. If less is on disk than readers have seen, which may be
    /// where they see commits before those are durable, every subscriber is told that it missed commits. A ticket is
    /// cancelled: some of the writes that it would have to protect may be lost.
    pub(crate) fn resume(&self, found: Option<Found>) {
        let Some(journal) = self.journal() else { return };
        let mut writer = self.writer();
        writer.cancel_ticket();
        if let Some(Found { version, commits }) = found {
            let revision = version.revision;
            let is_undone = revision < self.revision();
            self.feed().announce(revision);
            writer.free_after(self.visible().write(|visible| std::mem::replace(visible, version)));
            journal.mark_durable(revision);
            if is_undone {
                writer.wake_after(self.feed().begin_anew(revision));
            } else if self.feed().is_heard() {
                commits.into_iter().for_each(|commit| writer.wake_after(self.feed().publish(commit)));
            }
        }
        journal.begin_again(self.visible());
        self.recent().break_off();
    }
}
