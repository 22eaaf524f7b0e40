//! Counters of a store's syncs and checkpoints.

use std::time::{Duration, Instant, SystemTime};

use crate::model::error::Error;

/// Syncs and checkpoints since the store was opened. The lock is held for a few instructions, so reading the counters never
/// waits for the disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity {
    pub(super) last_sync: Option<SystemTime>,
    pub(super) last_sync_took: Duration,
    pub(super) syncs: u64,
    pub(super) checkpoints: u64,
    pub(super) failure: Option<Error>,
}

impl Activity {
    /// Records that a transaction which began at `began` is durable.
    pub(super) fn synced(&mut self, began: Instant) {
        (self.last_sync, self.last_sync_took) = (Some(SystemTime::now()), began.elapsed());
        self.syncs += 1;
    }
}
