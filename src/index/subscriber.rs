//! Receiving the commits of an index.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::index::feed::{Feed, Kept, Start};
use crate::model::change::{Commit, Revision};
use crate::model::position::Position;

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
    /// No commit will come any more: every handle of the index is gone, or its instance was removed from the store.
    Closed,
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
    /// The identity of the index.
    identity: u64,
    after: Revision,
    /// Whether the subscriber has to be told that it missed commits, until it resumes.
    lost: bool,
}

impl Subscriber {
    pub(crate) fn new(feed: &Arc<Feed>, identity: u64, Start { number, after, lost }: Start) -> Self {
        Self { feed: Arc::clone(feed), number, identity, after, lost }
    }

    /// The last revision that was delivered, or after which this subscriber began.
    pub fn revision(&self) -> Revision {
        self.after
    }

    /// The same as a text to store; see [`LabelIndex::subscribe_from`](crate::LabelIndex::subscribe_from).
    pub fn position(&self) -> Position {
        Position { identity: self.identity, revision: self.after }
    }

    /// Goes on after another revision, usually that of a snapshot taken since [`Delivery::Missed`].
    ///
    /// If commits after that one are gone too, the next delivery says so.
    pub fn resume_after(&mut self, revision: Revision) {
        self.after = revision;
        self.lost = revision > self.feed.visible_at_most();
    }

    /// The revision is that of another index: everything since then was missed.
    pub(crate) fn lose(&mut self) {
        self.lost = true;
    }

    /// The next delivery, if there is one. Does not wait for a commit.
    ///
    /// **O(1)**.
    pub fn try_recv(&mut self) -> Option<Delivery> {
        let feed = Arc::clone(&self.feed);
        self.next(&feed.lock())
    }

    /// Waits for the next delivery.
    pub fn recv(&mut self) -> Delivery {
        loop {
            // Without a deadline there is always a delivery.
            if let Some(delivery) = self.recv_until(None) {
                return delivery;
            }
        }
    }

    /// Waits for the next delivery, for so long at most.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Option<Delivery> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.recv_until(Some(deadline)),
            None => Some(self.recv()),
        }
    }

    fn recv_until(&mut self, deadline: Option<Instant>) -> Option<Delivery> {
        let feed = Arc::clone(&self.feed);
        let mut kept = feed.lock();
        loop {
            if let Some(delivery) = self.next(&kept) {
                return Some(delivery);
            }
            if feed.wait(&mut kept, deadline) {
                return self.next(&kept);
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
        let mut kept = feed.lock();
        if let Some(delivery) = self.next(&kept) {
            return Poll::Ready(delivery);
        }
        let former = Feed::set_waker(&mut kept, self.number, waker);
        drop(kept);
        drop(former);
        Poll::Pending
    }

    /// The next delivery, to be awaited. Dropping the future loses nothing.
    pub fn recv_async(&mut self) -> Recv<'_> {
        Recv { subscriber: self }
    }

    fn next(&mut self, kept: &Kept) -> Option<Delivery> {
        self.lost |= self.after < kept.floor();
        if self.lost {
            return Some(Delivery::Missed { after: self.after });
        }
        if let Some(commit) = kept.after(self.after) {
            self.after = commit.revision;
            return Some(Delivery::Commit(commit.clone()));
        }
        kept.is_closed().then_some(Delivery::Closed)
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.feed.end(self.number);
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
