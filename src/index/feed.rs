//! The change feed: complete commits in order, kept for subscribers.

use std::collections::VecDeque;
use std::fmt;
use std::panic::RefUnwindSafe;
use std::sync::Arc;
use std::task::Waker;
use std::time::Instant;

use hashbrown::HashMap;

use crate::index::archive::Archive;
use crate::index::sync::{AtomicU64, AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, Race, is_planted};
use crate::index::wakers::{Wake, WakerCaller};
use crate::model::change::{Commit, Revision};
use crate::state::check::{Violation, require};

/// The commits of one index that some subscriber has not seen yet, up to a limit.
pub(crate) struct Feed {
    /// The number of subscribers. Read without the lock, so that a writer without subscribers pays one load.
    subscribers: AtomicUsize,
    /// The newest revision that is visible before it is published by more than one commit; see
    /// [`announce`](Self::announce).
    announced: AtomicU64,
    /// The maximum number of changes that are kept while there are subscribers.
    limit: usize,
    /// The maximum number of changes that are kept while there are none.
    retain: usize,
    waker_caller: WakerCaller,
    /// The source of commits that are no longer in memory.
    archive: Option<Arc<dyn Archive>>,
    kept: Mutex<Kept>,
    arrived: Condvar,
}

/// As for the index: no code of the host runs while the feed is in an intermediate state.
impl RefUnwindSafe for Feed {}

/// The commits and subscribers of a feed.
#[derive(Debug, Default)]
pub(in crate::index) struct Kept {
    /// F1: the commits after `floor`, without a gap.
    commits: VecDeque<Commit>,
    floor: Revision,
    /// F2: the number of changes in `commits` without those of the oversized commit; at most the limit.
    changes: usize,
    /// The one commit in `commits` that has more changes than the limit by itself. It is kept whole beside the others, so
    /// that a large refresh does not make subscribers miss it, nor what came before it.
    oversized: Option<Revision>,
    /// The wakers of tasks that wait, by subscriber.
    wakers: HashMap<u64, Waker>,
    /// The revision that each subscriber has reached.
    seen: HashMap<u64, Arc<AtomicU64>>,
    next_subscriber: u64,
    /// How often the index was reset. Subscribers from before a reset have missed commits.
    life: u64,
    closed: bool,
}

impl Kept {
    fn starting_after(revision: Revision) -> Self {
        Self { floor: revision, ..Self::default() }
    }

    /// The revision of the last commit that was published here.
    fn newest(&self) -> Revision {
        self.floor + u64::try_from(self.commits.len()).unwrap_or(u64::MAX)
    }

    /// The revision before the oldest commit that is kept.
    pub(in crate::index) fn floor(&self) -> Revision {
        self.floor
    }

    /// The commit after a revision that is not below the floor, if it was published.
    pub(in crate::index) fn after(&self, revision: Revision) -> Option<&Commit> {
        self.commits.get(usize::try_from(revision.checked_sub(self.floor)?).ok()?)
    }

    pub(in crate::index) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(in crate::index) fn life(&self) -> u64 {
        self.life
    }

    /// Adds the next commit, and drops the oldest ones beyond the limit.
    fn add(&mut self, commit: Commit, limit: usize) {
        let changes = commit.changes.len();
        if limit > 0 && changes > limit {
            // At most one oversized commit is kept, so memory stays bounded.
            while self.oversized.is_some() {
                self.give_up_oldest();
            }
            self.oversized = Some(commit.revision);
        } else {
            // Dropped before the new one is added, so that the list does not grow beyond the limit.
            while self.changes + changes > limit && !self.commits.is_empty() {
                self.give_up_oldest();
            }
            self.changes += changes;
        }
        self.commits.push_back(commit);
        if limit == 0 {
            self.give_up_oldest();
        }
    }

    fn give_up_oldest(&mut self) {
        let Some(oldest) = self.commits.pop_front() else { return };
        self.floor = oldest.revision;
        if self.oversized == Some(oldest.revision) {
            self.oversized = None;
        } else {
            self.changes -= oldest.changes.len();
        }
    }

    /// Applies another limit. Returns the dropped commits, which the caller frees without the lock.
    fn limit_to(&mut self, limit: usize) -> VecDeque<Commit> {
        let newest = self.newest();
        let commits = std::mem::take(&mut self.commits);
        (self.changes, self.oversized) = (0, None);
        if limit == 0 {
            self.floor = newest;
        } else {
            commits.iter().for_each(|commit| self.add(commit.clone(), limit));
        }
        commits
    }

    /// Takes the wakers of all waiting tasks.
    fn wake(&mut self, caller: &WakerCaller) -> Wake {
        Wake::new(self.wakers.drain().map(|(_, waker)| waker), caller)
    }

    fn check_invariants(&self, limit: usize) -> Result<(), Violation> {
        let revisions: Vec<Revision> = self.commits.iter().map(|commit| commit.revision).collect();
        let gapless = (self.floor + 1..).zip(&revisions).all(|(expected, &revision)| revision == expected);
        require("F1", gapless, || format!("after {} come {revisions:?}", self.floor))?;
        let counted = self.commits.iter().filter(|commit| Some(commit.revision) != self.oversized);
        let changes: usize = counted.map(|commit| commit.changes.len()).sum();
        let oversized_is_kept = self.oversized.is_none_or(|revision| revisions.contains(&revision));
        require("F2", changes == self.changes && changes <= limit && oversized_is_kept, || {
            format!("{changes} changes of {limit}, counted as {}, beside {:?}", self.changes, self.oversized)
        })
    }
}

/// The starting point of a new subscriber.
pub(crate) struct Start {
    pub(in crate::index) number: u64,
    pub(in crate::index) after: Revision,
    /// The cell in which it records its progress.
    pub(in crate::index) seen: Arc<AtomicU64>,
    pub(in crate::index) life: u64,
    /// The index has not reached the revision: it is from before a reset.
    pub(in crate::index) lost: bool,
}

impl Feed {
    /// A feed whose first commit is the one after `begin`.
    pub(crate) fn new(
        begin: Revision,
        limit: usize,
        retain: usize,
        waker_caller: WakerCaller,
        archive: Option<Arc<dyn Archive>>,
    ) -> Self {
        Self {
            subscribers: AtomicUsize::new(0),
            announced: AtomicU64::new(0),
            limit: limit.max(retain),
            retain,
            waker_caller,
            archive,
            kept: Mutex::new(Kept::starting_after(begin)),
            arrived: Condvar::default(),
        }
    }

    /// Announces that commits up to a revision become visible now and are published later.
    pub(crate) fn announce(&self, revision: Revision) {
        self.announced.store(revision, Ordering::SeqCst);
    }

    /// Whether commits have to be published. A writer checks this after its commit is visible; see [`start`](Self::start).
    pub(crate) fn is_heard(&self) -> bool {
        self.retain > 0 || self.subscribers.load(Ordering::SeqCst) > 0
    }

    /// The maximum number of changes that are kept now.
    fn limit_now(&self) -> usize {
        if self.subscribers.load(Ordering::SeqCst) > 0 { self.limit } else { self.retain }
    }

    /// Publishes a commit that is visible. Called in the order of revisions.
    pub(crate) fn publish(&self, commit: Commit) -> Wake {
        let mut kept = self.kept.lock();
        if commit.revision <= kept.floor {
            return Wake::default();
        }
        kept.add(commit, self.limit_now());
        let wake = kept.wake(&self.waker_caller);
        drop(kept);
        self.arrived.notify_all();
        wake
    }

    /// Resets the feed to a revision, which may be lower than before. All subscribers have missed commits then.
    #[cfg(feature = "store")]
    pub(crate) fn begin_anew(&self, revision: Revision) -> Wake {
        let mut kept = self.kept.lock();
        let gone = kept.limit_to(0);
        kept.floor = revision;
        kept.life += 1;
        self.announced.store(revision, Ordering::SeqCst);
        let wake = kept.wake(&self.waker_caller);
        drop(kept);
        self.arrived.notify_all();
        drop(gone);
        wake
    }

    /// Checks the invariants of the feed.
    pub(crate) fn check_invariants(&self) -> Result<(), Violation> {
        self.kept.lock().check_invariants(self.limit)
    }

    /// Ends the feed: no further commit is published.
    pub(crate) fn close(&self) {
        let mut kept = self.kept.lock();
        kept.closed = true;
        let wake = kept.wake(&self.waker_caller);
        drop(kept);
        self.arrived.notify_all();
        wake.now();
    }

    /// Counts a subscriber that gets every commit after `after`, by default after those that are published already.
    ///
    /// `reached` reads the revisions to which commits are published and visible. It does so after the subscriber is
    /// counted. So a writer that found no subscriber made its commit visible before, and the revision read covers the
    /// commit; every other writer publishes.
    pub(in crate::index) fn start(&self, after: Option<Revision>, reached: impl Fn() -> Reached) -> Start {
        let mut kept = self.kept.lock();
        let early = is_planted(Race::EarlySubscriber).then(&reached);
        let first = self.subscribers.fetch_add(1, Ordering::SeqCst) == 0;
        let Reached { published, visible } = early.unwrap_or_else(reached);
        let mut gone = VecDeque::new();
        if first && self.retain == 0 {
            // The revision also covers commits that writers published in the meantime while there was no subscriber.
            gone = kept.limit_to(0);
            kept.floor = published;
        }
        kept.next_subscriber += 1;
        let after = after.unwrap_or(published);
        let seen = Arc::new(AtomicU64::new(after));
        let number = kept.next_subscriber;
        kept.seen.insert(number, Arc::clone(&seen));
        let start = Start { number, after, seen, life: kept.life, lost: after > visible };
        drop(kept);
        drop(gone);
        start
    }

    /// Removes a subscriber. Without any, only the retained commits are kept.
    pub(in crate::index) fn end(&self, number: u64) {
        let mut kept = self.kept.lock();
        let waker = kept.wakers.remove(&number);
        let seen = kept.seen.remove(&number);
        let mut gone = VecDeque::new();
        if self.subscribers.fetch_sub(1, Ordering::SeqCst) == 1 {
            // A writer that saw a subscriber may still publish the next commit.
            gone = kept.limit_to(self.retain);
        }
        drop(kept);
        drop((waker, seen, gone));
    }

    /// The life that the feed is in, and whether a revision is one of another life, since it is beyond the newest that may be
    /// visible: that of the last commit, which may not be here yet.
    pub(in crate::index) fn place_of(&self, revision: Revision) -> (u64, bool) {
        let kept = self.kept.lock();
        let visible = kept.newest().saturating_add(1).max(self.announced.load(Ordering::SeqCst));
        (kept.life, revision > visible)
    }

    /// The number of subscribers, and the revision of the slowest.
    pub(in crate::index) fn subscribers(&self) -> (usize, Option<Revision>) {
        let kept = self.kept.lock();
        (kept.seen.len(), kept.seen.values().map(|seen| seen.load(Ordering::Relaxed)).min())
    }

    /// The bytes of the kept commits, without texts shared with the index.
    pub(in crate::index) fn bytes(&self) -> usize {
        let kept = self.kept.lock();
        let oversized = kept.oversized.and_then(|revision| kept.after(revision - 1));
        let changes = kept.changes + oversized.map_or(0, |commit| commit.changes.len());
        Commit::bytes_of(kept.commits.len(), changes)
            + (kept.commits.capacity() - kept.commits.len()) * size_of::<Commit>()
    }

    pub(in crate::index) fn archive(&self) -> Option<&Arc<dyn Archive>> {
        self.archive.as_ref()
    }

    pub(crate) fn waker_caller(&self) -> &WakerCaller {
        &self.waker_caller
    }

    pub(in crate::index) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock()
    }

    /// Replaces the waker for a subscriber's next commit. Returns the former one, which the caller drops without the lock.
    pub(in crate::index) fn set_waker(kept: &mut Kept, number: u64, waker: Waker) -> Option<Waker> {
        kept.wakers.insert(number, waker)
    }

    /// Waits for a commit, at most until a deadline. Returns true if the deadline passed.
    pub(in crate::index) fn wait(&self, kept: &mut MutexGuard<'_, Kept>, deadline: Option<Instant>) -> bool {
        match deadline {
            Some(deadline) => self.arrived.wait_until(kept, deadline).timed_out(),
            None => {
                self.arrived.wait(kept);
                false
            }
        }
    }
}

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Feed").field("kept", &self.kept).finish_non_exhaustive()
    }
}

/// The newest revisions of an index. In memory a visible commit counts as published.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached {
    pub(crate) published: Revision,
    pub(crate) visible: Revision,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::{Feed, Kept, Reached};
    use crate::index::wakers::WakerCaller;
    use crate::model::change::{Change, Commit};

    fn commit(revision: u64, changes: usize) -> Commit {
        Commit::new(0, revision, vec![Change::Refreshed; changes])
    }

    fn subscribed(limit: usize) -> (Feed, u64) {
        let feed = Feed::new(0, limit, 0, WakerCaller::Here, None);
        let start = feed.start(None, || Reached { published: 0, visible: 0 });
        (feed, start.number)
    }

    fn violated(damage: fn(&mut Kept)) -> &'static str {
        let (feed, _) = subscribed(2);
        for revision in 1..=3 {
            feed.publish(commit(revision, 1)).now();
            feed.check_invariants().unwrap();
        }
        damage(&mut feed.kept.lock());
        feed.check_invariants().unwrap_err().invariant()
    }

    #[test]
    fn a_commit_published_as_the_last_subscriber_goes_leaves_no_gap() {
        let (feed, number) = subscribed(2);
        feed.publish(commit(1, 1)).now();
        feed.end(number);
        // By a writer that had checked for subscribers before.
        feed.publish(commit(2, 1)).now();
        feed.check_invariants().unwrap();
    }

    #[test]
    fn one_oversized_commit_is_kept_beside_the_limit() {
        let (feed, _) = subscribed(3);
        let mut kept = Vec::new();
        for (revision, changes) in (1..).zip([2, 9, 1, 7, 1, 1, 1, 1, 1]) {
            feed.publish(commit(revision, changes)).now();
            feed.check_invariants().unwrap();
            let now = feed.kept.lock();
            kept.push((now.floor() + 1, now.newest()));
        }
        let expected = [(1, 1), (1, 2), (1, 3), (3, 4), (3, 5), (3, 6), (4, 7), (6, 8), (7, 9)];
        assert_eq!(kept, expected);
    }

    #[test]
    fn a_broken_invariant_is_named() {
        assert_eq!(violated(|kept| kept.floor -= 1), "F1");
        assert_eq!(violated(|kept| drop(kept.commits.remove(0))), "F1");
        assert_eq!(violated(|kept| kept.changes += 1), "F2");
        assert_eq!(violated(|kept| drop(kept.commits.pop_back())), "F2");
        assert_eq!(violated(|kept| kept.oversized = Some(1)), "F2");
    }
}
