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

/// Lets one writer of an index go at a time.
///
/// A write that must not block its thread is put in line when another writer has the turn, or when the queue to the disk is
/// full. The next writer that takes the turn first carries out the writes in line, in order, as far as there is room in
/// that queue. So writes are carried out in the order of the calls, and a receipt that nobody polls delays no other write.
#[derive(Debug)]
pub(crate) struct Turn {
    tickets: Mutex<Tickets>,
    line: Mutex<Line>,
    /// The length of `Line::order`, readable without the lock.
    standing: AtomicUsize,
    /// Notified when a write in line has its answer.
    answered: Condvar,
    waker_caller: WakerCaller,
}

#[derive(Debug, Default)]
struct Line {
    /// Every write that was put in line, until its receipt takes the answer or is dropped.
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
    Stands(Work),
    /// A writer is carrying it out.
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

/// Carries out a refresh. May be called more than once; takes the turn itself.
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

impl Turn {
    pub(crate) fn new(waker_caller: WakerCaller) -> Self {
        Self {
            tickets: Mutex::default(),
            line: Mutex::default(),
            standing: AtomicUsize::new(0),
            answered: Condvar::default(),
            waker_caller,
        }
    }

    /// Waits for the turn.
    pub(crate) fn wait(&self) -> Writer<'_> {
        self.begin(self.tickets.lock())
    }

    /// Takes the turn unless another writer keeps it for longer than a short write takes.
    pub(crate) fn try_wait(&self) -> Option<Writer<'_>> {
        for_a_moment(|| self.tickets.try_lock()).map(|tickets| self.begin(tickets))
    }

    fn begin<'a>(&'a self, tickets: MutexGuard<'a, Tickets>) -> Writer<'a> {
        Writer { tickets: Some(tickets), turn: self, wake: Vec::new(), freed: Vec::new() }
    }

    /// Whether a writer has the turn.
    pub(crate) fn is_taken(&self) -> bool {
        self.tickets.is_locked()
    }

    /// Whether no write is in line. A thread always sees its own writes here, and may miss one that another thread is adding.
    pub(crate) fn is_line_empty(&self) -> bool {
        self.standing.load(Ordering::SeqCst) == 0
    }

    /// Puts a write at the end of the line. Gives its number.
    pub(crate) fn stand_in_line(&self, work: Work) -> u64 {
        let mut line = self.line.lock();
        line.given += 1;
        let number = line.given;
        line.entries.insert(number, Entry { progress: Progress::Stands(work), waker: None });
        line.order.push_back(number);
        self.count(&line);
        number
    }

    /// Takes the answer of a write in line if it was carried out. Otherwise keeps `waker`, which is called when the write is
    /// carried out, or when any turn ends.
    pub(crate) fn answer_or_wake(&self, number: u64, waker: Option<&Waker>) -> Option<Answer> {
        // A waker is code of the host, so it is cloned and dropped outside of the lock.
        let waker = waker.cloned();
        let mut line = self.line.lock();
        let entry = line.entries.get_mut(&number)?;
        if !matches!(entry.progress, Progress::Answered(_)) {
            let former = std::mem::replace(&mut entry.waker, waker);
            drop(line);
            drop(former);
            // The end of a turn has the same fence before it looks at the line. So either this thread sees that the turn
            // has ended, or the writer sees this waker.
            fence(Ordering::SeqCst);
            return None;
        }
        let entry = line.entries.remove(&number);
        drop(line);
        match entry?.progress {
            Progress::Answered(answer) => Some(answer),
            _ => None,
        }
    }

    /// Waits until another thread has carried out a write in line.
    pub(crate) fn wait_for_answer(&self, number: u64) -> Option<Answer> {
        let mut line = self.line.lock();
        while matches!(line.entries.get(&number)?.progress, Progress::Stands(_) | Progress::Begun) {
            self.answered.wait(&mut line);
        }
        let entry = line.entries.remove(&number);
        drop(line);
        match entry?.progress {
            Progress::Answered(answer) => Some(answer),
            _ => None,
        }
    }

    /// What the answer of a write in line depends on, if the write was carried out.
    pub(crate) fn carried_out(&self, number: u64) -> Option<Awaited> {
        match self.line.lock().entries.get(&number)?.progress {
            Progress::Answered(Answer { depends_on, .. }) => Some(depends_on),
            _ => None,
        }
    }

    /// Removes a write from the line. A write that is not begun is not carried out.
    pub(crate) fn leave_line(&self, number: u64) {
        let mut line = self.line.lock();
        let entry = line.entries.remove(&number);
        if let Ok(position) = line.order.binary_search(&number) {
            line.order.remove(position);
        }
        self.count(&line);
        drop(line);
        drop(entry);
    }

    fn count(&self, line: &Line) {
        self.standing.store(line.order.len(), Ordering::SeqCst);
    }

    /// Wakes every task with a write in line.
    fn call_line(&self) {
        fence(Ordering::SeqCst);
        if self.is_line_empty() {
            return;
        }
        let mut line = self.line.lock();
        let wake = Wake::new(line.entries.values_mut().filter_map(|entry| entry.waker.take()), &self.waker_caller);
        drop(line);
        wake.now();
    }
}

/// The turn to write. Dropping it releases the lock, then wakes the tasks that waited for what was written, then frees
/// replaced versions.
pub(crate) struct Writer<'a> {
    /// `None` only during `drop`.
    tickets: Option<MutexGuard<'a, Tickets>>,
    turn: &'a Turn,
    wake: Vec<Wake>,
    freed: Vec<Version>,
}

impl Writer<'_> {
    /// Frees a version when the turn ends. This may be the last handle of much memory that no newer version shares.
    pub(crate) fn free_after(&mut self, version: Version) {
        self.freed.push(version);
    }

    /// Wakes these when the turn ends.
    pub(crate) fn wake_after(&mut self, wake: Wake) {
        if !wake.is_empty() {
            self.wake.push(wake);
        }
    }

    /// Cancels the open ticket. Whether there was one.
    pub(crate) fn cancel_ticket(&mut self) -> bool {
        let Some(ending) = self.take_ticket() else { return false };
        self.wake_after(ending.cancel());
        true
    }

    /// Takes the first write in line, for this writer to carry out.
    pub(crate) fn next_in_line(&mut self) -> Option<(u64, Work)> {
        let mut line = self.turn.line.lock();
        let number = line.order.pop_front()?;
        self.turn.count(&line);
        let entry = line.entries.get_mut(&number)?;
        match std::mem::replace(&mut entry.progress, Progress::Begun) {
            Progress::Stands(work) => Some((number, work)),
            _ => None,
        }
    }

    /// Stores the answer of a write in line for its receipt. Wakes the task of the receipt when the turn ends, unless the
    /// write is the caller's `own`.
    pub(crate) fn answer(&mut self, number: u64, answer: Answer, own: u64) {
        let mut line = self.turn.line.lock();
        let waker = match line.entries.get_mut(&number) {
            Some(entry) => {
                entry.progress = Progress::Answered(answer);
                entry.waker.take()
            }
            // The receipt was dropped.
            None => None,
        };
        drop(line);
        self.turn.answered.notify_all();
        if number != own {
            self.wake_after(Wake::new(waker, &self.turn.waker_caller));
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
        self.turn.call_line();
    }
}
