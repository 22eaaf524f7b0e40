//! A value that comes later, for which tasks and threads wait.

use std::panic::RefUnwindSafe;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::index::sync::{Condvar, Mutex};
use crate::index::wakers::{WaitingTasks, Wake, WakerCaller};

/// A value that is given once, for which tasks and threads wait.
pub(crate) struct Promise<T> {
    waker_caller: WakerCaller,
    inner: Mutex<Inner<T>>,
    given: Condvar,
}

struct Inner<T> {
    value: Option<T>,
    /// Tasks that wait for it.
    tasks: WaitingTasks,
}

/// As the whole index: no code of a host runs while something is half changed.
impl<T> RefUnwindSafe for Promise<T> {}

impl<T> Promise<T> {
    pub(crate) fn new(waker_caller: &WakerCaller) -> Self {
        let inner = Mutex::new(Inner { value: None, tasks: WaitingTasks::default() });
        Self { waker_caller: waker_caller.clone(), inner, given: Condvar::default() }
    }

    /// Gives the value, unless there is one. Returns the wakers of those who wait, to be called without a lock.
    pub(crate) fn give(&self, value: T) -> Wake {
        let mut inner = self.inner.lock();
        if inner.value.is_some() {
            drop(inner);
            return Wake::default();
        }
        inner.value = Some(value);
        let wake = inner.tasks.wake(&self.waker_caller);
        drop(inner);
        self.given.notify_all();
        wake
    }

    /// Reads the value behind the lock, if it was given.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.inner.lock().value.as_mut().map(read)
    }

    pub(crate) fn is_given(&self) -> bool {
        self.read(|_| ()).is_some()
    }

    /// Waits for the value, and reads it behind the lock.
    pub(crate) fn wait<R>(&self, read: impl FnOnce(&mut T) -> R) -> R {
        let mut inner = self.inner.lock();
        loop {
            if let Some(value) = &mut inner.value {
                return read(value);
            }
            self.given.wait(&mut inner);
        }
    }

    /// As [`wait`](Self::wait), for at most this time.
    pub(crate) fn wait_timeout<R>(&self, timeout: Duration, read: impl FnOnce(&mut T) -> R) -> Option<R> {
        let Some(deadline) = Instant::now().checked_add(timeout) else { return Some(self.wait(read)) };
        let mut inner = self.inner.lock();
        while inner.value.is_none() {
            if self.given.wait_until(&mut inner, deadline).timed_out() {
                break;
            }
        }
        inner.value.as_mut().map(read)
    }

    /// Reads the value behind the lock, or keeps the waker of a task, which gets a number if it has none. The waker is called on
    /// a thread of its own, when every lock is released.
    pub(crate) fn poll<R>(
        &self,
        task: &mut Option<u64>,
        context: &Context<'_>,
        read: impl FnOnce(&mut T) -> R,
    ) -> Poll<R> {
        // A waker is code of the host, so it is cloned, called and dropped outside of the lock.
        let waker = context.waker().clone();
        let mut inner = self.inner.lock();
        if let Some(value) = &mut inner.value {
            let read = read(value);
            drop(inner);
            return Poll::Ready(read);
        }
        let former = inner.tasks.put(task, waker);
        drop(inner);
        drop(former);
        Poll::Pending
    }

    /// Forgets a task that does not wait any more.
    pub(crate) fn forget(&self, task: u64) {
        let waker = self.inner.lock().tasks.remove(task);
        drop(waker);
    }
}
