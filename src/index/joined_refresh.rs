//! Waiting for a refresh that another caller has begun.

use std::fmt;
use std::future::Future;
use std::panic::RefUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::index::promise::Promise;
use crate::index::sync::Mutex;
use crate::index::wakers::{Wake, WakerCaller};
use crate::model::failed_refresh::FailedRefresh;
use crate::model::op::{Committed, Refreshed};

/// How a refresh ended.
pub(crate) type RefreshEnd = Result<Committed<Refreshed>, FailedRefresh>;

/// The end of one refresh, which its ticket sets, and for which others wait.
pub(crate) struct Ending {
    /// The number of the ticket.
    number: u64,
    /// The end that the holder of the ticket has set, and that takes effect when the ticket is dropped. `None` if the
    /// refresh is given up.
    noted: Mutex<Option<RefreshEnd>>,
    end: Promise<RefreshEnd>,
}

/// As the whole index: no code of a host runs while something is half changed.
impl RefUnwindSafe for Ending {}

impl Ending {
    pub(crate) fn new(number: u64, waker_caller: &WakerCaller) -> Arc<Self> {
        Arc::new(Self { number, noted: Mutex::default(), end: Promise::new(waker_caller) })
    }

    /// The number of the ticket.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Notes how the refresh ends when its ticket is dropped.
    pub(crate) fn note(&self, end: RefreshEnd) {
        let former = self.noted.lock().replace(end);
        drop(former);
    }

    /// The ticket was dropped: ends the refresh as noted, unless it has ended. Returns the wakers of waiting tasks, to
    /// be called without a lock.
    pub(crate) fn end(&self) -> Wake {
        let noted = self.noted.lock().take();
        self.end.give(noted.unwrap_or(Err(FailedRefresh::GivenUp)))
    }

    /// The ticket was cancelled. Gives wakers as [`end`](Self::end) does.
    pub(crate) fn cancel(&self) -> Wake {
        self.end.give(Err(FailedRefresh::Cancelled))
    }
}

/// Shows nothing of the end, since formatting the holder's error is code of the host.
impl fmt::Debug for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ending").finish_non_exhaustive()
    }
}

/// A refresh that another caller has begun: waits for its outcome. From
/// [`LabelIndex::begin_or_join_refresh`](crate::LabelIndex::begin_or_join_refresh) or
/// [`RefreshTicket::joined`](crate::RefreshTicket::joined).
///
/// It is a future that needs no runtime, and can be [waited](Self::wait) for as well; clones wait for the same. It gives what the
/// commit gave, once that is as durable as it is for the holder of the ticket, or a [`FailedRefresh`]. Its end comes with that of
/// the ticket: also when that is dropped, by a panic too, or cancelled. A ticket that hangs for ever is cancelled by
/// [`cancel_refresh`](crate::LabelIndex::cancel_refresh).
///
/// It keeps no instance loaded, and dropping it takes nothing from the others.
#[must_use = "it has the outcome of the refresh"]
pub struct JoinedRefresh {
    ending: Arc<Ending>,
    /// The number of the task that awaits this.
    task: Option<u64>,
}

impl JoinedRefresh {
    pub(crate) fn new(ending: &Arc<Ending>) -> Self {
        Self { ending: Arc::clone(ending), task: None }
    }

    /// Whether [`wait`](Self::wait) would return at once.
    pub fn is_ended(&self) -> bool {
        self.ending.end.is_given()
    }

    /// Waits for the outcome. The holder of the ticket has to end it on another thread.
    ///
    /// # Errors
    ///
    /// [`FailedRefresh`] says why the refresh ended without a commit.
    pub fn wait(&self) -> Result<Committed<Refreshed>, FailedRefresh> {
        self.ending.end.wait(|end| end.clone())
    }

    /// Waits for the outcome for at most `timeout`. `None` if the refresh goes on.
    pub fn wait_timeout(&self, timeout: Duration) -> Option<Result<Committed<Refreshed>, FailedRefresh>> {
        self.ending.end.wait_timeout(timeout, |end| end.clone())
    }
}

/// Gives what [`JoinedRefresh::wait`] gives. The waker is called on a thread of its own, when every lock is released.
impl Future for JoinedRefresh {
    type Output = Result<Committed<Refreshed>, FailedRefresh>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { ending, task } = self.get_mut();
        ending.end.poll(task, context, |end| end.clone())
    }
}

impl Clone for JoinedRefresh {
    fn clone(&self) -> Self {
        Self::new(&self.ending)
    }
}

impl Drop for JoinedRefresh {
    fn drop(&mut self) {
        if let Some(task) = self.task {
            self.ending.end.forget(task);
        }
    }
}

impl fmt::Debug for JoinedRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinedRefresh").field("is_ended", &self.is_ended()).finish_non_exhaustive()
    }
}
