//! Instances that are asked for by tasks, and the threads that load them.

use std::any::Any;
use std::collections::BTreeMap;
use std::mem;
use std::panic::{AssertUnwindSafe, RefUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use crate::index::label_index::LabelIndex;
use crate::index::promise::Promise;
use crate::index::sync::{Mutex, MutexGuard, parallelism, thread};
use crate::index::wakers::WakerCaller;
use crate::model::error::{Error, Result};
use crate::store::instance_source::{InstanceSource, Request};
use crate::store::threads;

/// The least and the most threads outside of the host's code; between them as many as the machine runs at the same time. With
/// one alone a thread would be started for each call of the host's code beside which a load is queued.
const THREADS: (usize, usize) = (2, 4);

/// The most threads, with those inside of the host's code.
const MOST: usize = 32;

/// The loads of one store that tasks have asked for.
///
/// Requests for an instance that come while it is loaded share the load. A thread is started for a request while there are fewer than
/// `limit`, and ends when nothing is queued. A thread inside of the host's function for limits does not count: before it calls
/// that, it starts another one if loads are queued and no other thread is there to take them. So a function that blocks holds
/// up nobody else, up to [`MOST`] calls of it.
///
/// The lock of a promise is taken behind that of the queue, and no other lock is.
pub(super) struct LoadQueue {
    /// The most threads outside of the host's code.
    limit: usize,
    waker_caller: WakerCaller,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Loads that no thread has begun, in the order of the requests.
    queued: BTreeMap<u64, Arc<Load>>,
    /// Those, and the ones that threads carry out.
    open: BTreeMap<Key, Open>,
    /// The number of the next load.
    next: u64,
    threads: Vec<(thread::ThreadId, thread::JoinHandle<()>)>,
    /// Those of `threads` that are inside of the host's code.
    in_host: Vec<thread::ThreadId>,
    /// The store is closed: nothing is loaded any more.
    closed: bool,
}

/// What is loaded: an instance by its name, and whether it is made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    name: String,
    makes: bool,
}

struct Open {
    load: Arc<Load>,
    /// Requests that wait for it.
    waiting: usize,
}

struct Load {
    number: u64,
    key: Key,
    asked: Instant,
    end: Promise<Ended>,
}

/// How a load ended, and how many requests have not taken that yet. The last one takes it out, so that only requests keep
/// the instance loaded.
struct Ended {
    outcome: Outcome,
    waiting: usize,
}

/// How a load ended.
pub(super) enum Outcome {
    Answered(Result<LabelIndex>),
    /// The host's function for limits panicked, with this.
    Panicked(Box<dyn Any + Send>),
}

/// A request that waits for a load.
pub(super) struct Waiting {
    queue: Arc<LoadQueue>,
    load: Arc<Load>,
    task: Option<u64>,
    has_taken: bool,
}

/// No code of a host runs while something is half changed.
impl RefUnwindSafe for LoadQueue {}

impl RefUnwindSafe for Load {}

/// The queue of an open store. Dropping it ends what is queued with [`Error::StoreClosed`], and waits for what is being loaded.
pub(super) struct OpenLoadQueue(Arc<LoadQueue>);

impl OpenLoadQueue {
    pub(super) fn new(waker_caller: WakerCaller) -> Self {
        let limit = parallelism().clamp(THREADS.0, THREADS.1);
        Self(Arc::new(LoadQueue { limit, waker_caller, inner: Mutex::default() }))
    }

    /// Loads an instance on a thread of the store, for all requests that come meanwhile.
    pub(super) fn ask(&self, source: &Arc<dyn InstanceSource>, request: Request<'_>) -> Waiting {
        let (queue, load) = (Arc::clone(&self.0), self.0.ask(source, request));
        Waiting { queue, load, task: None, has_taken: false }
    }
}

impl Drop for OpenLoadQueue {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl LoadQueue {
    fn ask(self: &Arc<Self>, source: &Arc<dyn InstanceSource>, request: Request<'_>) -> Arc<Load> {
        let key = Key { name: request.name.to_owned(), makes: request.makes };
        let mut inner = self.inner.lock();
        if let Some(open) = inner.open.get_mut(&key) {
            open.waiting += 1;
            return Arc::clone(&open.load);
        }
        let (number, asked) = (inner.next, request.asked.unwrap_or_else(Instant::now));
        let load = Arc::new(Load { number, key, asked, end: Promise::new(&self.waker_caller) });
        inner.next += 1;
        inner.queued.insert(number, Arc::clone(&load));
        inner.open.insert(load.key.clone(), Open { load: Arc::clone(&load), waiting: 1 });
        if inner.active() < self.limit {
            self.start(inner, source);
        }
        load
    }

    /// Starts a thread, unless there are too many, and releases the lock.
    fn start(self: &Arc<Self>, mut inner: MutexGuard<'_, Inner>, source: &Arc<dyn InstanceSource>) {
        if inner.threads.len() >= MOST {
            return;
        }
        let (queue, own) = (Arc::clone(self), Arc::clone(source));
        // Behind the lock, so that the thread is in the list before it looks at it.
        match threads::start("label-index loads", move || queue.run(&own)) {
            Ok(thread) => inner.threads.push((thread.thread().id(), thread)),
            Err(cause) => self.without_a_thread(inner, &source.no_thread(&cause)),
        }
    }

    /// A thread could not be started. Ends what is queued if there is no other thread to take it.
    fn without_a_thread(&self, mut inner: MutexGuard<'_, Inner>, error: &Error) {
        if inner.threads.is_empty() {
            let given_up = mem::take(&mut inner.queued);
            drop(inner);
            given_up.values().for_each(|load| self.end(load, Outcome::Answered(Err(error.clone()))));
        }
    }

    fn run(self: &Arc<Self>, source: &Arc<dyn InstanceSource>) {
        while let Some(load) = self.next() {
            let loaded = catch_unwind(AssertUnwindSafe(|| self.load(&load, source)));
            self.end(&load, loaded.map_or_else(Outcome::Panicked, Outcome::Answered));
        }
    }

    /// The next load for this thread. If there is none the thread ends.
    fn next(&self) -> Option<Arc<Load>> {
        let mut inner = self.inner.lock();
        let next = if inner.active() > self.limit { None } else { inner.queued.pop_first() };
        if let Some((_, load)) = next {
            return Some(load);
        }
        let own = thread::current().id();
        let position = inner.threads.iter().position(|(thread, _)| *thread == own);
        let ends = position.map(|position| inner.threads.swap_remove(position));
        drop(inner);
        drop(ends);
        None
    }

    fn load(self: &Arc<Self>, load: &Load, source: &Arc<dyn InstanceSource>) -> Result<LabelIndex> {
        let Key { name, makes } = &load.key;
        let request = Request { name, makes: *makes, asked: Some(load.asked) };
        source.load(request, &|name| {
            let limits = source.limits();
            if limits.is_by_name() { self.in_host(source, || limits.of(name)) } else { Ok(limits.of(name)) }
        })
    }

    /// Calls code of the host. The store may be closed meanwhile, which does not wait for it.
    ///
    /// # Errors
    ///
    /// [`Error::StoreClosed`]. Nothing of the store is to be touched then.
    fn in_host<T>(self: &Arc<Self>, source: &Arc<dyn InstanceSource>, call: impl FnOnce() -> T) -> Result<T> {
        let own = thread::current().id();
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(Error::StoreClosed);
        }
        inner.in_host.push(own);
        if inner.active() == 0 && !inner.queued.is_empty() {
            self.start(inner, source);
        } else {
            drop(inner);
        }
        let called = catch_unwind(AssertUnwindSafe(call));
        let mut inner = self.inner.lock();
        inner.in_host.retain(|thread| *thread != own);
        let closed = inner.closed;
        drop(inner);
        match called {
            Err(panic) => resume_unwind(panic),
            Ok(_) if closed => Err(Error::StoreClosed),
            Ok(given) => Ok(given),
        }
    }

    /// Ends a load for all requests that wait for it. A later request begins another load.
    fn end(&self, load: &Arc<Load>, outcome: Outcome) {
        let mut inner = self.inner.lock();
        let open = inner.open.remove(&load.key);
        let waiting = open.as_ref().map_or(0, |open| open.waiting);
        if waiting == 0 {
            drop(inner);
            outcome.discard();
            return;
        }
        let wake = load.end.give(Ended { outcome, waiting });
        drop(inner);
        wake.now();
    }

    /// Ends what is queued, and waits for what is being loaded; not for code of the host.
    fn close(&self) {
        let mut inner = self.inner.lock();
        inner.closed = true;
        let given_up = mem::take(&mut inner.queued);
        let Inner { threads, in_host, .. } = &mut *inner;
        let (stay, others): (Vec<_>, Vec<_>) =
            mem::take(threads).into_iter().partition(|(thread, _)| in_host.contains(thread));
        *threads = stay;
        drop(inner);
        given_up.values().for_each(|load| self.end(load, Outcome::Answered(Err(Error::StoreClosed))));
        threads::join_all(others.into_iter().map(|(_, thread)| thread));
    }

    /// A request was dropped. A queued load without requests is removed.
    fn leave(&self, load: &Load) {
        let mut inner = self.inner.lock();
        let Inner { open, queued, .. } = &mut *inner;
        if let Some(own) = open.get_mut(&load.key).filter(|own| own.load.number == load.number) {
            own.waiting -= 1;
            if own.waiting == 0 && queued.remove(&load.number).is_some() {
                open.remove(&load.key);
            }
            return;
        }
        drop(inner);
        if let Some(Some(outcome)) = load.end.read(Ended::leave) {
            outcome.discard();
        }
    }
}

impl Inner {
    /// The threads outside of the host's code.
    fn active(&self) -> usize {
        self.threads.len() - self.in_host.len()
    }
}

impl Ended {
    /// Removes one request. Returns the outcome if it was the last one.
    fn leave(&mut self) -> Option<Outcome> {
        self.waiting -= 1;
        // A placeholder that no request reads.
        let nothing = Outcome::Answered(Err(Error::StoreClosed));
        (self.waiting == 0).then(|| mem::replace(&mut self.outcome, nothing))
    }

    fn take(&mut self) -> Outcome {
        let shared = self.outcome.share();
        self.leave().unwrap_or(shared)
    }
}

impl Outcome {
    /// A copy for another request. Only the last request gets the payload of a panic; copies have its text.
    fn share(&self) -> Self {
        match self {
            Self::Answered(answer) => Self::Answered(answer.clone()),
            Self::Panicked(panic) => Self::Panicked(Box::new(text_of(&**panic))),
        }
    }

    /// Drops it without running code of the host.
    fn discard(self) {
        if let Self::Panicked(panic) = self {
            // The destructor of what the host panicked with is the host's code as well.
            mem::forget(panic);
        }
    }
}

/// The text of a panic.
pub(super) fn text_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a text").to_owned()
}

impl Waiting {
    pub(super) fn is_ended(&self) -> bool {
        self.load.end.is_given()
    }

    /// Waits for the end of the load.
    pub(super) fn wait(mut self) -> Outcome {
        self.has_taken = true;
        self.load.end.wait(Ended::take)
    }

    /// The end of the load. Not to be polled again.
    pub(super) fn poll(&mut self, context: &Context<'_>) -> Poll<Outcome> {
        let ended = self.load.end.poll(&mut self.task, context, Ended::take);
        self.has_taken = ended.is_ready();
        ended
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.has_taken {
            return;
        }
        if let Some(task) = self.task {
            self.load.end.forget(task);
        }
        self.queue.leave(&self.load);
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use super::{LoadQueue, Outcome, Waiting};
    use crate::index::label_index::LabelIndex;
    use crate::index::sync::Mutex;
    use crate::index::wakers::WakerCaller;
    use crate::model::error::{Error, Result};
    use crate::store::instance_source::{InstanceSource, LimitsOf, Request};
    use crate::store::options::InstanceLimits;

    /// A source of indexes in memory.
    #[derive(Default)]
    struct Memory(InstanceLimits);

    impl InstanceSource for Memory {
        fn known(&self, _: Request<'_>) -> Result<Option<LabelIndex>> {
            Ok(None)
        }

        fn limits(&self) -> &InstanceLimits {
            &self.0
        }

        fn load(&self, request: Request<'_>, limits_of: LimitsOf<'_>) -> Result<LabelIndex> {
            limits_of(request.name).map(|_| LabelIndex::new())
        }

        fn no_thread(&self, cause: &io::Error) -> Error {
            Error::Stream { cause: cause.to_string() }
        }
    }

    #[test]
    fn without_a_thread_requests_are_told_and_the_next_one_tries_again() {
        let source: Arc<dyn InstanceSource> = Arc::new(Memory::default());
        let ask = |queue: &Arc<LoadQueue>, name| {
            let load = queue.ask(&source, Request::now(name, true));
            Waiting { queue: Arc::clone(queue), load, task: None, has_taken: false }
        };
        // With a limit of none no thread is started.
        let queue = Arc::new(LoadQueue { limit: 0, waker_caller: WakerCaller::default(), inner: Mutex::default() });
        let waiting = ["a", "a", "b"].map(|name| ask(&queue, name));
        let error = source.no_thread(&io::ErrorKind::OutOfMemory.into());
        queue.without_a_thread(queue.inner.lock(), &error);
        for one in waiting {
            assert!(one.is_ended());
            assert!(matches!(one.wait(), Outcome::Answered(Err(told)) if told == error));
        }
        let inner = queue.inner.lock();
        assert!(inner.queued.is_empty() && inner.open.is_empty());
        drop(inner);

        let again = ask(&queue, "a");
        assert!(!again.is_ended(), "nobody remembers the error");
        queue.close();
        assert!(matches!(again.wait(), Outcome::Answered(Err(Error::StoreClosed))));
    }
}
