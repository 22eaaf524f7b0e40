//! Numbers for those who run a store.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::index::label_index::LabelIndex;
use crate::index::stats::IndexStats;
use crate::model::error::Error;
use crate::store::activity::Activity;
use crate::store::instances::Shared;

/// How a store is doing: for metrics and health checks. See [`Store::stats`](crate::Store::stats).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Instances, loaded or not.
    pub instances: usize,
    /// The loaded ones by name, with their numbers.
    pub loaded: BTreeMap<String, IndexStats>,
    /// Changes of all instances on their way to the disk.
    pub queued_changes: usize,
    /// When a transaction was on disk last, by the clock of the system. None before the first. Of a store in PostgreSQL, when one
    /// of this process was committed.
    pub last_sync: Option<SystemTime>,
    /// How long that one took, the sync included.
    pub last_sync_took: Duration,
    /// Transactions that were written and synced, or committed, since the store was opened.
    pub syncs: u64,
    /// Checkpoints that were written since then.
    pub checkpoints: u64,
    /// Bytes of the file, or 0 if there is none or the system does not say.
    pub file_bytes: u64,
    /// Why nothing is written any more: [`Error::StoreFailed`]. Reads and exports go on.
    pub failure: Option<Error>,
}

impl Shared {
    pub(super) fn stats(&self, file_bytes: u64) -> StoreStats {
        let instances = self.instances.lock().all();
        let loaded = instances.iter().filter_map(|instance| {
            // The bytes are counted without the lock around the instance.
            let observed = instance.look(LabelIndex::observe)?;
            Some((instance.name.to_string(), observed.stats()))
        });
        let loaded: BTreeMap<String, IndexStats> = loaded.collect();
        let names = self.instances.lock().names().len();
        let Activity { last_sync, last_sync_took, syncs, checkpoints, failure } = self.activity.lock().clone();
        StoreStats {
            instances: names,
            queued_changes: loaded.values().map(|stats| stats.queued_changes).sum(),
            loaded,
            last_sync,
            last_sync_took,
            syncs,
            checkpoints,
            file_bytes,
            failure,
        }
    }
}
