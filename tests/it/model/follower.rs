//! A host's copy of an index, kept up to date by its feed.

use label_index::{Commit, Delivery, LabelIndex, Snapshot, Subscriber};

use super::compare::{Difference, same};
use crate::replica::{Folded, Replica};

/// Applies commits to a copy, and begins again with a snapshot when it missed some.
pub(crate) struct Follower {
    feed: Subscriber,
    copy: Folded,
}

impl Follower {
    /// Follows an index that was never written to.
    pub(crate) fn from_beginning(index: &LabelIndex) -> Self {
        Self { feed: index.subscribe(), copy: Folded::default() }
    }

    /// Follows an index after a snapshot of it, which may be an old one.
    pub(crate) fn after(index: &LabelIndex, snapshot: &Snapshot) -> Self {
        Self { feed: index.subscribe_after(snapshot.revision()), copy: Folded::from(snapshot) }
    }

    /// Ends. Returns what a consumer stores: its copy, and its position as a text.
    pub(crate) fn stop(self) -> (Folded, String) {
        (self.copy, self.feed.position().to_string())
    }

    /// Continues with what was stored.
    pub(crate) fn resume((copy, position): (Folded, String), index: &LabelIndex) -> Self {
        Self { feed: index.subscribe_from(position).expect("a position"), copy }
    }

    /// Receives the next delivery. A commit is applied to the copy.
    pub(crate) fn next(&mut self) -> Option<Delivery> {
        let delivery = self.feed.try_recv();
        if let Some(Delivery::Commit(commit)) = &delivery {
            self.copy.apply(commit);
        }
        delivery
    }

    /// Receives every delivery that is ready, and calls `check` with each commit. Returns whether commits were missed.
    ///
    /// # Panics
    ///
    /// If a commit does not fit the copy.
    pub(crate) fn catch_up(&mut self, index: &LabelIndex, check: impl Fn(&Commit)) -> bool {
        let mut missed = false;
        while let Some(delivery) = self.next() {
            match delivery {
                Delivery::Commit(commit) => check(&commit),
                Delivery::Missed { after } => {
                    assert_eq!(after, self.copy.revision(), "missed after another revision than the last one");
                    let snapshot = index.snapshot();
                    self.copy = Folded::from(&snapshot);
                    self.feed.resume_after(snapshot.revision());
                    missed = true;
                }
                other => panic!("neither a commit nor missed ones: {other:?}"),
            }
        }
        missed
    }

    /// Compares the copy with the index.
    pub(crate) fn compare(&self, index: &LabelIndex) -> Result<(), Difference> {
        let shown = self.copy.as_far_as_known(Replica::from(&index.snapshot()));
        same("the copy kept by the feed", &shown, &self.copy.replica())
    }
}
