//! All locks, atomics, threads and waits that the crate uses.
//!
//! Built with `--cfg label_index_shuttle`, all of them belong to a scheduler that tries interleavings, without a
//! difference for the rest of the crate.

#[cfg(not(label_index_shuttle))]
mod real {
    pub(crate) use std::hint::spin_loop;
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
    pub(crate) use std::thread;

    pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard, RwLock};

    /// Releases a lock to the thread that waits longest, if any does.
    #[cfg(feature = "store")]
    pub(crate) fn unlock_fair<T>(guard: MutexGuard<'_, T>) {
        MutexGuard::unlock_fair(guard);
    }

    /// How many threads the machine runs at the same time, as far as the system says.
    #[cfg(feature = "store")]
    pub(crate) fn parallelism() -> usize {
        thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }

    /// Rounds of spinning before a thread yields.
    pub(crate) const SPINS: u32 = 64;

    /// How often a thread yields before it parks.
    pub(crate) const YIELDS: u32 = 16;

    /// The removal of a label with more chats than these is prepared while others write. Removing it from this many
    /// takes some hundred microseconds.
    pub(crate) const LONG_REMOVAL: u64 = 2_048;
}

#[cfg(label_index_shuttle)]
mod explored {
    use std::ops::{Deref, DerefMut};
    use std::time::Instant;

    pub(crate) use shuttle::hint::spin_loop;
    pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering, fence};
    use shuttle::sync::{self, LockResult, PoisonError, TryLockError};
    pub(crate) use shuttle::thread;

    pub(crate) const SPINS: u32 = 1;
    pub(crate) const YIELDS: u32 = 1;
    pub(crate) const LONG_REMOVAL: u64 = 0;

    fn unpoisoned<G>(result: LockResult<G>) -> G {
        result.unwrap_or_else(PoisonError::into_inner)
    }

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(sync::Mutex<T>);

    /// Holds the lock, except while a [`Condvar`] has released it.
    pub(crate) struct MutexGuard<'a, T>(Option<sync::MutexGuard<'a, T>>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
            MutexGuard(Some(unpoisoned(self.0.lock())))
        }

        pub(crate) fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
            match self.0.try_lock() {
                Ok(guard) => Some(MutexGuard(Some(guard))),
                Err(TryLockError::Poisoned(poisoned)) => Some(MutexGuard(Some(poisoned.into_inner()))),
                Err(TryLockError::WouldBlock) => None,
            }
        }

        /// Only who may wait asks, and time does not pass here.
        pub(crate) fn is_locked(&self) -> bool {
            false
        }
    }

    impl<T> Deref for MutexGuard<'_, T> {
        type Target = T;

        #[expect(clippy::unwrap_used, reason = "only a waiting Condvar takes the guard out")]
        fn deref(&self) -> &T {
            self.0.as_ref().unwrap()
        }
    }

    impl<T> DerefMut for MutexGuard<'_, T> {
        #[expect(clippy::unwrap_used, reason = "only a waiting Condvar takes the guard out")]
        fn deref_mut(&mut self) -> &mut T {
            self.0.as_mut().unwrap()
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct Condvar(sync::Condvar);

    impl Condvar {
        pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
            guard.0 = guard.0.take().map(|inner| unpoisoned(self.0.wait(inner)));
        }

        /// Time does not pass here, so this waits as long as it takes.
        pub(crate) fn wait_until<T>(&self, guard: &mut MutexGuard<'_, T>, _deadline: Instant) -> NeverTimedOut {
            self.wait(guard);
            NeverTimedOut
        }

        pub(crate) fn notify_one(&self) {
            self.0.notify_one();
        }

        pub(crate) fn notify_all(&self) {
            self.0.notify_all();
        }
    }

    /// One thread runs at a time.
    #[cfg(feature = "store")]
    pub(crate) fn parallelism() -> usize {
        1
    }

    /// The scheduler chooses who takes the lock next.
    pub(crate) fn unlock_fair<T>(guard: MutexGuard<'_, T>) {
        drop(guard);
    }

    pub(crate) struct NeverTimedOut;

    impl NeverTimedOut {
        pub(crate) fn timed_out(&self) -> bool {
            false
        }
    }

    #[derive(Debug, Default)]
    pub(crate) struct RwLock<T>(sync::RwLock<T>);

    impl<T> RwLock<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(sync::RwLock::new(value))
        }

        pub(crate) fn read(&self) -> sync::RwLockReadGuard<'_, T> {
            unpoisoned(self.0.read())
        }

        pub(crate) fn write(&self) -> sync::RwLockWriteGuard<'_, T> {
            unpoisoned(self.0.write())
        }

        pub(crate) fn try_read(&self) -> Option<sync::RwLockReadGuard<'_, T>> {
            self.0.try_read().ok()
        }

        /// Whoever asks tries next, which tells.
        pub(crate) fn is_locked(&self) -> bool {
            false
        }

        pub(crate) fn try_write(&self) -> Option<sync::RwLockWriteGuard<'_, T>> {
            self.0.try_write().ok()
        }
    }
}

#[cfg(label_index_shuttle)]
pub(crate) use explored::*;
#[cfg(not(label_index_shuttle))]
pub(crate) use real::*;

/// Known races, each there for a test of schedules to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(label_index_shuttle), allow(dead_code, unreachable_pub, reason = "only tests of schedules name them"))]
pub enum Race {
    /// A subscriber reads the visible revision before it is counted.
    EarlySubscriber,
    /// A writer is told that its commit is durable before the commit is in the feed.
    EarlyAnswer,
    /// A writer reads which revisions are held before it reads which one is visible.
    EarlyHorizon,
    /// A writer checks whether its commit is durable, releases the lock, and waits then.
    LostWakeUp,
}

#[cfg(not(label_index_shuttle))]
pub(crate) const fn is_planted(_race: Race) -> bool {
    false
}

#[cfg(label_index_shuttle)]
static PLANTED: std::sync::Mutex<Option<Race>> = std::sync::Mutex::new(None);

#[cfg(label_index_shuttle)]
pub(crate) fn is_planted(race: Race) -> bool {
    *PLANTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner) == Some(race)
}

/// Plants a race, or removes the one that is there.
#[cfg(label_index_shuttle)]
pub fn plant_race(race: Option<Race>) {
    *PLANTED.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = race;
}
