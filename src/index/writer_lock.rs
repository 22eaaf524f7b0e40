//! The writer lock of an index, and the queue of writes that could not take it at once.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::task::Waker;

use crate::index::journal::Awaited;
use crate::index::sync::{AtomicUsize, Condvar, Mutex, MutexGuard, Ordering, fence};
use crate::index::tickets::Tickets;
use crate::index::version_lock::for_a_moment;
use crate::index::wakers::{Wake, WakerCaller};
use crate::model::error::Result;
use crate::model::label_ref::LabelRef;
use crate::model::op::{Committed, Op, Outcome, Refreshed};
use crate::state::Version;

/// Admits one writer of an index at a time.
///
/// A write that must not block its thread is queued when another writer has the lock, or when the journal is full. The next
/// writer that takes the lock first performs the queued writes, in order, as far as there is room in the journal. So
/// writes are performed in the order of the calls, and a receipt that is not polled delays no other write.
#[derive(Debug)]
pub(crate) struct WriterLock {
    tickets: Mutex<Tickets>,
    queue: Mutex<Queue>,
    /// The length of `Queue::order`, readable without locking the queue.
    queued: AtomicUsize,
    /// Notified when a queued write has its answer.
    answered: Condvar,
    waker_caller: WakerCaller,
}

#[derive(Debug, Default)]
struct Queue {
    /// Every queued write, until its receipt takes the answer or is dropped.
    entries: BTreeMap<u64, Entry>,
    /// The numbers of the writes that are not begun, oldest first.
    order: VecDeque<u64>,
    given: u64,
}

#[derive(Debug)]
struct Entry {
    progress: Progress,
    waker: Option<Waker>,
}

#[derive(Debug)]
enum Progress {
    Queued(Work),
    /// A writer is performing it.
    Begun,
    Answered(Answer),
}

/// A write with its arguments.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    One(Op),
    Batch(Vec<Op<LabelRef>>),
    /// A refresh of an index whose committer plans: see [`Journal::is_remote`](crate::index::journal::Journal::is_remote).
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "only the committer of a connected store carries it out")
    )]
    Refresh(Attempt),
    /// No write: its answer says that every write before it, on such an index, is durable.
    Nothing,
}

/// Performs a refresh. May be called more than once; takes the writer lock itself.
#[derive(Clone)]
pub(crate) struct Attempt(
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "only the committer of a connected store carries it out")
    )]
    pub(crate) Arc<dyn Fn() -> Result<Committed<Refreshed>> + Send + Sync>,
);

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attempt")
    }
}

/// The result of a write, to be given once what it depends on is durable.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) depends_on: Awaited,
    pub(crate) found: Found,
}

#[derive(Debug)]
pub(crate) enum Found {
    One(Result<Committed<Outcome>>),
    Batch(Result<Committed<Vec<Outcome>>>),
    Refreshed(Result<Committed<Refreshed>>),
    Nothing(Result<()>),
}

impl WriterLock {
    pub(crate) fn new(waker_caller: WakerCaller) -> Self {
        Self {
            tickets: Mutex::default(),
            queue: Mutex::default(),
            queued: AtomicUsize::new(0),
            answered: Condvar::default(),
            waker_caller,
        }
    }

    /// Waits for the lock.
    pub(crate) fn wait(&self) -> Writer<'_> {
        self.begin(self.tickets.lock())
    }

    /// Takes the lock, unless another writer holds it for longer than a short write takes.
    pub(crate) fn try_wait(&self) -> Option<Writer<'_>> {
        for_a_moment(|| self.tickets.try_lock()).map(|tickets| self.begin(tickets))
    }

    fn begin<'a>(&'a self, tickets: MutexGuard<'a, Tickets>) -> Writer<'a> {
        Writer { tickets: Some(tickets), lock: self, wake: Vec::new(), freed: Vec::new() }
    }

    /// Whether a writer has the lock.
    pub(crate) fn is_taken(&self) -> bool {
        self.tickets.is_locked()
    }

    /// Whether no write is queued. A thread always sees its own writes here, and may miss one that another thread is adding.
    pub(crate) fn is_queue_empty(&self) -> bool {
        self.queued.load(Ordering::SeqCst) == 0
    }

    /// Queues a write. Returns its number.
    pub(crate) fn enqueue(&self, work: Work) -> u64 {
        let mut queue = self.queue.lock();
        queue.given += 1;
        let number = queue.given;
        queue.entries.insert(number, Entry { progress: Progress::Queued(work), waker: None });
        queue.order.push_back(number);
        self.count(&queue);
        number
    }

    /// Takes the answer of a queued write if it was performed. Otherwise keeps `waker`, which is called when the write is
    /// performed, or when a writer releases the lock.
    pub(crate) fn answer_or_wake(&self, number: u64, waker: Option<&Waker>) -> Option<Answer> {
        // A waker is code of the host, so it is cloned and dropped outside of the lock.
        let waker = waker.cloned();
        let mut queue = self.queue.lock();
        let entry = queue.entries.get_mut(&number)?;
        if !matches!(entry.progress, Progress::Answered(_)) {
            let former = std::mem::replace(&mut entry.waker, waker);
            drop(queue);
            drop(former);
            // A writer that releases the lock has the same fence before it looks at the queue. So either this thread sees
            // that the lock is free, or the writer sees this waker.
            fence(Ordering::SeqCst);
            return None;
        }
        let entry = queue.entries.remove(&number);
        drop(queue);
        match entry?.progress {
            Progress::Answered(answer) => Some(answer),
            _ => None,
        }
    }

    /// Waits until another thread has performed a queued write.
    pub(crate) fn wait_for_answer(&self, number: u64) -> Option<Answer> {
        let mut queue = self.queue.lock();
        while matches!(queue.entries.get(&number)?.progress, Progress::Queued(_) | Progress::Begun) {
            self.answered.wait(&mut queue);
        }
        let entry = queue.entries.remove(&number);
        drop(queue);
        match entry?.progress {
            Progress::Answered(answer) => Some(answer),
            _ => None,
        }
    }

    /// What the answer of a queued write depends on, if the write was performed.
    pub(crate) fn carried_out(&self, number: u64) -> Option<Awaited> {
        match self.queue.lock().entries.get(&number)?.progress {
            Progress::Answered(Answer { depends_on, .. }) => Some(depends_on),
            _ => None,
        }
    }

    /// Removes a write from the queue. A write that is not begun is not performed.
    pub(crate) fn remove_queued(&self, number: u64) {
        let mut queue = self.queue.lock();
        let entry = queue.entries.remove(&number);
        if let Ok(position) = queue.order.binary_search(&number) {
            queue.order.remove(position);
        }
        self.count(&queue);
        drop(queue);
        drop(entry);
    }

    fn count(&self, queue: &Queue) {
        self.queued.store(queue.order.len(), Ordering::SeqCst);
    }

    /// Wakes every task with a queued write.
    fn wake_queue(&self) {
        fence(Ordering::SeqCst);
        if self.is_queue_empty() {
            return;
        }
        let mut queue = self.queue.lock();
        let wake = Wake::new(queue.entries.values_mut().filter_map(|entry| entry.waker.take()), &self.waker_caller);
        drop(queue);
        wake.now();
    }
}

/// The writer lock, held. Dropping it releases the lock, then wakes the tasks that wait for its writes, then frees
/// replaced versions.
pub(crate) struct Writer<'a> {
    /// `None` only during `drop`.
    tickets: Option<MutexGuard<'a, Tickets>>,
    lock: &'a WriterLock,
    wake: Vec<Wake>,
    freed: Vec<Version>,
}

impl Writer<'_> {
    /// Frees a version when the lock is released. This may be the last handle of much memory that no newer version shares.
    pub(crate) fn free_after(&mut self, version: Version) {
        self.freed.push(version);
    }

    /// Wakes these when the lock is released.
    pub(crate) fn wake_after(&mut self, wake: Wake) {
        if !wake.is_empty() {
            self.wake.push(wake);
        }
    }

    /// Cancels the open ticket. Returns whether there was one.
    pub(crate) fn cancel_ticket(&mut self) -> bool {
        let Some(ending) = self.take_ticket() else { return false };
        self.wake_after(ending.cancel());
        true
    }

    /// Takes the first queued write, for this writer to perform.
    pub(crate) fn next_queued(&mut self) -> Option<(u64, Work)> {
        let mut queue = self.lock.queue.lock();
        let number = queue.order.pop_front()?;
        self.lock.count(&queue);
        let entry = queue.entries.get_mut(&number)?;
        match std::mem::replace(&mut entry.progress, Progress::Begun) {
            Progress::Queued(work) => Some((number, work)),
            _ => None,
        }
    }

    /// Stores the answer of a queued write for its receipt. Wakes the task of the receipt when the lock is released, unless
    /// the write is the caller's `own`.
    pub(crate) fn answer(&mut self, number: u64, answer: Answer, own: u64) {
        let mut queue = self.lock.queue.lock();
        let waker = match queue.entries.get_mut(&number) {
            Some(entry) => {
                entry.progress = Progress::Answered(answer);
                entry.waker.take()
            }
            // The receipt was dropped.
            None => None,
        };
        drop(queue);
        self.lock.answered.notify_all();
        if number != own {
            self.wake_after(Wake::new(waker, &self.lock.waker_caller));
        }
    }
}

impl Deref for Writer<'_> {
    type Target = Tickets;

    #[expect(clippy::unwrap_used, reason = "empty only during drop")]
    fn deref(&self) -> &Tickets {
        self.tickets.as_ref().unwrap()
    }
}

impl DerefMut for Writer<'_> {
    #[expect(clippy::unwrap_used, reason = "empty only during drop")]
    fn deref_mut(&mut self) -> &mut Tickets {
        self.tickets.as_mut().unwrap()
    }
}

impl Drop for Writer<'_> {
    fn drop(&mut self) {
        drop(self.tickets.take());
        std::mem::take(&mut self.wake).into_iter().for_each(Wake::now);
        drop(std::mem::take(&mut self.freed));
        self.lock.wake_queue();
    }
}
