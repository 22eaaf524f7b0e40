//! The lock of the visible version.

use crate::sync::{AtomicUsize, Ordering, RwLock, SPINS, YIELDS, spin_loop, thread};

/// A lock for reads and changes of a few microseconds.
///
/// Parking and waking a thread costs ten times more than what is done behind this lock, so both sides first spin, then
/// yield, then park. Writers step aside for readers that wait. No user code runs behind it, so it is never taken twice
/// by one thread.
#[derive(Debug)]
pub(crate) struct Gate<T> {
    value: RwLock<T>,
    /// Readers that found the lock taken.
    waiting: AtomicUsize,
}

impl<T> Gate<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: RwLock::new(value), waiting: AtomicUsize::new(0) }
    }

    /// Looks at the value.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        if let Some(value) = self.value.try_read() {
            return look(&value);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let value = patiently(|| self.value.try_read()).unwrap_or_else(|| self.value.read());
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        look(&value)
    }

    /// Changes the value.
    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        patiently(|| (self.waiting.load(Ordering::Relaxed) == 0).then_some(()));
        let mut value = patiently(|| self.value.try_write()).unwrap_or_else(|| self.value.write());
        change(&mut value)
    }
}

/// Tries again for a while.
fn patiently<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    for round in 0..SPINS + YIELDS {
        if let Some(success) = attempt() {
            return Some(success);
        }
        if round < SPINS { spin_loop() } else { thread::yield_now() }
    }
    None
}
