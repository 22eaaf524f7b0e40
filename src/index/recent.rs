//! The commits that are made while somebody prepares one beside.

use crate::index::sync::{AtomicUsize, Mutex, Ordering};
use crate::model::change::{Change, Revision};
use crate::state::Version;
use crate::state::prepared::can_follow;

/// Changes that are kept for those who prepare a commit; with more than these it is prepared again.
const KEPT: usize = 65_536;

/// What is written while commits are prepared. Kept for nobody, it costs a write one load.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// How many commits are being prepared. Written only while `commits` is locked.
    watchers: AtomicUsize,
    commits: Mutex<Commits>,
}

#[derive(Debug, Default)]
struct Commits {
    /// W1: the revision that each commit made since the first of the watches began, without a gap, and its changes. None
    /// where they cannot be followed.
    made: Vec<(Revision, Option<Vec<Change>>)>,
    kept: usize,
}

impl Recent {
    /// Notes a commit after it is shown. Called by whoever has the turn to write.
    pub(crate) fn note(&self, revision: Revision, changes: &[Change]) {
        if self.watchers.load(Ordering::SeqCst) == 0 {
            return;
        }
        let mut commits = self.commits.lock();
        let fits = commits.kept + changes.len() <= KEPT;
        let kept = (fits && changes.iter().all(can_follow)).then(|| changes.to_vec());
        commits.kept += kept.as_ref().map_or(0, Vec::len);
        commits.made.push((revision, kept));
    }

    /// Begins to keep what is written after the version that `newest` gives.
    ///
    /// The version is read after the watch is counted, and a commit is noted after it is shown: so each commit is in the
    /// version, or noted.
    pub(crate) fn watch(&self, newest: impl FnOnce() -> Version) -> Watch<'_> {
        let commits = self.commits.lock();
        self.watchers.fetch_add(1, Ordering::SeqCst);
        let from = commits.made.len();
        drop(commits);
        Watch { recent: self, from, base: newest() }
    }
}

/// Keeps what is written for one who prepares a commit.
#[derive(Debug)]
#[must_use]
pub(crate) struct Watch<'a> {
    recent: &'a Recent,
    /// How many commits were noted when the watch began.
    from: usize,
    /// The newest version when the watch began.
    pub(crate) base: Version,
}

impl Watch<'_> {
    /// What was written since the watch began, up to the newest revision. None if it cannot be followed, or if the newest
    /// version does not follow from that of the watch: then what is on its way to the disk was given up. Called by whoever
    /// has the turn to write.
    pub(crate) fn meanwhile(&self, newest: Revision) -> Option<Vec<Change>> {
        let commits = self.recent.commits.lock();
        let since = commits.made.get(self.from..).unwrap_or_default();
        let (mut reached, mut changes) = (self.base.revision, Vec::new());
        // Those that were shown before the version was read may be noted after.
        for (revision, made) in since.iter().skip_while(|(revision, _)| *revision <= self.base.revision) {
            if *revision != reached + 1 {
                return None;
            }
            reached = *revision;
            changes.extend_from_slice(made.as_ref()?);
        }
        (reached == newest).then_some(changes)
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        let mut commits = self.recent.commits.lock();
        if self.recent.watchers.fetch_sub(1, Ordering::SeqCst) == 1 {
            *commits = Commits::default();
        }
    }
}
