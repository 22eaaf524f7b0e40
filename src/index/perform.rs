//! Performing writes: immediately, or from the queue.

use std::task::{Context, Poll};

use crate::index::journal::{Awaited, Journal};
use crate::index::label_index::LabelIndex;
use crate::index::requests::Request;
use crate::index::turn::{Answer, Found, Work, Writer};
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
    InLine(u64),
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

    /// Waits until a position is visible here: that of a commit which another process made, and somebody heard of.
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
            let found = match self.stand_in_remote_line(journal, work) {
                Begun::Answered(answer) => answer.found,
                Begun::InLine(number) => self.wait_in_line(number).found,
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

    /// Carries out a write behind those that stand in line. Its turn is over when this returns: while it waits for the disk,
    /// others write.
    #[inline]
    fn take_turn(&self, work: Work) -> Answer {
        if let Some(answer) = self.prepare_beside(&work, || Some(self.writer())) {
            return answer;
        }
        let mut writer = self.writer();
        if self.turn().is_line_empty() {
            return self.carry_out(&mut writer, work);
        }
        let number = self.turn().stand_in_line(work);
        drop(writer);
        self.wait_in_line(number)
    }

    /// Performs a write without blocking, or queues it.
    pub(crate) fn begin(&self, work: Work) -> Begun {
        if let Some(journal) = self.remote_journal() {
            return self.stand_in_remote_line(journal, work);
        }
        match self.has_room() {
            Err(why) => return Begun::Answered(self.answer(work.refused(why), self.life())),
            Ok(true) if self.turn().is_line_empty() => {
                if let Some(answer) = self.prepare_beside(&work, || self.turn().try_wait()) {
                    return Begun::Answered(answer);
                }
                if let Some(mut writer) = self.turn().try_wait() {
                    return Begun::Answered(self.carry_out(&mut writer, work));
                }
            }
            Ok(_) => {}
        }
        Begun::InLine(self.turn().stand_in_line(work))
    }

    /// Queues a write and notifies the committer, which plans it.
    fn stand_in_remote_line(&self, journal: &Journal, work: Work) -> Begun {
        if let Err(why) = journal.require_open() {
            return Begun::Answered(Answer { depends_on: Awaited::default(), found: work.refused(why) });
        }
        let number = self.turn().stand_in_line(work);
        journal.call_committer();
        // Whoever ends the journal refuses what stands in line after that; one of both sees the other.
        if let Some(why) = journal.end_reason() {
            self.refuse_line(&why);
        }
        Begun::InLine(number)
    }

    /// Refuses all queued writes.
    pub(crate) fn refuse_line(&self, why: &Error) {
        let mut writer = self.writer();
        while let Some((number, work)) = writer.next_in_line() {
            writer.answer(number, Answer { depends_on: Awaited::default(), found: work.refused(why.clone()) }, 0);
        }
    }

    /// Carries out a write of which most can be prepared while others write, and the rest in the turn that `turn` gives. None
    /// if there is nothing to prepare, or it was of no use: then the write is not carried out.
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
            Work::Refresh(_) => unreachable!("a refresh takes the turn itself"),
            Work::Nothing => Found::Nothing(Ok(())),
        };
        self.answer(found, self.life())
    }

    /// The life of the journal. Read before a write takes the turn, or in it: if the store failed and resumed in between, the
    /// write belongs to the life that ended, and its caller is told that.
    #[inline]
    pub(crate) fn life(&self) -> usize {
        self.synced_journal().map_or(0, Journal::life)
    }

    /// What was found, and what it rests on: a refusal was found on the newest version.
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

    /// Carries out what stands in line, at least up to the caller's own number, as far as there is room.
    fn carry_out_line(&self, writer: &mut Writer<'_>, own: u64) {
        let mut count = 0;
        loop {
            let room = self.has_room();
            if room == Ok(false) {
                return;
            }
            let Some((number, work)) = writer.next_in_line() else { return };
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
    pub(crate) fn wait_in_line(&self, number: u64) -> Answer {
        if self.remote_journal().is_some()
            && let Some(answer) = self.turn().wait_for_answer(number)
        {
            return answer;
        }
        loop {
            // Why there is no room any more is found again, by whoever carries out the line.
            let _admitted = self.admit();
            let mut writer = self.writer();
            self.carry_out_line(&mut writer, number);
            drop(writer);
            if let Some(answer) = self.turn().answer_or_wake(number, None) {
                return answer;
            }
        }
    }

    /// The answer of a write in line, or a promise to wake the task. `task` is the number under which it waits for room.
    pub(crate) fn poll_in_line(&self, number: u64, task: &mut Option<u64>, context: &mut Context<'_>) -> Poll<Answer> {
        loop {
            if let Some(answer) = self.turn().answer_or_wake(number, Some(context.waker())) {
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
            let Some(mut writer) = self.turn().try_wait() else { return Poll::Pending };
            self.carry_out_line(&mut writer, number);
        }
    }
}
