//! What a store has done.

use std::time::{Duration, Instant, SystemTime};

use crate::model::error::Error;

/// What a store has done since it was opened. Locked for a few instructions, so that who asks does not wait for the disk.
#[derive(Debug, Clone, Default)]
pub(super) struct Activity {
    pub(super) last_sync: Option<SystemTime>,
    pub(super) last_sync_took: Duration,
    pub(super) syncs: u64,
    pub(super) checkpoints: u64,
    pub(super) failure: Option<Error>,
}

impl Activity {
    /// A transaction that began then is on disk.
    pub(super) fn synced(&mut self, began: Instant) {
        (self.last_sync, self.last_sync_took) = (Some(SystemTime::now()), began.elapsed());
        self.syncs += 1;
    }
}
