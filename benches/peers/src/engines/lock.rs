//! Locks around engines that have none.

use parking_lot::{Mutex, RwLock};

use crate::engine::{Engine, Read, Shared};

/// An engine whose reads may run at the same time.
pub(super) struct ManyReaders<E>(pub(super) RwLock<E>);

impl<E: Engine + Sync> Shared for ManyReaders<E> {
    fn read(&self, read: &Read<'_>) {
        read.run(&*self.0.read());
    }

    fn link(&self, label: &str, chat: &str) -> bool {
        self.0.write().link(label, chat)
    }

    fn unlink(&self, label: &str, chat: &str) -> bool {
        self.0.write().unlink(label, chat)
    }
}

/// An engine that serves one thread at a time.
pub(super) struct OneUser<E>(pub(super) Mutex<E>);

impl<E: Engine> Shared for OneUser<E> {
    fn read(&self, read: &Read<'_>) {
        read.run(&*self.0.lock());
    }

    fn link(&self, label: &str, chat: &str) -> bool {
        self.0.lock().link(label, chat)
    }

    fn unlink(&self, label: &str, chat: &str) -> bool {
        self.0.lock().unlink(label, chat)
    }
}
