//! The journal: commits that are not durable yet, and the threads that wait for them.

use std::task::{Context, Poll};

use crate::index::sync::{Condvar, Mutex, MutexGuard, Race, is_planted};
use crate::index::version_lock::VersionLock;
use crate::index::wakers::{WaitingTasks, WakerCaller};
use crate::model::change::{Commit, Revision};
use crate::model::error::{Error, Result};
use crate::state::Version;

/// The commits of one index that are not durable yet. An index in memory has no journal.
///
/// Writers append commits, one at a time. The committer takes all of them, makes them durable and acknowledges them, or
/// ends the journal when nothing can become durable any more.
pub(crate) struct Journal {
    /// The version that writers work on, if readers see a commit only once it is durable. Otherwise writers work on the
    /// visible version. J1: changed only while `queue` is locked, so that a version and its commits are taken together.
    working: Option<VersionLock<Version>>,
    /// Notifies the committer.
    call: Box<dyn Fn(Call) + Send + Sync>,
    waker_caller: WakerCaller,
    /// The number of changes that are not durable, above which writers wait.
    room: usize,
    /// Whether writes are queued until the committer plans them, since other processes write to the same log.
    is_remote: bool,
    queue: Mutex<Queue>,
    /// Notified when something became durable, or the journal ended.
    moved: Condvar,
}

#[derive(Debug)]
struct Queue {
    /// J2: the commits that the committer has not taken, in order without a gap.
    commits: Vec<Commit>,
    /// The number of changes that are not durable, taken or not.
    changes: usize,
    /// J3: never more than the visible revision.
    durable: Revision,
    /// J4: the revision acknowledged to writers: never beyond that of the feed.
    told: Revision,
    /// The reason why no write is accepted any more.
    closed: Option<Error>,
    /// Whether the journal ended: commits that are not durable never will be.
    ended: bool,
    /// J5: how each life before this one ended. A revision is made again in the next life if it was not durable.
    former: Vec<FormerLife>,
    tasks: WaitingTasks,
}

/// A life of a journal, which ended when its store failed.
#[derive(Debug)]
struct FormerLife {
    /// The newest revision of it that is on disk.
    durable: Revision,
    why: Error,
}

/// The revision that has to be durable before an answer is final.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Awaited {
    pub(crate) revision: Revision,
    /// The life of the journal in which that revision was made.
    pub(crate) life: usize,
}

/// Commits to be made durable together, and the version after the last of them.
pub(crate) struct Group {
    pub(crate) version: Version,
    pub(crate) commits: Vec<Commit>,
}

impl Group {
    pub(crate) fn changes(&self) -> usize {
        self.commits.iter().map(|commit| commit.changes.len()).sum()
    }
}

/// The reason for notifying the committer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    /// There are new commits.
    Commits,
    /// A writer waits for room in the queue, so the committer should not wait for more commits.
    Full,
}

impl Journal {
    /// A journal that begins at a durable version. With `hidden`, readers see a commit only once it is durable.
    ///
    /// `call` is called with locks held: it must neither wait nor use the journal.
    pub(crate) fn new(
        durable: &Version,
        hidden: bool,
        room: usize,
        waker_caller: WakerCaller,
        call: impl Fn(Call) + Send + Sync + 'static,
    ) -> Self {
        let queue = Queue {
            commits: Vec::new(),
            changes: 0,
            durable: durable.revision,
            told: durable.revision,
            closed: None,
            ended: false,
            former: Vec::new(),
            tasks: WaitingTasks::default(),
        };
        Self {
            working: hidden.then(|| VersionLock::new(Version::clone(durable))),
            call: Box::new(call),
            waker_caller,
            room,
            is_remote: false,
            queue: Mutex::new(queue),
            moved: Condvar::default(),
        }
    }

    /// The same, of an index whose log others write to as well: the committer plans queued writes, perhaps again.
    #[cfg(feature = "postgres")]
    pub(crate) fn of_remote(mut self) -> Self {
        self.is_remote = true;
        self
    }

    pub(crate) fn is_remote(&self) -> bool {
        self.is_remote
    }

    /// The number of changes that are queued and not durable.
    #[cfg(feature = "postgres")]
    pub(crate) fn queued_changes(&self) -> usize {
        self.queue.lock().changes
    }

    /// Notifies the committer of a remote log that a write is queued.
    pub(crate) fn call_committer(&self) {
        (self.call)(Call::Commits);
    }

    /// The reason why nothing becomes durable any more, if the journal ended.
    pub(crate) fn end_reason(&self) -> Option<Error> {
        let queue = self.queue.lock();
        queue.closed.clone().filter(|_| queue.ended)
    }

    /// Drops the queued commits, and begins again after a version that is visible and durable.
    #[cfg(feature = "postgres")]
    pub(crate) fn restart(&self, visible: &VersionLock<Version>) {
        let mut queue = self.queue.lock();
        let lost = self.forget_queued(&mut queue, visible);
        drop(queue);
        drop(lost);
    }

    /// Drops the queued commits, and lets writers continue from the visible version. The caller frees the result
    /// without the lock.
    #[must_use]
    fn forget_queued(&self, queue: &mut Queue, visible: &VersionLock<Version>) -> (Vec<Commit>, Option<Version>) {
        queue.changes = 0;
        let former = self.working.as_ref().map(|working| {
            let visible = visible.read(Version::clone);
            working.write(|version| std::mem::replace(version, visible))
        });
        (std::mem::take(&mut queue.commits), former)
    }

    /// Accepts writes again, after a visible version that is on disk. Callers that wait for a commit of the life that
    /// ended get their answer if that revision is on disk, or else the reason why the life ended; later callers wait
    /// for commits of the new life. Called with the writer lock held, so that no write is planned in one life and
    /// queued in another.
    #[cfg(feature = "store")]
    pub(crate) fn begin_again(&self, visible: &VersionLock<Version>) {
        let revision = visible.read(|visible| visible.revision);
        let mut queue = self.queue.lock();
        let Some(why) = queue.closed.take() else { return };
        queue.former.push(FormerLife { durable: revision, why });
        queue.ended = false;
        (queue.durable, queue.told) = (revision, revision);
        let lost = self.forget_queued(&mut queue, visible);
        self.moved(queue);
        drop(lost);
    }

    /// Which life this is. It does not change while the writer lock is held.
    pub(crate) fn life(&self) -> usize {
        self.queue.lock().former.len()
    }

    /// The version that writers work on, unless it is the visible one.
    pub(crate) fn working(&self) -> Option<&VersionLock<Version>> {
        self.working.as_ref()
    }

    /// The thread that calls wakers.
    pub(crate) fn waker_caller(&self) -> &WakerCaller {
        &self.waker_caller
    }

    /// The newest revision that is durable.
    pub(crate) fn durable(&self) -> Revision {
        self.queue.lock().durable
    }

    /// The newest durable revision, and the number of changes that are not durable.
    pub(crate) fn progress(&self) -> (Revision, usize) {
        let queue = self.queue.lock();
        (queue.durable, queue.changes)
    }

    /// The bytes of the queued commits, without texts shared with the index.
    pub(crate) fn bytes(&self) -> usize {
        let queue = self.queue.lock();
        Commit::bytes_of(queue.commits.len(), queue.changes)
    }

    /// Whether there is room for a write, or why there will be none. If there is none yet, the committer is called.
    pub(crate) fn has_room(&self) -> Result<bool> {
        let room = self.room_in(&self.queue.lock());
        if room.is_none() {
            (self.call)(Call::Full);
        }
        room.map_or(Ok(false), |room| room.map(|()| true))
    }

    /// As [`has_room`](Self::has_room), with a promise to wake the task when there is room. `task` is the number under
    /// which it waits.
    pub(crate) fn poll_room(&self, task: &mut Option<u64>, context: &mut Context<'_>) -> Poll<Result<()>> {
        let room = self.poll_queue(|queue| self.room_in(queue), task, context);
        if room.is_pending() {
            (self.call)(Call::Full);
        }
        room
    }

    fn room_in(&self, queue: &Queue) -> Option<Result<()>> {
        match &queue.closed {
            Some(why) => Some(Err(why.clone())),
            None => (queue.changes <= self.room).then_some(Ok(())),
        }
    }

    /// Waits until there is room for a write, or returns the reason why there will be none.
    pub(crate) fn admit(&self) -> Result<()> {
        let mut queue = self.queue.lock();
        loop {
            if let Some(room) = self.room_in(&queue) {
                return room;
            }
            (self.call)(Call::Full);
            self.moved.wait(&mut queue);
        }
    }

    /// Returns the reason if no write is accepted any more. Does not wait.
    pub(crate) fn require_open(&self) -> Result<()> {
        self.queue.lock().closed.clone().map_or(Ok(()), Err)
    }

    /// Queues a commit, and calls `show`, which must be quick, to publish it to later writers.
    ///
    /// # Errors
    ///
    /// If the journal is closed. Nothing is queued or shown then.
    pub(crate) fn append<R>(&self, commit: Commit, show: impl FnOnce() -> R) -> Result<R> {
        let mut queue = self.queue.lock();
        // The committer of a remote log still plans the writes that were queued when the journal was closed.
        if let Some(why) = &queue.closed
            && (queue.ended || !self.is_remote)
        {
            return Err(why.clone());
        }
        let shown = show();
        queue.changes = queue.changes.saturating_add(commit.changes.len());
        queue.commits.push(commit);
        if queue.commits.len() == 1 {
            (self.call)(Call::Commits);
        }
        Ok(shown)
    }

    /// Takes the commits that are queued, perhaps none, with the version that they make.
    pub(crate) fn take(&self, visible: &VersionLock<Version>) -> Group {
        let mut queue = self.queue.lock();
        let commits = std::mem::take(&mut queue.commits);
        let version = self.working.as_ref().unwrap_or(visible).read(Version::clone);
        Group { version, commits }
    }

    /// Notes that everything up to a revision is durable and, if readers had to wait for that, visible. No caller gets
    /// an answer yet.
    pub(crate) fn mark_durable(&self, revision: Revision) {
        self.queue.lock().durable = revision;
    }

    /// Answers the writers of a durable group of `changes` changes, now that it is in the feed too.
    pub(crate) fn acknowledge(&self, revision: Revision, changes: usize) {
        let mut queue = self.queue.lock();
        queue.told = revision;
        queue.changes = queue.changes.saturating_sub(changes);
        self.moved(queue);
    }

    /// Accepts no further writes; queued ones can still become durable. The first reason stays.
    pub(crate) fn close(&self, why: Error) {
        let mut queue = self.queue.lock();
        queue.closed.get_or_insert(why);
        self.moved(queue);
    }

    /// Ends the journal: no write is accepted any more, and commits that are not durable fail. The first reason stays.
    pub(crate) fn end(&self, visible: &VersionLock<Version>, why: Error) {
        let mut queue = self.queue.lock();
        queue.closed.get_or_insert(why);
        queue.ended = true;
        let lost = self.forget_queued(&mut queue, visible);
        self.moved(queue);
        drop(lost);
    }

    /// Releases the lock and wakes all waiting threads and tasks.
    fn moved(&self, mut queue: MutexGuard<'_, Queue>) {
        let wake = queue.tasks.wake(&self.waker_caller);
        drop(queue);
        self.moved.notify_all();
        wake.now();
    }

    /// Waits until a revision is durable, or returns the reason why it will not be.
    pub(crate) fn wait_for(&self, awaited: Awaited) -> Result<()> {
        let mut queue = self.queue.lock();
        loop {
            match queue.reached(awaited) {
                Some(reached) => return reached,
                None if is_planted(Race::LostWakeUp) => {
                    drop(queue);
                    queue = self.queue.lock();
                    self.moved.wait(&mut queue);
                }
                None => self.moved.wait(&mut queue),
            }
        }
    }

    /// Whether a revision is durable; `None` while that is unknown.
    pub(crate) fn reached(&self, awaited: Awaited) -> Option<Result<()>> {
        self.queue.lock().reached(awaited)
    }

    /// As [`reached`](Self::reached), with a promise to wake the task. `task` is the number under which it waits.
    pub(crate) fn poll_reached(
        &self,
        awaited: Awaited,
        task: &mut Option<u64>,
        context: &mut Context<'_>,
    ) -> Poll<Result<()>> {
        self.poll_queue(|queue| queue.reached(awaited), task, context)
    }

    /// The result of `known` if it has one, or else a promise to wake the task when the queue changes.
    fn poll_queue(
        &self,
        known: impl Fn(&Queue) -> Option<Result<()>>,
        task: &mut Option<u64>,
        context: &mut Context<'_>,
    ) -> Poll<Result<()>> {
        // Wakers are the host's code: they are cloned, called and dropped without the lock.
        let waker = context.waker().clone();
        let mut queue = self.queue.lock();
        if let Some(known) = known(&queue) {
            return Poll::Ready(known);
        }
        let former = queue.tasks.put(task, waker);
        drop(queue);
        drop(former);
        Poll::Pending
    }

    /// Removes a waiting task.
    pub(crate) fn forget(&self, task: u64) {
        let former = self.queue.lock().tasks.remove(task);
        drop(former);
    }
}

impl Queue {
    fn reached(&self, Awaited { revision, life }: Awaited) -> Option<Result<()>> {
        if let Some(former) = self.former.get(life) {
            return Some(if revision <= former.durable { Ok(()) } else { Err(former.why.clone()) });
        }
        if self.told >= revision {
            return Some(Ok(()));
        }
        self.closed.clone().filter(|_| self.ended).map(Err)
    }
}
