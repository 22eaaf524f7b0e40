//! The beginning and the end of the threads of a store.

use std::io;

use crate::index::sync::thread;

/// The bytes of stack of each thread of a store. The database recurses for each level of a tree, up to 128 levels in a
/// damaged file.
const STACK: usize = 8 << 20;

/// Starts a thread of a store.
pub(super) fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(name.into()).stack_size(STACK).spawn(run)
}

/// Waits for threads, except for the one that calls this: a subscriber of `tracing` that is called there may drop the last handle
/// of the store.
pub(super) fn join_all(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    let own = thread::current().id();
    for thread in threads.into_iter().filter(|thread| thread.thread().id() != own) {
        // A panic of a thread is a bug of this crate; closing goes on.
        let _ended = thread.join();
    }
}
