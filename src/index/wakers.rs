//! Calling the wakers of tasks that wait.
//!
//! A waker is code of the host: it may panic, block for ever, call back into the index or the store, or drop the last handle
//! of either. So it is never called, and never dropped, while a lock is held, nor on a thread that anybody else waits for.

use std::collections::VecDeque;
use std::mem;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

use hashbrown::HashMap;

use crate::index::sync::{Condvar, Mutex, MutexGuard, thread};

/// Where the wakers of an index are called.
#[derive(Debug, Clone)]
pub(crate) enum WakerCaller {
    /// On threads that do nothing else: those of the store, or for indexes in memory those of the process.
    Threads(Arc<WakerThreads>),
    /// On the thread that made the change, after it released every lock: for tests that count calls.
    #[cfg(test)]
    Here,
}

/// Indexes in memory share the threads of the process, which are started for the first waker.
impl Default for WakerCaller {
    fn default() -> Self {
        Self::Threads(of_the_process())
    }
}

#[cfg(not(label_index_shuttle))]
fn of_the_process() -> Arc<WakerThreads> {
    static THREADS: std::sync::LazyLock<Arc<WakerThreads>> = std::sync::LazyLock::new(|| {
        Arc::new(WakerThreads { spare: SPARE, last_resort: true, ..WakerThreads::default() })
    });
    Arc::clone(&THREADS)
}

/// A schedule is over when every thread has ended, so none waits for the next waker.
#[cfg(label_index_shuttle)]
fn of_the_process() -> Arc<WakerThreads> {
    Arc::new(WakerThreads { spare: 0, ..WakerThreads::default() })
}

/// The wakers of tasks that wait for one thing, each under a number of its task. Kept behind a lock, so it gives wakers back
/// for the caller to drop or call without it.
#[derive(Debug, Default)]
pub(crate) struct WaitingTasks {
    wakers: HashMap<u64, Waker>,
    given: u64,
}

impl WaitingTasks {
    /// Keeps the waker of a task, which gets a number if it has none. Returns its former waker.
    #[must_use = "it is to be dropped without the lock"]
    pub(crate) fn put(&mut self, task: &mut Option<u64>, waker: Waker) -> Option<Waker> {
        let number = *task.get_or_insert_with(|| {
            self.given += 1;
            self.given
        });
        self.wakers.insert(number, waker)
    }

    /// Removes a task that does not wait any more.
    #[must_use = "it is to be dropped without the lock"]
    pub(crate) fn remove(&mut self, task: u64) -> Option<Waker> {
        self.wakers.remove(&task)
    }

    /// Takes all wakers, to be called without the lock.
    pub(crate) fn wake(&mut self, caller: &WakerCaller) -> Wake {
        Wake::new(self.wakers.drain().map(|(_, waker)| waker), caller)
    }
}

/// Wakers that are to be called.
#[derive(Default)]
#[must_use = "a task that is not woken may sleep for ever"]
pub(crate) struct Wake {
    wakers: Vec<Waker>,
    /// None if there are no wakers, as mostly: nothing is counted then.
    caller: Option<WakerCaller>,
}

impl Wake {
    pub(crate) fn new(wakers: impl IntoIterator<Item = Waker>, caller: &WakerCaller) -> Self {
        let wakers: Vec<Waker> = wakers.into_iter().collect();
        let caller = (!wakers.is_empty()).then(|| caller.clone());
        Self { wakers, caller }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.wakers.is_empty()
    }

    /// Hands the wakers to the threads that call them.
    pub(crate) fn now(self) {
        match self.caller {
            None => {}
            Some(WakerCaller::Threads(threads)) => threads.call(self.wakers),
            #[cfg(test)]
            Some(WakerCaller::Here) => self.wakers.into_iter().for_each(call),
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

/// Threads that are kept for the next wakers: one calls them, and one goes on where it does not come back. With one alone a
/// thread would be started for each group of wakers, and with two for every third group of 32.
const SPARE: usize = 4;

/// Threads that call wakers.
///
/// While a waker is queued, a thread is on its way to take it that is not inside of another waker. A thread that takes a
/// waker while others are queued calls the next thread for those, or starts one if none is ready, unless one that was called
/// before has not come yet. So a waker that blocks holds up no other, and where none blocks, the first thread has mostly
/// called all of a group before the second one comes: to call a thread costs more than a waker does.
///
/// A thread that comes back, or finds nothing to do, ends if `spare` others are ready: there are at most so many more threads
/// than wakers that block.
#[derive(Debug)]
pub(crate) struct WakerThreads {
    /// How many threads are kept for the next wakers.
    spare: usize,
    /// If the system has no thread to give, the caller calls the wakers itself: it holds no lock. Otherwise the next call
    /// tries again.
    last_resort: bool,
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Waker>,
    /// Threads that wait for a waker or are on their way to take one.
    ready: usize,
    /// One of those was called or started, and has not come yet.
    is_coming: bool,
    /// The store is closed: a thread ends when the queue is empty.
    closed: bool,
}

/// No code of a host runs while something is half changed.
impl RefUnwindSafe for WakerThreads {}

/// The threads of a store.
impl Default for WakerThreads {
    fn default() -> Self {
        Self { spare: SPARE, last_resort: false, inner: Mutex::default(), arrived: Condvar::default() }
    }
}

impl WakerThreads {
    /// Queues wakers. Takes no lock besides its own, and runs no code of the host, but as a last resort.
    fn call(self: &Arc<Self>, wakers: Vec<Waker>) {
        let mut inner = self.inner.lock();
        inner.queue.extend(wakers);
        self.call_thread(inner);
    }

    /// Calls a thread that is ready, or starts one, unless one is coming, and releases the lock.
    fn call_thread(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner>) {
        if inner.is_coming {
            return;
        }
        inner.is_coming = true;
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
    #[cfg(feature = "store")]
    pub(crate) fn close(&self) {
        self.inner.lock().closed = true;
        self.arrived.notify_all();
    }

    /// Starts a thread that is counted as ready.
    fn start(self: &Arc<Self>) {
        let threads = Arc::clone(self);
        let started = thread::Builder::new().name("label-index wakers".into()).spawn(move || threads.run());
        if started.is_err() {
            self.without_a_thread();
        }
    }

    /// The thread that was counted as ready could not be started.
    fn without_a_thread(&self) {
        let mut inner = self.inner.lock();
        inner.ready -= 1;
        inner.is_coming = false;
        if self.last_resort {
            let wakers = mem::take(&mut inner.queue);
            drop(inner);
            wakers.into_iter().for_each(call);
        }
    }

    fn run(self: Arc<Self>) {
        let mut inner = self.inner.lock();
        inner.is_coming = false;
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
                    if inner.ready >= self.spare && inner.queue.is_empty() {
                        return;
                    }
                    inner.ready += 1;
                }
                None if inner.closed || inner.ready > self.spare => {
                    inner.ready -= 1;
                    return;
                }
                None => {
                    self.arrived.wait(&mut inner);
                    inner.is_coming = false;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Wake, Waker};

    use super::WakerThreads;

    #[derive(Default)]
    struct Bell(AtomicUsize);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    #[test]
    fn without_a_thread_the_wakers_are_called_here_or_with_the_next() {
        for last_resort in [true, false] {
            let threads = Arc::new(WakerThreads { last_resort, ..WakerThreads::default() });
            let bell = Arc::new(Bell::default());
            let mut inner = threads.inner.lock();
            inner.queue.extend([Waker::from(Arc::clone(&bell)), Waker::from(Arc::clone(&bell))]);
            (inner.ready, inner.is_coming) = (1, true);
            drop(inner);
            threads.without_a_thread();
            let inner = threads.inner.lock();
            let expected = if last_resort { (2, 0) } else { (0, 2) };
            assert_eq!((bell.0.load(Ordering::SeqCst), inner.queue.len()), expected);
            assert_eq!((inner.ready, inner.is_coming), (0, false), "the next call starts a thread");
        }
    }
}
