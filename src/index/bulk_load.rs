//! Building a new index from a host's existing data.

use crate::index::label_index::{LabelIndex, seed_or_random};
use crate::model::arg::Arg;
use crate::model::chat_id::ChatId;
use crate::model::error::Result;
use crate::model::label::{LabelPatch, NewLabel};
use crate::model::label_id::LabelId;
use crate::model::options::{Limits, Options};
#[cfg(feature = "store")]
use crate::state::State;
use crate::state::bulk::Bulk;

/// Builds a new index from existing data: first the labels, then the chats in the order in which pages should list them.
///
/// The fastest way to fill an index in memory, several times faster than a [`Batch`](crate::Batch), since all chats are
/// indexed together at the end. The result is that of one batch without a limit of size. [`finish`](Self::finish) gives an
/// index in memory, `Store::create_instance` makes an instance of a store.
///
/// # Examples
///
/// ```
/// use label_index::{Error, Options};
///
/// let mut load = Options::new().bulk_load();
/// load.label("1", "VIP")?;
/// load.label("2", "Open")?;
/// load.chat("5511999990001@c.us", ["1", "2"])?;
/// load.chat("ana@c.us", ["2"])?;
/// assert!(matches!(load.chat("bob@c.us", ["3"]), Err(Error::UnknownLabel { .. })));
/// let index = load.finish();
/// assert_eq!((index.total_chats(), index.total_rows(), index.revision()), (2, 3, 1));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
#[must_use = "there is no index before it is finished"]
pub struct BulkLoad {
    bulk: Bulk,
    limits: Limits,
    retain: usize,
    /// The labels of the chat that is being added.
    labels: Vec<LabelId>,
}

impl Options {
    /// Begins to build an index in memory.
    pub fn bulk_load(self) -> BulkLoad {
        let Self { limits, identity, hash_seed, retain } = self;
        BulkLoad { bulk: Bulk::new(identity, seed_or_random(hash_seed), limits), limits, retain, labels: Vec::new() }
    }
}

impl BulkLoad {
    /// Adds a label, or sets the attributes that the patch has if it was added before.
    ///
    /// # Errors
    ///
    /// [`Error::NameRequired`](crate::Error::NameRequired) if the label is new and the patch has no name;
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) if there are too many labels; the errors of the arguments.
    /// Nothing is added then, and the load can go on.
    pub fn label(&mut self, id: impl Arg<LabelId>, patch: impl Arg<LabelPatch>) -> Result<()> {
        self.bulk.label(id.parse_arg()?, patch.parse_arg()?)
    }

    /// The label with a name, compared case-insensitively: of several the one with the lowest id, or else a new one, with
    /// the next decimal id.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLabelName`](crate::Error::InvalidLabelName);
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) if there are too many labels;
    /// [`Error::LabelIdsExhausted`](crate::Error::LabelIdsExhausted). Nothing is added then, and the load can go on.
    ///
    /// # Examples
    ///
    /// Rows in any order:
    ///
    /// ```
    /// use label_index::Options;
    ///
    /// let mut load = Options::new().bulk_load();
    /// for (chat, label) in [("ana@c.us", "VIP"), ("bob@c.us", "Open"), ("ana@c.us", "open")] {
    ///     let label = load.ensure_label(label)?;
    ///     load.chat(chat, [label])?;
    /// }
    /// let index = load.finish();
    /// assert_eq!((index.labels().len(), index.total_chats(), index.total_rows()), (2, 2, 3));
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn ensure_label(&mut self, label: impl Arg<NewLabel>) -> Result<LabelId> {
        self.bulk.ensure_label(label.parse_arg()?)
    }

    /// Adds a chat with labels that were added before. A chat without any is not kept; one that comes again has the
    /// labels of every time, and the place of the first.
    ///
    /// **O(l)** in the number of labels, with 12 bytes for the chat, and some 20 more, for the chat and for a new label set,
    /// until the load is finished.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLabel`](crate::Error::UnknownLabel);
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for more than 2,147,483,647 chats; the errors of the
    /// arguments. Nothing is added then, and the load can go on.
    pub fn chat<L: Arg<LabelId>>(&mut self, chat: impl Arg<ChatId>, labels: impl IntoIterator<Item = L>) -> Result<()> {
        let chat = chat.parse_arg()?;
        self.labels.clear();
        for label in labels {
            self.labels.push(label.parse_arg()?);
        }
        self.labels.sort_unstable();
        self.labels.dedup();
        self.bulk.chat(&chat, &self.labels)
    }

    /// Finishes the index. Its revision is 1, or 0 if it has no label.
    ///
    /// **O(n)** in chats and links.
    pub fn finish(self) -> LabelIndex {
        LabelIndex::of(self.bulk.finish(), self.limits, self.retain)
    }

    #[cfg(feature = "store")]
    pub(crate) fn label_count(&self) -> usize {
        self.bulk.label_count()
    }

    #[cfg(feature = "store")]
    pub(crate) fn into_state(self) -> State {
        self.bulk.finish()
    }
}
