//! Changing an index from async code.

use crate::index::label_index::LabelIndex;
use crate::index::receipt::Receipt;
use crate::index::requests;
use crate::model::arg::Arg;
use crate::model::chat_id::ChatId;
use crate::model::label::{LabelPatch, NewLabel};
use crate::model::label_id::LabelId;
use crate::model::op::{
    ChangedChats, Committed, Ensured, Event, Merged, RemovedLabel, SetDifference, Updated, Upserted,
};

/// # Changing, in async code
///
/// Each of these is the method of the same name without `_async`, with the same arguments, outcome and errors, and never
/// blocks the thread that calls it: not for the disk, not while the queue to the disk is full, and not while another write
/// has its turn. The [`Receipt`] is a future of the answer; a refused argument is its error too. It needs no runtime.
///
/// Writes are carried out in the order in which these methods are called. A batch has [`submit`](crate::Batch::submit).
///
/// # Examples
///
/// Two requests to a server, each answered when its link is on disk, in one sync:
///
/// ```
/// use label_index::Store;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> label_index::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let store = Store::open(folder.path())?;
/// let index = store.instance("shop")?;
/// let vip = index.create_label_async("VIP").await?;
/// let (ana, bob) = tokio::join!(index.link_async(&vip, "ana@c.us"), index.link_async(&vip, "bob@c.us"));
/// assert!(ana? && bob?);
/// # Ok(())
/// # }
/// ```
impl LabelIndex {
    /// [`upsert_label`](Self::upsert_label), without blocking.
    pub fn upsert_label_async(
        &self,
        id: impl Arg<LabelId>,
        patch: impl Arg<LabelPatch>,
    ) -> Receipt<Committed<Upserted>> {
        Receipt::of(self, requests::upsert_label(id, patch))
    }

    /// [`update_label`](Self::update_label), without blocking.
    pub fn update_label_async(
        &self,
        id: impl Arg<LabelId>,
        patch: impl Arg<LabelPatch>,
    ) -> Receipt<Committed<Updated>> {
        Receipt::of(self, requests::update_label(id, patch))
    }

    /// [`create_label`](Self::create_label), without blocking.
    pub fn create_label_async(&self, label: impl Arg<NewLabel>) -> Receipt<Committed<LabelId>> {
        Receipt::of(self, requests::create_label(label))
    }

    /// [`ensure_label`](Self::ensure_label), without blocking.
    pub fn ensure_label_async(&self, label: impl Arg<NewLabel>) -> Receipt<Committed<Ensured>> {
        Receipt::of(self, requests::ensure_label(label))
    }

    /// [`remove_label`](Self::remove_label), without blocking.
    pub fn remove_label_async(&self, id: impl Arg<LabelId>) -> Receipt<Committed<RemovedLabel>> {
        Receipt::of(self, requests::remove_label(id))
    }

    /// [`link`](Self::link), without blocking.
    pub fn link_async(&self, label: impl Arg<LabelId>, chat: impl Arg<ChatId>) -> Receipt<bool> {
        Receipt::of(self, requests::link(label, chat))
    }

    /// [`unlink`](Self::unlink), without blocking.
    pub fn unlink_async(&self, label: impl Arg<LabelId>, chat: impl Arg<ChatId>) -> Receipt<bool> {
        Receipt::of(self, requests::unlink(label, chat))
    }

    /// [`link_all`](Self::link_all), without blocking.
    pub fn link_all_async<C: Arg<ChatId>>(
        &self,
        label: impl Arg<LabelId>,
        chats: impl IntoIterator<Item = C>,
    ) -> Receipt<Committed<ChangedChats>> {
        Receipt::of(self, requests::link_all(label, chats))
    }

    /// [`unlink_all`](Self::unlink_all), without blocking.
    pub fn unlink_all_async<C: Arg<ChatId>>(
        &self,
        label: impl Arg<LabelId>,
        chats: impl IntoIterator<Item = C>,
    ) -> Receipt<Committed<ChangedChats>> {
        Receipt::of(self, requests::unlink_all(label, chats))
    }

    /// [`set_labels`](Self::set_labels), without blocking.
    pub fn set_labels_async<L: Arg<LabelId>>(
        &self,
        chat: impl Arg<ChatId>,
        labels: impl IntoIterator<Item = L>,
    ) -> Receipt<Committed<SetDifference>> {
        Receipt::of(self, requests::set_labels(chat, labels))
    }

    /// [`merge_chats`](Self::merge_chats), without blocking.
    pub fn merge_chats_async(&self, from: impl Arg<ChatId>, into: impl Arg<ChatId>) -> Receipt<Committed<Merged>> {
        Receipt::of(self, requests::merge_chats(from, into))
    }

    /// [`unalias`](Self::unalias), without blocking.
    pub fn unalias_async(&self, from: impl Arg<ChatId>) -> Receipt<bool> {
        Receipt::of(self, requests::unalias(from))
    }

    /// [`ingest`](Self::ingest), without blocking. Events of a network that are handed over in its order are taken in in
    /// that order.
    pub fn ingest_async(&self, event: Event) -> Receipt<bool> {
        Receipt::of(self, Ok(requests::ingest(event)))
    }
}
