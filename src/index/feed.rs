//! The change feed: commits, whole and in order, to whoever subscribes.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::index::sync::{AtomicU64, AtomicUsize, Condvar, Mutex, Ordering, Race, is_planted};
use crate::index::wakers::{Wake, WakerCaller};
use crate::model::change::{Commit, Revision};
use crate::state::check::{Violation, require};

/// What a [`Subscriber`] receives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a commit that is not looked at is lost to this subscriber"]
pub enum Delivery {
    /// The next commit.
    Commit(Commit),
    /// Commits are gone that this subscriber has not seen. Nothing more is delivered until it says where it goes on:
    /// take a snapshot, rebuild from that, and call [`Subscriber::resume_after`] with its revision.
    Missed {
        /// The last revision that was delivered, or from which the subscriber wanted to go on.
        after: Revision,
    },
    /// Every handle of the index is gone; no commit will come any more.
    Closed,
}

/// The commits of one index that subscribers have not all seen, within a bound.
#[derive(Debug)]
pub(crate) struct Feed {
    /// How many subscribers there are. Read without the lock, so that a writer without listeners pays one load.
    subscribers: AtomicUsize,
    /// The newest revision that is visible before it is published by more than one commit; see
    /// [`announce`](Self::announce).
    announced: AtomicU64,
    /// The most changes that are kept.
    limit: usize,
    waker_caller: WakerCaller,
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    /// F1: the commits after `floor`, without gap.
    commits: VecDeque<Commit>,
    floor: Revision,
    /// F2: the number of changes in `commits`, at most the limit.
    kept: usize,
    /// Who waits in async code, by subscriber.
    wakers: HashMap<u64, Waker>,
    next_subscriber: u64,
    closed: bool,
}

impl Inner {
    /// The revision of the last commit that was published here.
    fn newest(&self) -> Revision {
        self.floor + u64::try_from(self.commits.len()).unwrap_or(u64::MAX)
    }

    /// Takes the wakers of all tasks that wait.
    fn wake(&mut self, caller: &WakerCaller) -> Wake {
        Wake::new(self.wakers.drain().map(|(_, waker)| waker), caller)
    }

    fn check_invariants(&self, limit: usize) -> Result<(), Violation> {
        let revisions: Vec<Revision> = self.commits.iter().map(|commit| commit.revision).collect();
        let gapless = (self.floor + 1..).zip(&revisions).all(|(expected, &revision)| revision == expected);
        require("F1", gapless, || format!("after {} come {revisions:?}", self.floor))?;
        let changes: usize = self.commits.iter().map(|commit| commit.changes.len()).sum();
        let counted = changes == self.kept && changes <= limit;
        require("F2", counted, || format!("{changes} changes of {limit}, counted as {}", self.kept))
    }
}

impl Feed {
    pub(crate) fn new(limit: usize, waker_caller: WakerCaller) -> Self {
        Self {
            subscribers: AtomicUsize::new(0),
            announced: AtomicU64::new(0),
            limit,
            waker_caller,
            inner: Mutex::default(),
            arrived: Condvar::default(),
        }
    }

    /// Says that commits up to a revision become visible now and are published later, not each before the next.
    pub(crate) fn announce(&self, revision: Revision) {
        self.announced.store(revision, Ordering::SeqCst);
    }

    /// Whether anybody listens. A writer asks after its commit is visible; see [`subscribe`](Self::subscribe).
    pub(crate) fn is_heard(&self) -> bool {
        self.subscribers.load(Ordering::SeqCst) > 0
    }

    /// Delivers a commit that is visible. Called in the order of revisions.
    pub(crate) fn publish(&self, commit: Commit) -> Wake {
        let mut inner = self.inner.lock();
        if commit.revision <= inner.floor {
            return Wake::default();
        }
        inner.kept += commit.changes.len();
        inner.commits.push_back(commit);
        while inner.kept > self.limit {
            let Some(oldest) = inner.commits.pop_front() else { break };
            inner.kept -= oldest.changes.len();
            inner.floor = oldest.revision;
        }
        let wake = inner.wake(&self.waker_caller);
        drop(inner);
        self.arrived.notify_all();
        wake
    }

    /// Checks the invariants of the feed.
    pub(crate) fn check_invariants(&self) -> Result<(), Violation> {
        self.inner.lock().check_invariants(self.limit)
    }

    /// No further commit will come.
    pub(crate) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        let wake = inner.wake(&self.waker_caller);
        drop(inner);
        self.arrived.notify_all();
        wake.now();
    }

    /// A subscriber that gets every commit after `after`, by default after those that are published already.
    ///
    /// `reached` reads the revisions to which commits are published and visible. It does so after the subscriber is
    /// counted. So a writer that found nobody listening has got there before, and the revision read covers its commit;
    /// every other writer publishes.
    pub(crate) fn subscribe(self: &Arc<Self>, after: Option<Revision>, reached: impl Fn() -> Reached) -> Subscriber {
        let mut inner = self.inner.lock();
        let early = is_planted(Race::EarlySubscriber).then(&reached);
        let first = self.subscribers.fetch_add(1, Ordering::SeqCst) == 0;
        let Reached { published, visible } = early.unwrap_or_else(reached);
        if first {
            // What a writer may have published to nobody meanwhile is covered by the revision too.
            (inner.floor, inner.kept) = (published, 0);
            inner.commits.clear();
        }
        inner.next_subscriber += 1;
        let after = after.unwrap_or(published);
        Subscriber {
            feed: Arc::clone(self),
            number: inner.next_subscriber,
            after,
            // A revision that the index has not reached is that of another life of it.
            lost: after > visible,
        }
    }
}

/// How far an index has got. In memory a commit that is visible is as good as published.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached {
    pub(crate) published: Revision,
    pub(crate) visible: Revision,
}

/// Receives the commits of an index, each once and in order, or is told that it missed some.
///
/// Writers never wait for it. Commits are kept for all subscribers together, up to
/// [`Limits::feed_changes`](crate::Limits::feed_changes), and only while there is a subscriber; one that is dropped
/// costs nothing more. It does not keep the index alive.
///
/// A subscriber that names a snapshot's revision sees exactly what came after it; see
/// [`LabelIndex::subscribe_after`](crate::LabelIndex::subscribe_after).
///
/// # Examples
///
/// ```
/// use label_index::{Delivery, LabelIndex};
///
/// let index = LabelIndex::new();
/// let mut feed = index.subscribe();
/// let vip = index.create_label("VIP")?;
/// index.link(&vip, "ana@c.us")?;
/// index.link(&vip, "ana@c.us")?;
/// let mut events = Vec::new();
/// while let Some(Delivery::Commit(commit)) = feed.try_recv() {
///     events.extend(commit.changes.iter().filter_map(|change| change.event_name()));
/// }
/// assert_eq!(events, ["label.upsert", "label.chat.added"]);
/// # Ok::<(), label_index::Error>(())
/// ```
pub struct Subscriber {
    feed: Arc<Feed>,
    number: u64,
    after: Revision,
    /// Whether the subscriber has to be told that it missed commits, until it resumes.
    lost: bool,
}

impl Subscriber {
    /// The last revision that was delivered, or after which this subscriber began.
    pub fn revision(&self) -> Revision {
        self.after
    }

    /// Goes on after another revision, usually that of a snapshot taken since [`Delivery::Missed`].
    ///
    /// If commits after that one are gone too, the next delivery says so.
    pub fn resume_after(&mut self, revision: Revision) {
        let inner = self.feed.inner.lock();
        self.after = revision;
        // The newest commit may be visible and not here yet. What is beyond that is the revision of another life.
        let visible = inner.newest().saturating_add(1).max(self.feed.announced.load(Ordering::SeqCst));
        self.lost = revision > visible;
    }

    /// What is there to be delivered, if anything.
    ///
    /// **O(1)**; does not wait.
    pub fn try_recv(&mut self) -> Option<Delivery> {
        let feed = Arc::clone(&self.feed);
        self.next(&feed.inner.lock())
    }

    /// Waits for the next delivery.
    pub fn recv(&mut self) -> Delivery {
        let feed = Arc::clone(&self.feed);
        let mut inner = feed.inner.lock();
        loop {
            if let Some(delivery) = self.next(&inner) {
                return delivery;
            }
            feed.arrived.wait(&mut inner);
        }
    }

    /// Waits for the next delivery, for so long at most.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Option<Delivery> {
        let Some(deadline) = Instant::now().checked_add(timeout) else { return Some(self.recv()) };
        let feed = Arc::clone(&self.feed);
        let mut inner = feed.inner.lock();
        loop {
            if let Some(delivery) = self.next(&inner) {
                return Some(delivery);
            }
            if feed.arrived.wait_until(&mut inner, deadline).timed_out() {
                return self.next(&inner);
            }
        }
    }

    /// The next delivery, or a promise to wake the task when there is one.
    ///
    /// Needs no runtime. The waker is called when every lock is released: by the writer itself for an index in memory, by a
    /// thread for wakers alone for one in a store. A panic in it is caught, and other tasks are woken all the same.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Delivery> {
        if let Some(delivery) = self.try_recv() {
            return Poll::Ready(delivery);
        }
        // Wakers are somebody else's code: they are cloned, called and dropped without the lock.
        let waker = context.waker().clone();
        let feed = Arc::clone(&self.feed);
        let mut inner = feed.inner.lock();
        if let Some(delivery) = self.next(&inner) {
            return Poll::Ready(delivery);
        }
        let former = inner.wakers.insert(self.number, waker);
        drop(inner);
        drop(former);
        Poll::Pending
    }

    /// The next delivery, to be awaited. Dropping the future loses nothing.
    pub fn recv_async(&mut self) -> Recv<'_> {
        Recv { subscriber: self }
    }

    fn next(&mut self, inner: &Inner) -> Option<Delivery> {
        self.lost |= self.after < inner.floor;
        if self.lost {
            return Some(Delivery::Missed { after: self.after });
        }
        let position = usize::try_from(self.after - inner.floor).unwrap_or(usize::MAX);
        if let Some(commit) = inner.commits.get(position) {
            self.after = commit.revision;
            return Some(Delivery::Commit(commit.clone()));
        }
        inner.closed.then_some(Delivery::Closed)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        let mut inner = self.feed.inner.lock();
        let waker = inner.wakers.remove(&self.number);
        let mut commits = VecDeque::new();
        if self.feed.subscribers.fetch_sub(1, Ordering::SeqCst) == 1 {
            // A writer that has found somebody listening may still publish the next one.
            inner.floor = inner.newest();
            std::mem::swap(&mut inner.commits, &mut commits);
            inner.kept = 0;
        }
        drop(inner);
        drop((waker, commits));
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscriber").field("revision", &self.after).finish_non_exhaustive()
    }
}

/// The next delivery of a [`Subscriber`], as a future.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct Recv<'a> {
    subscriber: &'a mut Subscriber,
}

impl Future for Recv<'_> {
    type Output = Delivery;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Delivery> {
        self.get_mut().subscriber.poll_recv(context)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::sync::Arc;

    use super::{Feed, Inner, Reached};
    use crate::index::wakers::WakerCaller;
    use crate::model::change::{Change, Commit};

    fn violated(damage: fn(&mut Inner)) -> &'static str {
        let feed = Arc::new(Feed::new(2, WakerCaller::Here));
        let _subscriber = feed.subscribe(None, || Reached { published: 0, visible: 0 });
        for revision in 1..=3 {
            feed.publish(Commit { revision, changes: Arc::new([Change::Refreshed]) }).now();
            feed.check_invariants().unwrap();
        }
        damage(&mut feed.inner.lock());
        feed.check_invariants().unwrap_err().invariant()
    }

    #[test]
    fn a_commit_published_as_the_last_subscriber_goes_leaves_no_gap() {
        let feed = Arc::new(Feed::new(2, WakerCaller::Here));
        let subscriber = feed.subscribe(None, || Reached { published: 0, visible: 0 });
        let commit = |revision| Commit { revision, changes: Arc::new([Change::Refreshed]) };
        feed.publish(commit(1)).now();
        drop(subscriber);
        // By a writer that had asked before whether anybody listens.
        feed.publish(commit(2)).now();
        feed.check_invariants().unwrap();
    }

    #[test]
    fn a_broken_invariant_is_named() {
        assert_eq!(violated(|inner| inner.floor -= 1), "F1");
        assert_eq!(violated(|inner| drop(inner.commits.remove(0))), "F1");
        assert_eq!(violated(|inner| inner.kept += 1), "F2");
        assert_eq!(violated(|inner| drop(inner.commits.pop_back())), "F2");
    }
}
