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

    use crate::index::sync::{Condvar, Mutex, MutexGuard, thread};
    use crate::index::wakers::call;

    /// Threads that are kept for the next wakers: one calls them, and one goes on where it does not come back. With one
    /// alone a thread would be started for each group of wakers.
    const SPARE: usize = 2;

    /// Threads that call wakers.
    ///
    /// W1: while a waker is queued, a thread is on its way to take it that is not inside of another waker. A thread that
    /// takes a waker while others are queued calls the next thread for those, or starts one if none is ready. So a waker
    /// that blocks holds up no other.
    ///
    /// A thread that comes back ends if [`SPARE`] threads are ready: there are at most so many more threads than wakers
    /// that block.
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
            self.call_thread(inner);
        }

        /// Calls a thread that is ready, or starts one, and releases the lock.
        fn call_thread(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner>) {
            let is_one_ready = inner.ready > 0;
            if !is_one_ready {
                inner.ready = 1;
            }
            drop(inner);
            if is_one_ready {
                self.arrived.notify_one();
            } else {
                self.start();
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
                match inner.queue.pop_front() {
                    Some(waker) => {
                        inner.ready -= 1;
                        if inner.queue.is_empty() {
                            drop(inner);
                        } else {
                            self.call_thread(inner);
                        }
                        call(waker);
                        inner = self.inner.lock();
                        if inner.ready >= SPARE && inner.queue.is_empty() {
                            return;
                        }
                        inner.ready += 1;
                    }
                    None if inner.closed => {
                        inner.ready -= 1;
                        return;
                    }
                    None => self.arrived.wait(&mut inner),
                }
            }
        }
    }
}
