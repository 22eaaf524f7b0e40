//! Calling the wakers of tasks that wait.
//!
//! A waker is code of the host: it may panic, block for ever, call back into the index or the store, or drop the last handle
//! of either. So it is never called, and never dropped, while a lock is held, nor on a thread that anybody else waits for.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(feature = "store")]
use std::sync::Arc;
use std::task::Waker;

#[cfg(feature = "store")]
pub(crate) use threads::WakerThreads;

/// Where the wakers of an index are called.
#[derive(Debug, Clone, Default)]
pub(crate) enum WakerCaller {
    /// On the thread that made the change, after it released every lock: an index in memory, which has no threads. If a
    /// waker blocks, that call returns later; nobody else waits for it.
    #[default]
    Here,
    /// On threads of the store that do nothing else.
    #[cfg(feature = "store")]
    Threads(Arc<WakerThreads>),
}

/// Wakers that are to be called.
#[derive(Default)]
#[must_use = "a task that is not woken may sleep for ever"]
pub(crate) struct Wake {
    wakers: Vec<Waker>,
    caller: WakerCaller,
}

impl Wake {
    pub(crate) fn new(wakers: impl IntoIterator<Item = Waker>, caller: &WakerCaller) -> Self {
        Self { wakers: wakers.into_iter().collect(), caller: caller.clone() }
    }

    /// Calls the wakers, or hands them to the threads that do. Without such threads no lock may be held.
    pub(crate) fn now(self) {
        match self.caller {
            WakerCaller::Here => self.wakers.into_iter().for_each(call),
            #[cfg(feature = "store")]
            WakerCaller::Threads(threads) => threads.call(self.wakers),
        }
    }
}

/// Calls a waker. A panic in it ends here, so that the wakers after it are called too; the panic hook has reported it.
fn call(waker: Waker) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        // The destructor of what the host panicked with is the host's code as well.
        mem::forget(panic);
    }
}

#[cfg(feature = "store")]
mod threads {
    use std::collections::VecDeque;
    use std::sync::Arc;
    use std::task::Waker;

    use crate::index::sync::{Condvar, Mutex, thread};
    use crate::index::wakers::call;

    /// Threads that call wakers.
    ///
    /// There is one that waits for wakers. When it takes one while others are queued, a second thread is started for
    /// those: so a waker that blocks holds up no other. A thread that comes back ends if another one waits already; with
    /// wakers that return there are one or two, and at most one more than wakers that block.
    #[derive(Debug, Default)]
    pub(crate) struct WakerThreads {
        inner: Mutex<Inner>,
        arrived: Condvar,
    }

    #[derive(Debug, Default)]
    struct Inner {
        queue: VecDeque<Waker>,
        /// Threads that wait for a waker or are on their way to take one.
        ready: usize,
        /// The store is closed: a thread ends when the queue is empty.
        closed: bool,
    }

    impl WakerThreads {
        /// Queues wakers. Takes no lock besides its own, and runs no code of the host.
        pub(crate) fn call(self: &Arc<Self>, wakers: Vec<Waker>) {
            if wakers.is_empty() {
                return;
            }
            let mut inner = self.inner.lock();
            inner.queue.extend(wakers);
            let start = inner.ready == 0;
            inner.ready += usize::from(start);
            drop(inner);
            if start {
                self.start();
            } else {
                self.arrived.notify_all();
            }
        }

        /// Lets the threads end once every queued waker is called. Does not wait for them.
        pub(crate) fn close(&self) {
            self.inner.lock().closed = true;
            self.arrived.notify_all();
        }

        /// Starts a thread that is counted as ready. If the system has none to give, the next call tries again.
        fn start(self: &Arc<Self>) {
            let threads = Arc::clone(self);
            let started = thread::Builder::new().name("label-index wakers".into()).spawn(move || threads.run());
            if started.is_err() {
                self.inner.lock().ready -= 1;
            }
        }

        fn run(self: Arc<Self>) {
            let mut inner = self.inner.lock();
            loop {
                let Some(waker) = inner.queue.pop_front() else {
                    if inner.closed {
                        inner.ready -= 1;
                        return;
                    }
                    self.arrived.wait(&mut inner);
                    continue;
                };
                inner.ready -= 1;
                let start = inner.ready == 0 && !inner.queue.is_empty();
                inner.ready += usize::from(start);
                drop(inner);
                if start {
                    self.start();
                }
                call(waker);
                inner = self.inner.lock();
                if inner.ready > 0 && inner.queue.is_empty() {
                    return;
                }
                inner.ready += 1;
            }
        }
    }
}
