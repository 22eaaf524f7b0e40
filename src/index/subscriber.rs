//! Receiving the commits of an index.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::index::archive::{Archived, PageLoad};
use crate::index::feed::{Feed, Kept, Start};
use crate::index::sync::{AtomicU64, Ordering};
use crate::index::trace::{self, Event};
use crate::model::change::{Commit, Revision};
use crate::model::error::{Error, Result};
use crate::model::position::Position;

/// What a [`Subscriber`] receives.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a commit that is not looked at is lost to this subscriber"]
pub enum Delivery {
    /// The next commit.
    Commit(Commit),
    /// Commits that this subscriber has not received are no longer kept. Nothing more is delivered until it resumes: take a
    /// snapshot, rebuild from that, and call [`Subscriber::resume_after`] with its revision.
    Missed {
        /// The last revision that was delivered, or from which the subscriber wanted to go on.
        after: Revision,
    },
    /// The next commit is on disk and could not be read: [`Error::Damaged`] or [`Error::Io`]. Nothing is lost yet, and the
    /// next call tries again; or the subscriber goes on elsewhere, as after [`Missed`](Self::Missed).
    Failed(Error),
    /// No commit will come any more: every handle of the index is gone, its instance was removed, or its store was closed.
    /// What a closed store has on disk is delivered once it is open again.
    Closed,
}

/// Receives the commits of an index, each once and in order, or is told that it missed some.
///
/// Writers never wait for a subscriber. All subscribers share one buffer of commits in memory, of at most
/// [`Limits::feed_changes`](crate::Limits::feed_changes), which exists only while there is a subscriber. A store also keeps
/// the last commits on disk; a subscriber that is behind the buffer reads them from there, some thousands of changes at a
/// time. A subscriber does not keep the index alive.
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
///     events.extend(commit.events().map(|event| event.name()));
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
    /// Equal to `after`, readable by `stats`.
    seen: Arc<AtomicU64>,
    /// Whether every delivery is `Missed`, until the subscriber resumes.
    lost: bool,
    /// Whether it was told so, since it began or resumed.
    knows: bool,
    /// The life of the feed when this subscriber began or resumed.
    life: u64,
    /// Commits from the archive, if the subscriber is behind the buffer in memory.
    older: Option<Box<Older>>,
}

/// Commits that were read from an archive.
#[derive(Default)]
struct Older {
    /// Commits, the next one first.
    page: VecDeque<Commit>,
    /// A page that another thread is reading for a task.
    load: Option<Arc<PageLoad>>,
    /// Delivered instead of commits that could not be read.
    ended: Option<Delivery>,
}

impl Subscriber {
    pub(crate) fn new(feed: &Arc<Feed>, identity: u64, Start { number, after, seen, life, lost }: Start) -> Self {
        Self { feed: Arc::clone(feed), number, identity, after, seen, lost, knows: false, life, older: None }
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
        self.come_to(revision);
        (self.life, self.lost) = self.feed.place_of(revision);
        self.knows = false;
        self.older = None;
    }

    /// Marks everything as missed, because the revision is that of another index.
    pub(crate) fn lose(&mut self) {
        self.lost = true;
    }

    /// The next delivery, if there is one. Does not wait for a commit, but reads older ones from the disk: in async code
    /// use [`recv_async`](Self::recv_async).
    ///
    /// **O(1)**, and reading some thousands of changes whenever as many were delivered that are not in memory.
    pub fn try_recv(&mut self) -> Option<Delivery> {
        let feed = Arc::clone(&self.feed);
        loop {
            let next = self.next(&feed.lock());
            match next {
                Next::Ready(delivery) => return Some(self.deliver(delivery)),
                Next::Nothing => return None,
                Next::Behind { up_to } => self.read(up_to),
            }
        }
    }

    /// Waits for the next delivery.
    pub fn recv(&mut self) -> Delivery {
        loop {
            // Without a deadline this is never `None`.
            if let Some(delivery) = self.recv_until(None) {
                return delivery;
            }
        }
    }

    /// Waits for the next delivery for at most `timeout`. Reading older commits from the disk is not limited by it.
    pub fn recv_timeout(&mut self, timeout: Duration) -> Option<Delivery> {
        match Instant::now().checked_add(timeout) {
            Some(deadline) => self.recv_until(Some(deadline)),
            None => Some(self.recv()),
        }
    }

    fn recv_until(&mut self, deadline: Option<Instant>) -> Option<Delivery> {
        let feed = Arc::clone(&self.feed);
        let mut is_late = false;
        let mut kept = feed.lock();
        loop {
            match self.next(&kept) {
                Next::Ready(delivery) => {
                    drop(kept);
                    return Some(self.deliver(delivery));
                }
                Next::Nothing if is_late => return None,
                Next::Nothing => is_late = feed.wait(&mut kept, deadline),
                Next::Behind { up_to } => {
                    drop(kept);
                    self.read(up_to);
                    kept = feed.lock();
                }
            }
        }
    }

    /// Polls for the next delivery, and wakes the task when there is one. Does not block: older commits are read from the
    /// disk on another thread.
    ///
    /// Needs no runtime. The waker is called on a thread of its own: it may panic, block or call back, and no write and no
    /// other task waits for it. A panic in it is caught.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Delivery> {
        let feed = Arc::clone(&self.feed);
        loop {
            let next = self.next(&feed.lock());
            match next {
                Next::Ready(delivery) => return Poll::Ready(self.deliver(delivery)),
                Next::Behind { up_to } => {
                    if self.poll_read(up_to, context.waker()).is_pending() {
                        return Poll::Pending;
                    }
                }
                Next::Nothing => {
                    // A waker is code of the host, so it is cloned, called and dropped outside of the lock.
                    let waker = context.waker().clone();
                    let mut kept = feed.lock();
                    if matches!(self.next_in(&kept), Next::Nothing) {
                        let former = Feed::set_waker(&mut kept, self.number, waker);
                        drop(kept);
                        drop(former);
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// Waits for the next delivery without blocking the thread. Dropping the future loses nothing.
    pub fn recv_async(&mut self) -> Recv<'_> {
        Recv { subscriber: self }
    }

    /// Called without the lock of the feed.
    fn deliver(&mut self, delivery: Delivery) -> Delivery {
        if let Delivery::Missed { after } = delivery
            && !std::mem::replace(&mut self.knows, true)
        {
            let instance = self.feed.archive().map(|archive| Arc::clone(archive.instance()));
            trace::tell(&Event::Missed { instance, after });
        }
        delivery
    }

    fn come_to(&mut self, revision: Revision) {
        self.after = revision;
        self.seen.store(revision, Ordering::Relaxed);
    }

    fn next(&mut self, kept: &Kept) -> Next {
        let next = self.next_in(kept);
        match &next {
            Next::Ready(Delivery::Commit(commit)) => {
                self.come_to(commit.revision);
                if let Some(older) = &mut self.older {
                    older.page.pop_front_if(|paged| paged.revision == commit.revision);
                    if older.page.is_empty() {
                        self.older = None;
                    }
                }
            }
            Next::Ready(Delivery::Missed { .. }) => self.lost = true,
            Next::Ready(Delivery::Failed(_)) => self.older = None,
            _ => {}
        }
        next
    }

    /// The next step, from the commits in memory.
    fn next_in(&self, kept: &Kept) -> Next {
        let missed = Next::Ready(Delivery::Missed { after: self.after });
        if self.lost || self.life != kept.life() {
            return missed;
        }
        let older = self.older.as_deref();
        if let Some(end) = older.and_then(|older| older.ended.as_ref()) {
            return Next::Ready(end.clone());
        }
        let paged = older.and_then(|older| older.page.front()).filter(|paged| paged.revision == self.after + 1);
        if let Some(commit) = paged.or_else(|| kept.after(self.after)) {
            return Next::Ready(Delivery::Commit(commit.clone()));
        }
        match self.feed.archive() {
            Some(_) if self.after < kept.floor() => Next::Behind { up_to: kept.floor() },
            None if self.after < kept.floor() => missed,
            _ if kept.is_closed() => Next::Ready(Delivery::Closed),
            _ => Next::Nothing,
        }
    }

    /// Reads older commits on this thread.
    fn read(&mut self, up_to: Revision) {
        if let Some(archive) = self.feed.archive() {
            let read = archive.read(self.after, up_to);
            self.take(read);
        }
    }

    /// Reads older commits on another thread. Ready when they are read.
    fn poll_read(&mut self, up_to: Revision, waker: &Waker) -> Poll<()> {
        let Some(archive) = self.feed.archive() else { return Poll::Ready(()) };
        let begun = self.older.take().and_then(|older| older.load).filter(|load| load.after() == self.after);
        let load = begun
            .unwrap_or_else(|| PageLoad::start(archive, self.feed.waker_caller(), (self.after, up_to), waker.clone()));
        match load.poll(waker.clone()) {
            Some(read) => {
                self.take(read);
                Poll::Ready(())
            }
            None => {
                self.older = Some(Box::new(Older { load: Some(load), ..Older::default() }));
                Poll::Pending
            }
        }
    }

    fn take(&mut self, read: Result<Archived>) {
        match read {
            Ok(Archived::Page(page)) => self.older = Some(Box::new(Older { page, ..Older::default() })),
            Ok(Archived::Gone) => self.lost = true,
            Ok(Archived::Closed) => self.end_with(Delivery::Closed),
            Err(error) => {
                trace::tell_damage(Some(&error));
                self.end_with(Delivery::Failed(error));
            }
        }
    }

    fn end_with(&mut self, end: Delivery) {
        self.older = Some(Box::new(Older { ended: Some(end), ..Older::default() }));
    }
}

/// The next step of a subscriber.
enum Next {
    Ready(Delivery),
    /// The next commit is not in memory; the archive has commits up to this revision.
    Behind {
        up_to: Revision,
    },
    Nothing,
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
