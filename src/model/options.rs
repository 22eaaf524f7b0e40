//! What can be chosen when an index is made.

/// The bounds of one index. What goes past one is refused with
/// [`Error::LimitExceeded`](crate::Error::LimitExceeded), never cut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct Limits {
    /// The most chats that one query lists. Default 1,000: a page is made while others wait for the processor, and
    /// nobody reads more on a screen.
    pub page: usize,
    /// The most entries in all clauses of one filter. Default 10,000.
    pub filter_entries: usize,
    /// The most labels, and, apart, the most ids that are remembered as deleted. Default 1,000,000.
    pub labels: usize,
    /// The most operations in one batch; for an operation over a list, each item counts. Default 1,000,000.
    pub batch_operations: usize,
    /// The most changes that are kept in memory for subscribers who have not seen them. Default 65,536, which is a few
    /// megabytes while somebody listens. One commit with more changes, as a first refresh is, is kept beside them, whole;
    /// whoever falls further behind gets [`Delivery::Missed`](crate::Delivery::Missed).
    pub feed_changes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page: 1_000,
            filter_entries: 10_000,
            labels: 1_000_000,
            batch_operations: 1_000_000,
            feed_changes: 65_536,
        }
    }
}

/// What can be chosen when an index is made; the defaults suit a server.
///
/// # Examples
///
/// ```
/// use label_index::{Filter, Options, Page};
///
/// let index = Options::new().page_limit(10).build();
/// assert!(index.query(&Filter::new(), Page::first(11)).is_err());
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "call `build`"]
pub struct Options {
    pub(crate) limits: Limits,
    pub(crate) identity: u64,
    pub(crate) hash_seed: Option<u64>,
    pub(crate) retain: usize,
}

impl Options {
    /// The defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// All limits at once.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// [`Limits::page`].
    pub fn page_limit(mut self, chats: usize) -> Self {
        self.limits.page = chats;
        self
    }

    /// [`Limits::filter_entries`].
    pub fn filter_entry_limit(mut self, entries: usize) -> Self {
        self.limits.filter_entries = entries;
        self
    }

    /// [`Limits::labels`].
    pub fn label_limit(mut self, labels: usize) -> Self {
        self.limits.labels = labels;
        self
    }

    /// [`Limits::batch_operations`].
    pub fn batch_operation_limit(mut self, operations: usize) -> Self {
        self.limits.batch_operations = operations;
        self
    }

    /// [`Limits::feed_changes`].
    pub fn feed_change_limit(mut self, changes: usize) -> Self {
        self.limits.feed_changes = changes;
        self
    }

    /// The number that tells the cursors and positions of this index from those of others. Default 0, so that a host with
    /// one index need not care; a host with many gives each its own, and a cursor of another index is refused. A host that
    /// stores [`Position`](crate::Position)s gives each index that it makes another, also after a restart.
    pub fn identity(mut self, identity: u64) -> Self {
        self.identity = identity;
        self
    }

    /// Changes that are kept for subscribers even while nobody is subscribed: whole commits, the newest ones. Default
    /// 0. With it, a consumer that ends and comes back continues where it stopped; each change takes some 150 bytes.
    /// One commit with more changes than that is kept as well, whole.
    ///
    /// Meant for an index in memory; a store keeps commits on disk.
    pub fn retain(mut self, changes: usize) -> Self {
        self.retain = changes;
        self
    }

    /// The seed of the hash tables. By default it is random, so that nobody can make ids that collide; a fixed one is
    /// for tests that have to repeat.
    pub fn hash_seed(mut self, seed: u64) -> Self {
        self.hash_seed = Some(seed);
        self
    }
}
