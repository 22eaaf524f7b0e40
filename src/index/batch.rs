//! Many operations as one commit.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::index::label_index::LabelIndex;
use crate::index::receipt::Receipt;
use crate::index::requests::{Request, parse_all};
use crate::model::arg::Arg;
use crate::model::chat_id::ChatId;
use crate::model::error::{Error, Result};
use crate::model::label::{LabelPatch, NewLabel};
use crate::model::label_id::LabelId;
use crate::model::label_ref::{LabelRef, LabelToken};
use crate::model::op::{BatchCommit, Event, Op};

/// Operations that become one commit: all of them or none, under one revision.
///
/// Nothing happens until [`commit`](Self::commit). Later operations see what earlier ones did, and no reader sees
/// anything in between. A label that the batch creates is named by a token until it has an id.
///
/// A chat keeps its place in answers if it has a label at the end of the batch, even if it had none in between.
///
/// # Examples
///
/// A move from one stage to the next, in which no reader sees the chat without a stage:
///
/// ```
/// use label_index::LabelIndex;
///
/// let index = LabelIndex::new();
/// index.upsert_label("1", "New")?;
/// index.link("1", "ana@c.us")?;
///
/// let mut batch = index.batch();
/// let won = batch.create_label("Won")?;
/// batch.link(won, "ana@c.us")?;
/// batch.unlink("1", "ana@c.us")?;
/// let done = batch.commit()?;
/// assert_eq!(index.labels_of("ana@c.us")[0].id(), &done.created[0]);
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "nothing happens until it is committed"]
pub struct Batch {
    index: LabelIndex,
    /// Tells the tokens of this batch from those of others.
    number: u64,
    ops: Vec<Op<LabelRef>>,
}

impl LabelIndex {
    /// A batch of operations on this index.
    pub fn batch(&self) -> Batch {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Batch { index: self.clone(), number: NEXT.fetch_add(1, Ordering::Relaxed), ops: Vec::new() }
    }
}

/// # Adding operations
///
/// Each method adds the operation of [`LabelIndex`] of the same name. An argument that is refused is an error at once,
/// and adds nothing.
impl Batch {
    /// Adds [`LabelIndex::upsert_label`].
    ///
    /// # Errors
    ///
    /// Those of the arguments.
    pub fn upsert_label(&mut self, id: impl Arg<LabelId>, patch: impl Arg<LabelPatch>) -> Result<()> {
        self.add(Op::UpsertLabel { id: id.parse_arg()?, patch: patch.parse_arg()? });
        Ok(())
    }

    /// Adds [`LabelIndex::update_label`].
    ///
    /// # Errors
    ///
    /// [`Error::ForeignToken`]; those of the arguments.
    pub fn update_label(&mut self, label: impl Arg<LabelRef>, patch: impl Arg<LabelPatch>) -> Result<()> {
        let op = Op::UpdateLabel { label: self.label(label)?, patch: patch.parse_arg()? };
        self.add(op);
        Ok(())
    }

    /// Adds [`LabelIndex::create_label`]; the token stands for the new label in later operations.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLabelName`].
    pub fn create_label(&mut self, label: impl Arg<NewLabel>) -> Result<LabelToken> {
        Ok(self.add(Op::CreateLabel { label: label.parse_arg()? }))
    }

    /// Adds [`LabelIndex::ensure_label`]; the token stands for the label in later operations.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLabelName`].
    pub fn ensure_label(&mut self, label: impl Arg<NewLabel>) -> Result<LabelToken> {
        Ok(self.add(Op::EnsureLabel { label: label.parse_arg()? }))
    }

    /// Adds [`LabelIndex::remove_label`].
    ///
    /// # Errors
    ///
    /// [`Error::ForeignToken`]; those of the arguments.
    pub fn remove_label(&mut self, label: impl Arg<LabelRef>) -> Result<()> {
        let label = self.label(label)?;
        self.add(Op::RemoveLabel { label });
        Ok(())
    }

    /// Adds [`LabelIndex::link`].
    ///
    /// # Errors
    ///
    /// [`Error::ForeignToken`]; those of the arguments.
    pub fn link(&mut self, label: impl Arg<LabelRef>, chat: impl Arg<ChatId>) -> Result<()> {
        let op = Op::Link { label: self.label(label)?, chat: chat.parse_arg()? };
        self.add(op);
        Ok(())
    }

    /// Adds [`LabelIndex::unlink`].
    ///
    /// # Errors
    ///
    /// [`Error::ForeignToken`]; those of the arguments.
    pub fn unlink(&mut self, label: impl Arg<LabelRef>, chat: impl Arg<ChatId>) -> Result<()> {
        let op = Op::Unlink { label: self.label(label)?, chat: chat.parse_arg()? };
        self.add(op);
        Ok(())
    }

    /// Adds [`LabelIndex::link_all`].
    ///
    /// # Errors
    ///
    /// [`Error::ForeignToken`]; those of the arguments.
    pub fn link_all<C: Arg<ChatId>>(
        &mut self,
        label: impl Arg<LabelRef>,
        chats: impl IntoIterator<Item = C>,
    ) -> Result<()> {
        let op = Op::LinkAll { label: self.label(label)?, chats: parse_all(chats)? };
        self.add(op);
        Ok(())
    }

    /// Adds [`LabelIndex::unlink_all`].
    ///
    /// # Errors
    ///
    /// [`Error::ForeignToken`]; those of the arguments.
    pub fn unlink_all<C: Arg<ChatId>>(
        &mut self,
        label: impl Arg<LabelRef>,
        chats: impl IntoIterator<Item = C>,
    ) -> Result<()> {
        let op = Op::UnlinkAll { label: self.label(label)?, chats: parse_all(chats)? };
        self.add(op);
        Ok(())
    }

    /// Adds [`LabelIndex::set_labels`].
    ///
    /// # Errors
    ///
    /// [`Error::ForeignToken`]; those of the arguments.
    pub fn set_labels<L: Arg<LabelRef>>(
        &mut self,
        chat: impl Arg<ChatId>,
        labels: impl IntoIterator<Item = L>,
    ) -> Result<()> {
        let chat = chat.parse_arg()?;
        let labels = labels.into_iter().map(|label| self.label(label)).collect::<Result<_>>()?;
        self.add(Op::SetLabels { chat, labels });
        Ok(())
    }

    /// Adds [`LabelIndex::merge_chats`].
    ///
    /// # Errors
    ///
    /// [`Error::InvalidChatId`].
    pub fn merge_chats(&mut self, from: impl Arg<ChatId>, into: impl Arg<ChatId>) -> Result<()> {
        self.add(Op::MergeChats { from: from.parse_arg()?, into: into.parse_arg()? });
        Ok(())
    }

    /// Adds [`LabelIndex::unalias`].
    ///
    /// # Errors
    ///
    /// [`Error::InvalidChatId`].
    pub fn unalias(&mut self, from: impl Arg<ChatId>) -> Result<()> {
        self.add(Op::Unalias { from: from.parse_arg()? });
        Ok(())
    }

    /// Adds [`LabelIndex::ingest`].
    pub fn ingest(&mut self, event: Event) {
        self.add(Op::Ingest { event });
    }

    fn label(&self, label: impl Arg<LabelRef>) -> Result<LabelRef> {
        match label.parse_arg()? {
            LabelRef::Token(token) if token.batch != self.number => {
                Err(Error::ForeignToken { position: token.position })
            }
            label => Ok(label),
        }
    }

    fn add(&mut self, op: Op<LabelRef>) -> LabelToken {
        self.ops.push(op);
        LabelToken { batch: self.number, position: self.ops.len() - 1 }
    }
}

impl Batch {
    /// How many operations there are.
    pub fn len(&self) -> usize {
        self.ops.len()
    }

    /// Whether there is no operation.
    pub fn is_empty(&self) -> bool {
        self.ops.is_empty()
    }

    /// Carries out all operations in order, or none.
    ///
    /// **O(n)** in the operations and what each costs by itself. Readers do not wait: the new version is made beside the
    /// visible one, and shown when it is complete.
    ///
    /// # Errors
    ///
    /// [`Error::BatchRefused`] with the position of the operation that was refused and the cause;
    /// [`Error::LimitExceeded`] if there are too many operations. Nothing has changed then. In a store also
    /// [`Error::StoreFailed`], [`Error::StoreClosed`] and [`Error::UnknownInstance`], when the index takes no write any
    /// more; see there.
    pub fn commit(self) -> Result<BatchCommit> {
        self.index.perform(Request::batch(self.ops))
    }

    /// Carries out all operations in order, or none, and blocks nothing: the sibling of [`commit`](Self::commit) for async
    /// code. The [`Receipt`] gives the answer, also that of a refusal: once what it rests on is on disk under
    /// `Durability::Synced`, and as soon as it is carried out in memory and under `Durability::Within`. Where a write would
    /// have to wait, for room in the queue to the disk or for another write, the receipt does.
    ///
    /// Later writes of any thread go on from this batch. Readers of an index in a store see it only when it is on disk,
    /// unless the store was opened to show commits before.
    ///
    /// **O(n)** as [`commit`](Self::commit).
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::LabelIndex;
    ///
    /// let index = LabelIndex::new();
    /// let mut batch = index.batch();
    /// batch.create_label("VIP")?;
    /// let receipt = batch.submit();
    /// // .. other work ..
    /// assert_eq!(receipt.wait()?.created.len(), 1);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn submit(self) -> Receipt {
        Receipt::of(&self.index, Ok(Request::batch(self.ops)))
    }
}
