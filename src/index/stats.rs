//! Numbers for those who run an index.

use crate::index::journal::Journal;
use crate::index::label_index::LabelIndex;
use crate::model::change::Revision;
use crate::model::memory::IndexBytes;
use crate::state::Version;

/// How large an index is, and who is behind: for metrics. See [`LabelIndex::stats`].
///
/// The numbers are read one after the other while others write, so those of one answer may be some commits apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct IndexStats {
    /// The number of the last commit that readers see.
    pub revision: Revision,
    /// The number of the last commit that is on disk. In memory, the same as `revision`.
    pub durable_revision: Revision,
    /// Changes on their way to the disk. Above [`StoreOptions::queued_changes`](crate::StoreOptions::queued_changes)
    /// writers wait.
    pub queued_changes: usize,
    /// Labels, provisional ones included.
    pub labels: usize,
    /// Ids of labels that are remembered as deleted.
    pub deleted_labels: usize,
    /// Chats with at least one label.
    pub total_chats: u64,
    /// Pairs of a chat and a label.
    pub total_rows: u64,
    /// Distinct sets of labels that chats have.
    pub label_sets: usize,
    /// Places of chats, free ones included: what unlabelled chats left behind is used again. Each takes 12 bytes.
    pub places: usize,
    /// Ids that mean another chat.
    pub aliases: usize,
    /// Bytes in memory, by part.
    pub bytes: IndexBytes,
    /// Snapshots that are held.
    pub snapshots: usize,
    /// The revision of the oldest of them: what has changed since then is in memory twice.
    pub oldest_snapshot: Option<Revision>,
    /// Subscribers to the feed.
    pub subscribers: usize,
    /// Commits that the slowest subscriber has not taken; 0 without subscribers.
    pub subscriber_lag: u64,
}

impl LabelIndex {
    /// Numbers about the index, for metrics.
    ///
    /// **O(n / 500)** in the number of chats, to count the bytes of their pages: half a millisecond for ten million. O(n) in
    /// the number of chats whose ids are texts, of labels and label sets, snapshots and subscribers. Keeps nobody waiting, and
    /// does not wait for the disk.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::LabelIndex;
    ///
    /// let index = LabelIndex::new();
    /// let subscriber = index.subscribe();
    /// let vip = index.create_label("VIP")?;
    /// index.link(&vip, "ana@c.us")?;
    /// let stats = index.stats();
    /// assert_eq!((stats.labels, stats.total_chats, stats.total_rows), (1, 1, 1));
    /// assert_eq!((stats.subscribers, stats.subscriber_lag), (1, 2));
    /// # drop(subscriber);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn stats(&self) -> IndexStats {
        self.observe().stats()
    }

    /// The same in two steps, of which the first takes no time. The second needs no handle.
    pub(crate) fn observe(&self) -> Observed {
        // Before the visible version: so no subscriber is ahead of it.
        let (subscribers, slowest) = self.feed().subscribers();
        let (snapshots, oldest_snapshot) = self.snapshots_held();
        let progress = self.journal().map(Journal::progress);
        let (feed, queue) = (self.feed().bytes(), self.journal().map_or(0, Journal::bytes));
        let version = self.version();
        let state = &*version;
        let stats = IndexStats {
            revision: state.revision,
            durable_revision: progress.map_or(state.revision, |(durable, _)| durable),
            queued_changes: progress.map_or(0, |(_, changes)| changes),
            labels: state.labels.len(),
            deleted_labels: state.labels.deleted.len(),
            total_chats: state.total_chats(),
            total_rows: state.total_rows,
            label_sets: state.sets.live(),
            places: state.chats.len(),
            aliases: state.aliases.len(),
            bytes: IndexBytes { feed, queue, ..IndexBytes::default() },
            snapshots,
            oldest_snapshot,
            subscribers,
            subscriber_lag: slowest.map_or(0, |slowest| state.revision.saturating_sub(slowest)),
        };
        Observed { stats, version }
    }
}

/// The statistics of an index without the bytes of a version.
pub(crate) struct Observed {
    stats: IndexStats,
    version: Version,
}

impl Observed {
    /// Counts them.
    pub(crate) fn stats(self) -> IndexStats {
        let Self { stats, version } = self;
        let IndexBytes { feed, queue, .. } = stats.bytes;
        IndexStats { bytes: IndexBytes { feed, queue, ..version.bytes() }, ..stats }
    }
}
