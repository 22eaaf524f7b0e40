//! The lock of the visible version.

use crate::index::sync::{AtomicBool, AtomicUsize, Ordering, RwLock, SPINS, YIELDS, spin_loop, thread};

/// A lock for reads and changes of a few microseconds.
///
/// Parking and waking a thread costs ten times more than what is done behind this lock, so both sides first spin, then
/// yield, then park. They take turns: a writer lets those readers go first that waited while it wrote, and readers that
/// come while it asks let it go first. No user code runs behind it, so it is never taken twice by one thread.
#[derive(Debug)]
pub(crate) struct VersionLock<T> {
    value: RwLock<T>,
    /// Readers that found the lock taken, or asked for.
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
        // Only looks at a lock that is taken: to try would take its memory from the reader.
        let enter = || if self.value.is_locked() { None } else { self.value.try_write() };
        // Readers of a microsecond get some turns before they are asked for the lock.
        let mut value = for_a_moment(enter).unwrap_or_else(|| {
            self.asked.store(true, Ordering::Relaxed);
            let value = patiently(enter).unwrap_or_else(|| self.value.write());
            self.asked.store(false, Ordering::Relaxed);
            value
        });
        change(&mut value)
    }
}

/// Leaves the time for two changes or so to who writes. Reads that are longer than changes, and take turns with them one by
/// one, would leave writers too little of it.
pub(crate) fn yield_to_writer() {
    (0..SPINS + SPINS / 4).for_each(|_| spin_loop());
}

/// Tries again for some microseconds.
pub(crate) fn for_a_moment<T>(attempt: impl FnMut() -> Option<T>) -> Option<T> {
    again(3 * SPINS, 0, attempt)
}

/// Tries again for a while.
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
