//! The progress of followers.

use std::sync::{Arc, Mutex, PoisonError};

use label_index::LabelIndex;
use tokio::sync::watch;

/// The progress of one follower with one instance.
#[derive(Debug)]
pub(crate) struct Progress {
    state: watch::Sender<Reached>,
    /// The number of calls of [`wait_for`](Self::wait_for), each of which makes the follower try again at once.
    hurries: watch::Sender<u64>,
}

/// The state of a follower.
#[derive(Debug, Clone, Copy)]
struct Reached {
    /// The revision of the last commit that was delivered or given up.
    revision: u64,
    /// Attempts that failed, since the server began.
    failures: u64,
}

/// An attempt of the follower failed while a caller waited for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Behind;

impl Progress {
    pub(super) fn new(revision: u64) -> Self {
        Self { state: watch::Sender::new(Reached { revision, failures: 0 }), hurries: watch::Sender::new(0) }
    }

    /// The revision of the last commit that was delivered or given up.
    pub(crate) fn revision(&self) -> u64 {
        self.state.borrow().revision
    }

    /// Records that nothing up to a revision has to be delivered any more.
    pub(super) fn reach(&self, revision: u64) {
        self.state.send_modify(|reached| reached.revision = revision);
    }

    /// Records that an attempt failed.
    pub(super) fn fail(&self) {
        self.state.send_modify(|reached| reached.failures += 1);
    }

    /// Waits until a caller waits for this follower.
    pub(super) async fn hurried(&self) {
        // The sender lives as long as this.
        let _changed = self.hurries.subscribe().changed().await;
    }

    /// Waits until everything up to a revision is delivered or given up. A follower that pauses after trouble tries again.
    ///
    /// # Errors
    ///
    /// [`Behind`] once an attempt fails, so that no caller waits for as long as the fault lasts.
    pub(crate) async fn wait_for(&self, revision: u64) -> Result<(), Behind> {
        let mut state = self.state.subscribe();
        let failures = state.borrow().failures;
        self.hurries.send_modify(|hurries| *hurries += 1);
        let ended = state.wait_for(|reached| reached.revision >= revision || reached.failures > failures).await;
        match ended {
            Ok(reached) if reached.revision >= revision => Ok(()),
            _ => Err(Behind),
        }
    }
}

/// Every follower of one kind, for metrics.
#[derive(Debug, Default)]
pub(crate) struct Followed {
    all: Mutex<Vec<(LabelIndex, Arc<Progress>)>>,
}

impl Followed {
    /// Adds a follower that begins after a revision of an index.
    pub(super) fn add(&self, index: &LabelIndex, after: u64) -> Arc<Progress> {
        let progress = Arc::new(Progress::new(after));
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.push((index.clone(), Arc::clone(&progress)));
        progress
    }

    /// The number of commits that the slowest follower has not reached.
    pub(crate) fn lag(&self) -> u64 {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let lag =
            |(index, progress): &(LabelIndex, Arc<Progress>)| index.revision().saturating_sub(progress.revision());
        all.iter().map(lag).max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn a_caller_that_waits_for_a_follower_is_told_that_it_arrived_or_failed() {
        let progress = Arc::new(Progress::new(3));
        assert_eq!(progress.wait_for(3).await, Ok(()));
        let waiting = |revision| {
            let progress = Arc::clone(&progress);
            tokio::spawn(async move { progress.wait_for(revision).await })
        };
        let pausing = {
            let progress = Arc::clone(&progress);
            tokio::spawn(async move { progress.hurried().await })
        };
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!pausing.is_finished());
        let (near, far) = (waiting(5), waiting(9));
        pausing.await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        progress.reach(5);
        assert_eq!(near.await.ok(), Some(Ok(())));
        progress.fail();
        assert_eq!(far.await.ok(), Some(Err(Behind)));
        let later = waiting(9);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!later.is_finished(), "a failure before one began to wait is none");
        progress.reach(12);
        assert_eq!(later.await.ok(), Some(Ok(())));
    }
}
