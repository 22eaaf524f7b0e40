//! The lock of the visible version.

use crate::index::sync::{AtomicBool, AtomicUsize, Ordering, RwLock, SPINS, YIELDS, spin_loop, thread};

/// A lock for reads and changes of a few microseconds.
///
/// Parking and waking a thread costs ten times more than the work done under this lock, so readers and writers first spin,
/// then yield, then park. They alternate: a writer waits for the readers that queued while it wrote, and readers that come
/// while a writer asks for the lock wait for that writer. No code of the host runs under it, so no thread takes it twice.
#[derive(Debug)]
pub(crate) struct VersionLock<T> {
    value: RwLock<T>,
    /// Readers that found the lock taken or asked for, and wait.
    waiting: AtomicUsize,
    /// Whether a writer asks for the lock.
    asked: AtomicBool,
}

impl<T> VersionLock<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: RwLock::new(value), waiting: AtomicUsize::new(0), asked: AtomicBool::new(false) }
    }

    /// Looks at the value.
    pub(crate) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        let enter = || if self.asked.load(Ordering::Relaxed) { None } else { self.value.try_read() };
        if let Some(value) = enter() {
            return look(&value);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let value = patiently(enter).unwrap_or_else(|| self.value.read());
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        look(&value)
    }

    /// Changes the value.
    pub(crate) fn write<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        patiently(|| (self.waiting.load(Ordering::Relaxed) == 0).then_some(()));
        // A taken lock is only read: a failed `try_write` would pull its cache line away from the readers.
        let enter = || if self.value.is_locked() { None } else { self.value.try_write() };
        // Short reads may finish first; only then is the lock asked for.
        let mut value = for_a_moment(enter).unwrap_or_else(|| {
            self.asked.store(true, Ordering::Relaxed);
            let value = patiently(enter).unwrap_or_else(|| self.value.write());
            self.asked.store(false, Ordering::Relaxed);
            value
        });
        change(&mut value)
    }
}

/// Waits for about the time of two changes. Reads take longer than changes, so readers that strictly alternated with a
/// writer would leave it too small a share of the time.
pub(crate) fn yield_to_writer() {
    (0..SPINS + SPINS / 4).for_each(|_| spin_loop());
}

/// Retries for some microseconds.
pub(crate) fn for_a_moment<T>(attempt: impl FnMut() -> Option<T>) -> Option<T> {
    again(3 * SPINS, 0, attempt)
}

/// Retries for a while: spins, then yields.
fn patiently<T>(attempt: impl FnMut() -> Option<T>) -> Option<T> {
    again(SPINS, YIELDS, attempt)
}

fn again<T>(spins: u32, yields: u32, mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    for round in 0..spins + yields {
        if let Some(success) = attempt() {
            return Some(success);
        }
        if round < spins { spin_loop() } else { thread::yield_now() }
    }
    None
}
