//! What can be chosen when an index is made.

/// The bounds of one index. What goes past one is refused with
/// [`Error::LimitExceeded`](crate::Error::LimitExceeded), never cut down; the last two bound what the feed has, and refuse
/// nothing.
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
    /// The most chats of a label whose removal tells of each of them: the commit then has a
    /// [`ChatUnlinked`](crate::Change::ChatUnlinked) for every chat that loses the label, and after these the
    /// [`LabelRemoved`](crate::Change::LabelRemoved), with 0 links. A label on more chats goes with their number alone.
    /// It holds for every removal: by an operation, in a batch, by [`ingest`](crate::LabelIndex::ingest), and by a
    /// refresh for each label that is gone.
    ///
    /// Default 0, no label: consumers that keep the links remove those of the label. One that publishes
    /// `label.chat.deleted` for each chat cannot know them, and needs this. Each such change takes some 150 bytes in memory
    /// while the feed keeps the commit, and some 13 in the log: 100,000 chats take 15 MB and 1.3 MB. Other writers wait
    /// while the chats are listed: for 100,000 some 10 to 50 ms.
    pub removal_unlinks: usize,
}

impl Limits {
    /// Whether the removal of a label with this many links tells of each of them.
    pub(crate) fn unlinks_each(&self, links: u64) -> bool {
        self.removal_unlinks > 0 && usize::try_from(links).is_ok_and(|links| links <= self.removal_unlinks)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page: 1_000,
            filter_entries: 10_000,
            labels: 1_000_000,
            batch_operations: 1_000_000,
            feed_changes: 65_536,
            removal_unlinks: 0,
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

    /// [`Limits::removal_unlinks`].
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Delivery, Options};
    ///
    /// let index = Options::new().removal_unlink_limit(100_000).build();
    /// let vip = index.create_label("VIP")?;
    /// index.link_all(&vip, ["ana@c.us", "bob@c.us"])?;
    /// let mut feed = index.subscribe();
    /// assert_eq!(index.remove_label(&vip)?.links, 2);
    ///
    /// let Some(Delivery::Commit(commit)) = feed.try_recv() else { panic!() };
    /// let events: Vec<String> = commit.events().map(|event| event.to_string()).collect();
    /// assert_eq!(events, ["label.chat.deleted 1 ana@c.us", "label.chat.deleted 1 bob@c.us", "label.deleted 1"]);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn removal_unlink_limit(mut self, chats: usize) -> Self {
        self.limits.removal_unlinks = chats;
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
