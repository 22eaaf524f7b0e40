//! The index that hosts share: one writer at a time, readers beside it, snapshots, batches and the change feed.

pub(crate) mod sync;
pub(crate) mod version_lock;
pub(crate) mod wakers;
#[cfg_attr(not(feature = "store"), allow(dead_code, reason = "an index in memory is not loaded"))]
pub(crate) mod trace;
pub(crate) mod snapshot_tracker;
#[cfg_attr(not(feature = "store"), allow(dead_code, reason = "an index in memory has no archive"))]
pub(crate) mod archive;
pub(crate) mod feed;
pub(crate) mod subscriber;
pub(crate) mod write_set;
pub(crate) mod recent;
pub(crate) mod promise;
pub(crate) mod joined_refresh;
pub(crate) mod tickets;
pub(crate) mod writer_lock;
pub(crate) mod snapshot;
pub(crate) mod matching;
#[cfg_attr(not(any(feature = "store", test)), allow(dead_code, reason = "an index in memory has no journal"))]
pub(crate) mod journal;
mod link_run;
pub(crate) mod label_index;
pub(crate) mod bulk_load;
pub(crate) mod beside;
#[cfg(any(feature = "store", test))]
#[cfg_attr(not(feature = "store"), allow(dead_code, reason = "an index in memory has no committer"))]
mod committer;
#[cfg(feature = "store")]
pub(crate) mod resume;
mod read;
pub(crate) mod stats;
pub(crate) mod requests;
mod perform;
#[cfg(feature = "postgres")]
pub(crate) mod remote;
mod write;
mod write_async;
pub(crate) mod receipt;
pub(crate) mod batch;
