//! The commits that other writers make while one is being prepared.

use crate::index::sync::{AtomicUsize, Mutex, Ordering};
use crate::model::change::{Change, Revision};
use crate::state::Version;
use crate::state::prepared::can_follow;

/// The most changes that are kept. With more, the commit that is being prepared begins again.
const KEPT: usize = 65_536;

/// The commits made since the oldest [`Watch`] began. Without a watch nothing is kept, and a write pays one load.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    /// The number of watches. Changed only while `commits` is locked.
    watchers: AtomicUsize,
    commits: Mutex<Commits>,
}

#[derive(Debug, Default)]
struct Commits {
    /// W1: each commit since the first watch began, without a gap: its revision, and its changes, or `None` where a
    /// prepared commit cannot take them over.
    made: Vec<(Revision, Option<Vec<Change>>)>,
    kept: usize,
}

impl Recent {
    /// Keeps a commit, after it became visible. The caller holds the writer lock.
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

    /// Makes every commit that is being prepared begin again: the version on which it was prepared was given up, and
    /// later revisions are made once more. The caller holds the writer lock.
    #[cfg(feature = "store")]
    pub(crate) fn break_off(&self) {
        if self.watchers.load(Ordering::SeqCst) > 0 {
            self.commits.lock().made.push((Revision::MAX, None));
        }
    }

    /// Begins to keep the commits after the version that `newest` returns.
    ///
    /// The version is read after the watch is counted, and a commit is kept after it became visible. So each commit is in
    /// the version, or kept, or both.
    pub(crate) fn watch(&self, newest: impl FnOnce() -> Version) -> Watch<'_> {
        let commits = self.commits.lock();
        self.watchers.fetch_add(1, Ordering::SeqCst);
        let from = commits.made.len();
        drop(commits);
        Watch { recent: self, from, base: newest() }
    }
}

/// Keeps the commits of other writers for a commit that is being prepared.
#[derive(Debug)]
#[must_use]
pub(crate) struct Watch<'a> {
    recent: &'a Recent,
    /// The number of commits kept when the watch began.
    from: usize,
    /// The newest version when the watch began.
    pub(crate) base: Version,
}

impl Watch<'_> {
    /// The changes since the watch began, up to the newest revision. `None` if they cannot be taken over, or if the newest
    /// version does not descend from that of the watch, because commits that had not reached the disk were given up. The
    /// caller holds the writer lock.
    pub(crate) fn meanwhile(&self, newest: Revision) -> Option<Vec<Change>> {
        let commits = self.recent.commits.lock();
        let since = commits.made.get(self.from..).unwrap_or_default();
        let (mut reached, mut changes) = (self.base.revision, Vec::new());
        // A commit that is in the version already may still have been kept.
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
