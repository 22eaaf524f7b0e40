//! The change feed: commits, whole and in order, to whoever subscribes.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::change::{Commit, Revision};
use crate::sync::{AtomicUsize, Condvar, Mutex, Ordering, planted_race};

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
    /// The most changes that are kept.
    limit: usize,
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

/// Tasks to be woken once no lock is held.
#[derive(Default)]
#[must_use = "a task that is not woken may sleep for ever"]
pub(crate) struct Wake(Vec<Waker>);

impl Wake {
    pub(crate) fn now(self) {
        self.0.into_iter().for_each(Waker::wake);
    }
}

impl Feed {
    pub(crate) fn new(limit: usize) -> Self {
        Self { subscribers: AtomicUsize::new(0), limit, inner: Mutex::default(), arrived: Condvar::default() }
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
        let wake = Wake(inner.wakers.drain().map(|(_, waker)| waker).collect());
        drop(inner);
        self.arrived.notify_all();
        wake
    }

    /// No further commit will come.
    pub(crate) fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        let wake = Wake(inner.wakers.drain().map(|(_, waker)| waker).collect());
        drop(inner);
        self.arrived.notify_all();
        wake.now();
    }

    /// A subscriber that gets every commit after `after`, by default after the visible revision.
    ///
    /// The visible revision is read after the subscriber is counted. So a writer that found nobody listening has shown
    /// its commit before, and the revision read covers it; every other writer publishes.
    pub(crate) fn subscribe(self: &Arc<Self>, after: Option<Revision>, visible: impl Fn() -> Revision) -> Subscriber {
        let mut inner = self.inner.lock();
        let early = planted_race().then(&visible);
        let first = self.subscribers.fetch_add(1, Ordering::SeqCst) == 0;
        let visible = early.unwrap_or_else(visible);
        if first {
            // What a writer may have published to nobody meanwhile is covered by the revision too.
            (inner.floor, inner.kept) = (visible, 0);
            inner.commits.clear();
        }
        inner.next_subscriber += 1;
        let after = after.unwrap_or(visible);
        Subscriber {
            feed: Arc::clone(self),
            number: inner.next_subscriber,
            after,
            // A revision that the index has not reached is that of another life of it.
            lost: after > visible,
        }
    }
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
        self.after = revision;
        self.lost = false;
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
    /// Needs no runtime: the waker is called by the writer, after it has released every lock.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Delivery> {
        let feed = Arc::clone(&self.feed);
        let mut inner = feed.inner.lock();
        if let Some(delivery) = self.next(&inner) {
            return Poll::Ready(delivery);
        }
        let former = inner.wakers.insert(self.number, context.waker().clone());
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
        if self.feed.subscribers.fetch_sub(1, Ordering::SeqCst) == 1 {
            inner.commits = VecDeque::new();
            inner.kept = 0;
        }
        drop(inner);
        drop(waker);
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
