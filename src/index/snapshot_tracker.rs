//! The revisions that snapshots hold.

use std::collections::BTreeMap;
use std::panic::RefUnwindSafe;
use std::sync::Arc;

use crate::index::sync::{AtomicU64, Mutex, Ordering};
use crate::model::change::Revision;
use crate::model::options::Limits;

/// The revisions of the snapshots that are held, so that places which they show are not used again.
#[derive(Debug)]
pub(crate) struct SnapshotTracker {
    /// The limits of the index, once for all its snapshots.
    limits: Limits,
    held: Mutex<BTreeMap<Revision, usize>>,
    /// The first of them; written only while `held` is locked. Every write reads it.
    oldest: AtomicU64,
}

/// Keeps one revision in its [`SnapshotTracker`] until it is dropped.
#[derive(Debug)]
pub(crate) struct SnapshotGuard {
    tracker: Arc<SnapshotTracker>,
    revision: Revision,
}

/// No code of a host runs while something is half changed.
impl RefUnwindSafe for SnapshotTracker {}

/// The oldest revision that is held; the greatest number if none is.
fn oldest_of(held: &BTreeMap<Revision, usize>) -> Revision {
    held.keys().next().copied().unwrap_or(Revision::MAX)
}

impl SnapshotTracker {
    pub(crate) fn new(limits: Limits) -> Self {
        let held = BTreeMap::new();
        Self { limits, oldest: AtomicU64::new(oldest_of(&held)), held: Mutex::new(held) }
    }

    pub(crate) fn hold(self: &Arc<Self>, revision: Revision) -> SnapshotGuard {
        self.change(|held| *held.entry(revision).or_default() += 1);
        SnapshotGuard { tracker: Arc::clone(self), revision }
    }

    /// The oldest revision that is held, or a later one than any.
    pub(crate) fn oldest(&self) -> Revision {
        self.oldest.load(Ordering::Acquire)
    }

    /// How many snapshots are held, and the revision of the oldest.
    pub(crate) fn held(&self) -> (usize, Option<Revision>) {
        let held = self.held.lock();
        (held.values().sum(), held.keys().next().copied())
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<Revision, usize>)) {
        let mut held = self.held.lock();
        change(&mut held);
        self.oldest.store(oldest_of(&held), Ordering::Release);
    }
}

impl SnapshotGuard {
    /// The limits of the index.
    pub(crate) fn limits(&self) -> &Limits {
        &self.tracker.limits
    }
}

impl Drop for SnapshotGuard {
    fn drop(&mut self) {
        self.tracker.change(|held| {
            if let Some(count) = held.get_mut(&self.revision) {
                *count -= 1;
                if *count == 0 {
                    held.remove(&self.revision);
                }
            }
        });
    }
}
