//! The end of the threads of a store.

use crate::index::sync::thread;

/// Waits for threads, except for the one that calls this: a subscriber of `tracing` that is called there may drop the last handle
/// of the store.
pub(super) fn join_all(threads: impl Iterator<Item = thread::JoinHandle<()>>) {
    let own = thread::current().id();
    for thread in threads.filter(|thread| thread.thread().id() != own) {
        // A panic of a thread is a bug of this crate; closing goes on.
        let _ended = thread.join();
    }
}
