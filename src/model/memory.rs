//! How much memory an index takes.

/// Bytes that an index takes, by part, as they were asked of the allocator, which rounds each piece up. See
/// [`IndexStats::bytes`](crate::IndexStats::bytes).
///
/// A piece that several versions share counts once. Memory that only held snapshots still use, because it was replaced
/// by later writes, is not counted: for each snapshot it can grow to a second copy of the index.
///
/// # Examples
///
/// ```
/// use label_index::LabelIndex;
///
/// let index = LabelIndex::new();
/// let vip = index.create_label("VIP")?;
/// let before = index.stats().bytes;
/// index.link_all(&vip, (0..10_000).map(|chat| format!("{chat}@c.us")))?;
/// let bytes = index.stats().bytes;
/// assert!(bytes.chats > before.chats + 10_000 * 18 && bytes.labels == before.labels);
/// assert!(bytes.total() < 300_000);
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct IndexBytes {
    /// The labelled chats: the records at their places, and the table that finds them.
    pub chats: usize,
    /// The texts of chats whose ids are no plain numbers at a known server.
    pub chat_ids: usize,
    /// The distinct label sets.
    pub label_sets: usize,
    /// For each label the list of its chats, and for each chat the number of its labels.
    pub postings: usize,
    /// Definitions and names of labels, and the ids of deleted ones.
    pub labels: usize,
    /// Ids that mean another chat.
    pub aliases: usize,
    /// Commits that are kept in memory for subscribers. Texts of chats and labels that are still in the index count there.
    pub feed: usize,
    /// Commits on their way to the disk.
    pub queue: usize,
}

impl IndexBytes {
    /// All parts with their names, for metrics.
    pub fn parts(&self) -> impl Iterator<Item = (&'static str, usize)> {
        let Self { chats, chat_ids, label_sets, postings, labels, aliases, feed, queue } = *self;
        [
            ("chats", chats),
            ("chat_ids", chat_ids),
            ("label_sets", label_sets),
            ("postings", postings),
            ("labels", labels),
            ("aliases", aliases),
            ("feed", feed),
            ("queue", queue),
        ]
        .into_iter()
    }

    /// The sum of all parts.
    pub fn total(&self) -> usize {
        self.parts().map(|(_, bytes)| bytes).sum()
    }
}
