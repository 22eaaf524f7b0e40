//! Performing writes: immediately, or from the queue.

use std::task::{Context, Poll};

use crate::index::journal::{Awaited, Journal};
use crate::index::label_index::LabelIndex;
use crate::index::requests::Request;
use crate::index::writer_lock::{Answer, Found, Work, Writer};
use crate::model::arg::Arg;
use crate::model::error::{Error, Result};
use crate::model::position::Position;

/// The maximum number of other tasks' writes that one task performs with the writer lock, so that it returns to its runtime
/// soon.
const MOST_FOR_OTHERS: u32 = 256;

/// The state of a write that does not block.
pub(crate) enum Begun {
    /// It has its answer.
    Answered(Answer),
    /// It is in the queue under this number.
    Queued(u64),
}

impl Work {
    /// The answer of a write that is not performed.
    pub(in crate::index) fn refused(&self, why: Error) -> Found {
        match self {
            Self::One(_) => Found::One(Err(why)),
            Self::Batch(_) => Found::Batch(Err(why)),
            Self::Refresh(_) => Found::Refreshed(Err(why)),
            Self::Nothing => Found::Nothing(Err(why)),
        }
    }
}

impl LabelIndex {
    /// Waits until every commit that was made before the call is visible here, by whichever process it was made.
    ///
    /// Only an index of a store that was connected to has commits of other processes; any other returns at once.
    ///
    /// # Errors
    ///
    /// [`Error::Unavailable`] if the database cannot be reached; why the index takes no write any more.
    pub fn catch_up(&self) -> Result<()> {
        match self.remote_journal() {
            Some(_) => self.perform(Request::nothing()),
            None => Ok(()),
        }
    }

    /// Waits until a position is visible here, for example that of a commit of another process.
    ///
    /// So a host that answers with the position of what it wrote lets every other process read its own writes. Of any other
    /// index than one of a store that was connected to, what was given out is visible already.
    ///
    /// # Errors
    ///
    /// [`Error::BadPosition`] for a text that is no position, one of another index, and one that no commit has; those of
    /// [`catch_up`](Self::catch_up).
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, LabelIndex, Options};
    ///
    /// let index = LabelIndex::new();
    /// let before = index.subscribe().position();
    /// index.create_label("VIP")?;
    /// index.wait_for(before)?;
    /// let other = Options::new().identity(7).build().subscribe().position();
    /// assert!(matches!(index.wait_for(other), Err(Error::BadPosition { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn wait_for(&self, position: impl Arg<Position>) -> Result<()> {
        let position = position.parse_arg()?;
        let unknown = || Error::BadPosition { value: position.to_string() };
        if position.identity != self.identity() {
            return Err(unknown());
        }
        if self.revision() < position.revision {
            self.catch_up()?;
        }
        if self.revision() < position.revision { Err(unknown()) } else { Ok(()) }
    }

    /// Performs a write, and waits until its answer is final.
    pub(crate) fn perform<T>(&self, Request { work, read }: Request<T>) -> Result<T> {
        if let Some(journal) = self.remote_journal() {
            let found = match self.enqueue_remote(journal, work) {
                Begun::Answered(answer) => answer.found,
                Begun::Queued(number) => self.wait_queued(number).found,
            };
            return read(found);
        }
        self.admit()?;
        let answer = self.take_turn(work);
        if let Some(journal) = self.synced_journal() {
            journal.wait_for(answer.depends_on)?;
        }
        read(answer.found)
    }

    /// Performs a write after all queued ones. The writer lock is released when this returns: while it waits for the disk,
    /// others write.
    #[inline]
    fn take_turn(&self, work: Work) -> Answer {
        if let Some(answer) = self.prepare_beside(&work, || Some(self.writer())) {
            return answer;
        }
        let mut writer = self.writer();
        if self.writer_lock().is_queue_empty() {
            return self.carry_out(&mut writer, work);
        }
        let number = self.writer_lock().enqueue(work);
        drop(writer);
        self.wait_queued(number)
    }

    /// Performs a write without blocking, or queues it.
    pub(crate) fn begin(&self, work: Work) -> Begun {
        if let Some(journal) = self.remote_journal() {
            return self.enqueue_remote(journal, work);
        }
        match self.has_room() {
            Err(why) => return Begun::Answered(self.answer(work.refused(why), self.life())),
            Ok(true) if self.writer_lock().is_queue_empty() => {
                if let Some(answer) = self.prepare_beside(&work, || self.writer_lock().try_wait()) {
                    return Begun::Answered(answer);
                }
                if let Some(mut writer) = self.writer_lock().try_wait() {
                    return Begun::Answered(self.carry_out(&mut writer, work));
                }
            }
            Ok(_) => {}
        }
        Begun::Queued(self.writer_lock().enqueue(work))
    }

    /// Queues a write and notifies the committer, which plans it.
    fn enqueue_remote(&self, journal: &Journal, work: Work) -> Begun {
        if let Err(why) = journal.require_open() {
            return Begun::Answered(Answer { depends_on: Awaited::default(), found: work.refused(why) });
        }
        let number = self.writer_lock().enqueue(work);
        journal.call_committer();
        // The thread that ends the journal refuses queued writes after that. One of the two threads sees the other's
        // step.
        if let Some(why) = journal.end_reason() {
            self.refuse_queued(&why);
        }
        Begun::Queued(number)
    }

    /// Refuses all queued writes.
    pub(crate) fn refuse_queued(&self, why: &Error) {
        let mut writer = self.writer();
        while let Some((number, work)) = writer.next_queued() {
            writer.answer(number, Answer { depends_on: Awaited::default(), found: work.refused(why.clone()) }, 0);
        }
    }

    /// Performs a write most of which can be prepared while others write, and the rest with the writer lock that `turn` takes.
    /// `None` if there is nothing to prepare, or preparing it did not help: then the write is not performed.
    #[inline]
    fn prepare_beside<'a>(&'a self, work: &Work, turn: impl Fn() -> Option<Writer<'a>>) -> Option<Answer> {
        match work {
            Work::One(op) if self.is_long_removal(op) => {
                let life = self.life();
                self.remove_beside(op, turn).map(|done| self.answer(Found::One(done), life))
            }
            _ => None,
        }
    }

    /// Whether there is room for a write, or the reason why none is accepted any more.
    fn has_room(&self) -> Result<bool> {
        self.journal().map_or(Ok(true), Journal::has_room)
    }

    /// Performs one write with the writer lock held.
    #[inline]
    pub(in crate::index) fn carry_out(&self, writer: &mut Writer<'_>, work: Work) -> Answer {
        let found = match work {
            Work::One(op) => Found::One(self.attempt(writer, &op)),
            Work::Batch(ops) => Found::Batch(self.attempt_batch(writer, ops)),
            Work::Refresh(_) => unreachable!("a refresh takes the writer lock itself"),
            Work::Nothing => Found::Nothing(Ok(())),
        };
        self.answer(found, self.life())
    }

    /// The life of the journal. Read before a write takes the writer lock, or with it held: if the store failed and resumed
    /// in between, the write belongs to the life that ended, and its caller gets that error.
    #[inline]
    pub(crate) fn life(&self) -> usize {
        self.synced_journal().map_or(0, Journal::life)
    }

    /// The answer, and the revision on which it depends: a refusal depends on the newest version.
    #[inline]
    pub(in crate::index) fn answer(&self, found: Found, life: usize) -> Answer {
        let revision = match &found {
            Found::One(Ok(committed)) => committed.revision,
            Found::Batch(Ok(committed)) => committed.revision,
            Found::Refreshed(Ok(committed)) => committed.revision,
            _ => self.newest().read(|newest| newest.revision),
        };
        Answer { depends_on: Awaited { revision, life }, found }
    }

    /// Performs queued writes in order, at least up to the caller's own number, as far as there is room.
    fn perform_queue(&self, writer: &mut Writer<'_>, own: u64) {
        let mut count = 0;
        loop {
            let room = self.has_room();
            if room == Ok(false) {
                return;
            }
            let Some((number, work)) = writer.next_queued() else { return };
            let answer = match room {
                Err(why) => self.answer(work.refused(why), self.life()),
                Ok(_) => self.carry_out(writer, work),
            };
            writer.answer(number, answer, own);
            count += 1;
            if number >= own && count >= MOST_FOR_OTHERS {
                return;
            }
        }
    }

    /// Waits until a queued write is performed, and helps to perform the queue.
    pub(crate) fn wait_queued(&self, number: u64) -> Answer {
        if self.remote_journal().is_some()
            && let Some(answer) = self.writer_lock().wait_for_answer(number)
        {
            return answer;
        }
        loop {
            // The reason why there is no room any more is determined again when the queue is performed.
            let _admitted = self.admit();
            let mut writer = self.writer();
            self.perform_queue(&mut writer, number);
            drop(writer);
            if let Some(answer) = self.writer_lock().answer_or_wake(number, None) {
                return answer;
            }
        }
    }

    /// The answer of a queued write, or a promise to wake the task. `task` is the number under which it waits for room.
    pub(crate) fn poll_queued(&self, number: u64, task: &mut Option<u64>, context: &mut Context<'_>) -> Poll<Answer> {
        loop {
            if let Some(answer) = self.writer_lock().answer_or_wake(number, Some(context.waker())) {
                return Poll::Ready(answer);
            }
            if self.remote_journal().is_some() {
                return Poll::Pending;
            }
            if let Some(journal) = self.journal()
                && journal.poll_room(task, context).is_pending()
            {
                return Poll::Pending;
            }
            // The holder of the writer lock wakes the queue when it releases the lock.
            let Some(mut writer) = self.writer_lock().try_wait() else { return Poll::Pending };
            self.perform_queue(&mut writer, number);
        }
    }
}
