//! A fixed number of locks for very many things.

use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;

/// The number of locks; things that share one wait for each other.
const LOCKS: usize = 1_024;

/// A fixed number of locks, over which things are distributed by hash, so that no entry for a thing is stored.
pub(crate) struct Stripes<L> {
    locks: [Arc<L>; LOCKS],
    hasher: RandomState,
}

impl<L: Default> Stripes<L> {
    pub(crate) fn new() -> Self {
        Self { locks: std::array::from_fn(|_| Arc::default()), hasher: RandomState::new() }
    }
}

impl<L> Stripes<L> {
    /// The number of the lock of a thing.
    pub(crate) fn number(&self, thing: impl Hash) -> usize {
        let [one, other, ..] = self.hasher.hash_one(thing).to_le_bytes();
        usize::from(u16::from_le_bytes([one, other])) % LOCKS
    }

    /// The lock with a number from [`number`](Self::number).
    #[expect(clippy::indexing_slicing, reason = "a number is a remainder of the length")]
    pub(crate) fn lock(&self, number: usize) -> &Arc<L> {
        &self.locks[number]
    }
}

impl<L> fmt::Debug for Stripes<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stripes")
    }
}
