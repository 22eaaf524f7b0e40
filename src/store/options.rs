//! Options of a store.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::model::options::Limits;
use crate::store::log_reader::Retention;
#[cfg(feature = "postgres")]
use crate::store::postgres::connect_options::ConnectOptions;

/// When a write of a store returns, and what a crash may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Durability {
    /// A write returns when its commit is on disk, and no reader sees it before. The default, since hosts do not expect to
    /// lose an acknowledged write. Waiting writers of all instances share one sync.
    #[default]
    Synced,
    /// A write returns at once and is visible at once. It is on disk after at most this time, as far as the disk keeps up,
    /// or when [`Store::flush`](crate::Store::flush) returns. A crash may lose the last commits, each whole, and none
    /// before them. For hosts that can fetch the state from the network again.
    Within(Duration),
}

/// Options for opening a store. The defaults suit a server.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use label_index::{Durability, StoreOptions};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let options = StoreOptions::new().durability(Durability::Within(Duration::from_millis(100)));
/// let store = options.open(folder.path())?;
/// let index = store.instance("shop")?;
/// index.create_label("VIP")?;
/// store.flush()?;
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "call `open`"]
pub struct StoreOptions {
    pub(super) durability: Durability,
    pub(super) limits: InstanceLimits,
    pub(super) unload_after: Option<Duration>,
    /// `None` for as many as the feed keeps in memory.
    pub(super) retain_changes: Option<u64>,
    pub(super) retain_age: Option<Duration>,
    pub(super) tuning: Tuning,
    #[cfg(feature = "postgres")]
    pub(super) connect: ConnectOptions,
}

/// The host's function from the name of an instance to its limits.
type LimitsOf = dyn Fn(&str) -> Limits + Send + Sync;

/// The limits of all instances, and the host's function for single ones.
#[derive(Clone, Default)]
pub(super) struct InstanceLimits {
    pub(super) of_all: Limits,
    by_name: Option<Arc<LimitsOf>>,
}

impl InstanceLimits {
    /// Whether they are those of the host's function.
    pub(super) fn is_by_name(&self) -> bool {
        self.by_name.is_some()
    }

    /// The limits of an instance. Calls the host's function.
    pub(super) fn of(&self, name: &str) -> Limits {
        self.by_name.as_ref().map_or(self.of_all, |limits_of| limits_of(name))
    }
}

impl fmt::Debug for InstanceLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InstanceLimits").field("of_all", &self.of_all).finish_non_exhaustive()
    }
}

/// Options that affect only speed and space.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tuning {
    pub(super) cache_bytes: usize,
    pub(super) queued_changes: usize,
    pub(super) log: LogAllowance,
    pub(super) quick_repair: bool,
    pub(super) compact_at_close: bool,
}

/// The length of a log at which a checkpoint is due.
#[derive(Debug, Clone, Copy)]
pub(super) struct LogAllowance {
    /// The minimum in bytes.
    floor: u64,
    /// In percent of the bytes of the last checkpoint.
    percent: u64,
}

impl LogAllowance {
    /// Whether a log of this length after a checkpoint of this size makes the next checkpoint due.
    pub(super) fn is_exceeded(self, log_bytes: u64, checkpoint_bytes: u64) -> bool {
        log_bytes > self.floor.max(checkpoint_bytes.saturating_mul(self.percent) / 100)
    }
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            cache_bytes: 32 << 20,
            queued_changes: 1 << 18,
            log: LogAllowance { floor: 1 << 20, percent: 50 },
            quick_repair: false,
            compact_at_close: true,
        }
    }
}

impl StoreOptions {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Which commits are retained for subscribers that are behind.
    pub(super) fn retention(&self) -> Retention {
        let feed_changes = u64::try_from(self.limits.of_all.feed_changes).unwrap_or(u64::MAX);
        Retention { changes: self.retain_changes.unwrap_or(feed_changes), age: self.retain_age }
    }

    /// When a write returns. Default [`Durability::Synced`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// The limits of every instance. [`Limits::feed_changes`] bounds the feed of each.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits.of_all = limits;
        self
    }

    /// Limits by instance, in place of [`limits`](Self::limits): for accounts of different plans. Called when an instance
    /// is loaded, behind no lock, by the thread that asks for it; new limits hold from the next time that it is loaded. A
    /// limit below what an instance has refuses only what would make it more.
    ///
    /// For [`Store::instance_async`](crate::Store::instance_async) and [`existing_async`](crate::Store::existing_async) a thread
    /// of the store calls it. It may block: other instances are loaded meanwhile, until 32 calls of it block at the same time.
    ///
    /// How much is retained on disk for subscribers is the same for all; see [`retain_changes`](Self::retain_changes).
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, Limits, StoreOptions};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let limits_of = |name: &str| {
    ///     let mut limits = Limits::default();
    ///     limits.labels = if name == "trial" { 1 } else { 1_000 };
    ///     limits
    /// };
    /// let store = StoreOptions::new().limits_by(limits_of).open(folder.path())?;
    /// let index = store.instance("trial")?;
    /// index.create_label("VIP")?;
    /// assert!(matches!(index.create_label("New"), Err(Error::LimitExceeded { .. })));
    /// # Ok::<(), Error>(())
    /// ```
    pub fn limits_by(mut self, limits_of: impl Fn(&str) -> Limits + Send + Sync + 'static) -> Self {
        self.limits.by_name = Some(Arc::new(limits_of));
        self
    }

    /// Unloads instances that nobody used for so long, as [`Store::unload_idle`](crate::Store::unload_idle) does, on a
    /// thread of the store, within a quarter of that time more. Default none: an instance stays loaded.
    pub fn unload_after(mut self, time: Duration) -> Self {
        self.unload_after = Some(time);
        self
    }

    /// The changes of each instance that are retained on disk for subscribers that come back or fall behind: whole commits,
    /// the newest ones, with together at least so many changes. Default [`Limits::feed_changes`], which is 65,536.
    ///
    /// So [`LabelIndex::subscribe_from`](crate::LabelIndex::subscribe_from) goes on where a consumer stopped, also after a
    /// restart, a crash or an unload. A change takes some 13 bytes in a batch and some 60 in a commit of its own. What is
    /// not retained any more goes with the next checkpoint.
    pub fn retain_changes(mut self, changes: u64) -> Self {
        self.retain_changes = Some(changes);
        self
    }

    /// The age up to which those are retained, by the clock of the system. Default none: only their number counts.
    pub fn retain_age(mut self, age: Duration) -> Self {
        self.retain_age = Some(age);
        self
    }

    /// Bytes of the file that are kept in memory. Default 32 MiB: an instance is read once, when it is loaded, and what is
    /// read again and again is the end of the log.
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.tuning.cache_bytes = bytes;
        self
    }

    /// The changes of one instance that may be on their way to the disk; beyond, writers wait, and the receipts of
    /// asynchronous writes do. Default 262,144, a few tens
    /// of megabytes.
    pub fn queued_changes(mut self, changes: usize) -> Self {
        self.tuning.queued_changes = changes;
        self
    }

    /// Bytes that an instance's log may always have before a checkpoint trims it. Default 1 MiB: that is replayed in some
    /// hundredths of a second, and an account of the usual size is not written again and again.
    pub fn checkpoint_floor(mut self, bytes: u64) -> Self {
        self.tuning.log.floor = bytes;
        self
    }

    /// Bytes that an instance's log may have, in percent of its last checkpoint, before the next one. Default 50: so what
    /// is written for checkpoints stays in proportion to what is written for changes, and a file stays below about twice
    /// what is in it.
    pub fn checkpoint_percent(mut self, percent: u64) -> Self {
        self.tuning.log.percent = percent;
        self
    }

    /// Whether the free space of the file is written with every commit, so that it need not be found by a walk through the
    /// file (about a second per gigabyte) after a crash. Default no: it halves the rate of single synced writes.
    pub fn quick_repair(mut self, quick: bool) -> Self {
        self.tuning.quick_repair = quick;
        self
    }

    /// Whether a file that became more than a quarter free since it was opened is made shorter when the store is closed.
    /// Default yes: closing takes some tenths of a second per gigabyte longer then, and a file that was filled in bulk is
    /// about half as long.
    pub fn compact_at_close(mut self, compact: bool) -> Self {
        self.tuning.compact_at_close = compact;
        self
    }
}
