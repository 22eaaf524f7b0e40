//! Operations as data, and what each of them answers.

use crate::model::change::Revision;
use crate::model::chat_id::ChatId;
use crate::model::label::{Label, LabelPatch, NewLabel};
use crate::model::label_id::LabelId;

/// Something that a network reports, in its own order. See [`LabelIndex::ingest`](crate::LabelIndex::ingest).
///
/// With the feature `serde` an event is read as leniently as it is taken in: the name of a label goes through
/// [`LabelName::lenient`](crate::LabelName::lenient), a field that is `null` is absent, and so is `patch`. A field that
/// is not known is refused.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Event {
    /// A label was made or edited.
    LabelEdited {
        /// The label.
        label: LabelId,
        /// The fields that the network reported.
        #[cfg_attr(feature = "serde", serde(default, deserialize_with = "crate::model::json::reported_patch"))]
        patch: LabelPatch,
    },
    /// A label was deleted.
    LabelDeleted {
        /// The label.
        label: LabelId,
    },
    /// A chat got a label.
    ChatLabelled {
        /// The label.
        label: LabelId,
        /// The chat.
        chat: ChatId,
    },
    /// A chat lost a label.
    ChatUnlabelled {
        /// The label.
        label: LabelId,
        /// The chat.
        chat: ChatId,
    },
}

/// One operation with checked arguments. `L` is [`LabelRef`](crate::LabelRef) while it is in a batch, and [`LabelId`]
/// once tokens are replaced.
#[derive(Debug, Clone)]
pub(crate) enum Op<L = LabelId> {
    UpsertLabel { id: LabelId, patch: LabelPatch },
    UpdateLabel { label: L, patch: LabelPatch },
    CreateLabel { label: NewLabel },
    EnsureLabel { label: NewLabel },
    RemoveLabel { label: L },
    Link { label: L, chat: ChatId },
    Unlink { label: L, chat: ChatId },
    LinkAll { label: L, chats: Vec<ChatId> },
    UnlinkAll { label: L, chats: Vec<ChatId> },
    SetLabels { chat: ChatId, labels: Vec<L> },
    MergeChats { from: ChatId, into: ChatId },
    Unalias { from: ChatId },
    Ingest { event: Event },
}

impl<L> Op<L> {
    /// How much it counts towards the limit of operations.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::LinkAll { chats, .. } | Self::UnlinkAll { chats, .. } => chats.len().max(1),
            Self::SetLabels { labels, .. } => labels.len().max(1),
            _ => 1,
        }
    }

    /// The same operation, each label replaced; the first that cannot be is the error.
    pub(crate) fn try_map<M, E>(self, mut label_of: impl FnMut(L) -> Result<M, E>) -> Result<Op<M>, E> {
        Ok(match self {
            Self::UpsertLabel { id, patch } => Op::UpsertLabel { id, patch },
            Self::UpdateLabel { label, patch } => Op::UpdateLabel { label: label_of(label)?, patch },
            Self::CreateLabel { label } => Op::CreateLabel { label },
            Self::EnsureLabel { label } => Op::EnsureLabel { label },
            Self::RemoveLabel { label } => Op::RemoveLabel { label: label_of(label)? },
            Self::Link { label, chat } => Op::Link { label: label_of(label)?, chat },
            Self::Unlink { label, chat } => Op::Unlink { label: label_of(label)?, chat },
            Self::LinkAll { label, chats } => Op::LinkAll { label: label_of(label)?, chats },
            Self::UnlinkAll { label, chats } => Op::UnlinkAll { label: label_of(label)?, chats },
            Self::SetLabels { chat, labels } => {
                Op::SetLabels { chat, labels: labels.into_iter().map(label_of).collect::<Result<_, _>>()? }
            }
            Self::MergeChats { from, into } => Op::MergeChats { from, into },
            Self::Unalias { from } => Op::Unalias { from },
            Self::Ingest { event } => Op::Ingest { event },
        })
    }
}

/// The answer to one operation: its outcome, and the revision of the index when it was done.
///
/// Derefs to the outcome. If the operation changed something, `revision` is the one that it made;
/// otherwise it is the one that it found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Committed<T> {
    /// What the operation did.
    pub outcome: T,
    /// The revision that it made, or that it found when it changed nothing.
    pub revision: Revision,
}

impl<T> std::ops::Deref for Committed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.outcome
    }
}

/// What [`upsert_label`](crate::LabelIndex::upsert_label) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[must_use = "it says whether anything changed"]
pub enum Upserted {
    /// The label is new, or came back after it was removed.
    Created,
    /// The label was there and differs now.
    Updated,
    /// The label had these attributes already.
    Unchanged,
}

/// What [`update_label`](crate::LabelIndex::update_label) did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[must_use = "it says whether anything changed"]
pub enum Updated {
    /// The label differs now.
    Updated,
    /// The label had these attributes already.
    Unchanged,
}

/// What [`ensure_label`](crate::LabelIndex::ensure_label) did.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[must_use = "it says which label it is"]
pub enum Ensured {
    /// A label of that name was there; of several, this is the one with the lowest id.
    Existing(LabelId),
    /// No label had that name, so this one was created.
    Created(LabelId),
}

/// What [`remove_label`](crate::LabelIndex::remove_label) removed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use = "it says what went"]
#[non_exhaustive]
pub struct RemovedLabel {
    /// The label as it was.
    pub label: Label,
    /// How many links went with it, however the commit tells of them.
    pub links: u64,
}

/// What [`set_labels`](crate::LabelIndex::set_labels) did, in label order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use = "it says what changed"]
#[non_exhaustive]
pub struct SetDifference {
    /// The labels that the chat got.
    pub added: Vec<LabelId>,
    /// The labels that the chat lost.
    pub removed: Vec<LabelId>,
}

/// What [`link_all`](crate::LabelIndex::link_all) or [`unlink_all`](crate::LabelIndex::unlink_all) changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[must_use = "it says what changed"]
#[non_exhaustive]
pub struct ChangedChats {
    /// The chats that changed, resolved, once each, in the order given.
    pub chats: Vec<ChatId>,
}

/// What [`merge_chats`](crate::LabelIndex::merge_chats) did.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[must_use = "it says whether anything changed"]
pub enum Merged {
    /// `from` was a chat of its own, and is an alias now.
    Merged {
        /// The labels that `into` got from it, in label order.
        added: Vec<LabelId>,
    },
    /// `from` was an alias of another chat, and means `into` now. No label moved.
    Repointed,
    /// Both were the same chat already.
    Unchanged,
}

impl Upserted {
    /// Whether anything changed.
    pub fn changed(&self) -> bool {
        *self != Self::Unchanged
    }
}

impl Updated {
    /// Whether anything changed.
    pub fn changed(&self) -> bool {
        *self != Self::Unchanged
    }
}

impl Ensured {
    /// Whether the label was created.
    pub fn changed(&self) -> bool {
        matches!(self, Self::Created(_))
    }

    /// The label's id.
    pub fn id(&self) -> &LabelId {
        let (Self::Existing(id) | Self::Created(id)) = self;
        id
    }
}

impl RemovedLabel {
    /// Always true: removing a label that does not exist is an error.
    pub fn changed(&self) -> bool {
        true
    }
}

impl SetDifference {
    /// Whether anything changed.
    pub fn changed(&self) -> bool {
        !(self.added.is_empty() && self.removed.is_empty())
    }
}

impl ChangedChats {
    /// Whether any chat changed.
    pub fn changed(&self) -> bool {
        !self.chats.is_empty()
    }
}

impl Merged {
    /// Whether anything changed.
    pub fn changed(&self) -> bool {
        *self != Self::Unchanged
    }
}

/// Whether an index was ever refreshed: tells "empty" from "not synced yet".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum RefreshState {
    /// No refresh was committed yet.
    #[default]
    Never,
    /// A refresh was committed.
    Done {
        /// The revision that the last one made.
        revision: Revision,
    },
}

/// What a refresh changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Refreshed {
    /// Labels that are new or came back.
    pub labels_created: usize,
    /// Labels whose attributes changed.
    pub labels_updated: usize,
    /// Labels that were removed, with all their links.
    pub labels_removed: usize,
    /// Pairs that were added.
    pub linked: usize,
    /// Pairs that were removed one by one: also those of removed labels where
    /// [`Limits::removal_unlinks`](crate::Limits::removal_unlinks) says so.
    pub unlinked: usize,
    pub(crate) changed: bool,
}

impl Refreshed {
    /// Whether there was a commit: something differed, or this was the first refresh.
    pub fn changed(&self) -> bool {
        self.changed
    }
}

/// What one operation of a batch did, in the words of the method of the same name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[must_use = "it says whether anything changed"]
#[non_exhaustive]
pub enum Outcome {
    /// `upsert_label`.
    Upserted(Upserted),
    /// `update_label`.
    Updated(Updated),
    /// `create_label`: the new id.
    Created(LabelId),
    /// `ensure_label`.
    Ensured(Ensured),
    /// `remove_label`.
    Removed(RemovedLabel),
    /// `link`: whether the pair was added.
    Linked(bool),
    /// `unlink`: whether the pair was removed.
    Unlinked(bool),
    /// `link_all`.
    LinkedAll(ChangedChats),
    /// `unlink_all`.
    UnlinkedAll(ChangedChats),
    /// `set_labels`.
    Set(SetDifference),
    /// `merge_chats`.
    Merged(Merged),
    /// `unalias`: whether the id was an alias.
    Unaliased(bool),
    /// `ingest`: whether anything changed.
    Ingested(bool),
}

impl Outcome {
    /// Whether the operation changed anything.
    pub fn changed(&self) -> bool {
        match self {
            Self::Upserted(outcome) => outcome.changed(),
            Self::Updated(outcome) => outcome.changed(),
            Self::Created(_) => true,
            Self::Ensured(outcome) => outcome.changed(),
            Self::Removed(outcome) => outcome.changed(),
            Self::LinkedAll(outcome) | Self::UnlinkedAll(outcome) => outcome.changed(),
            Self::Set(outcome) => outcome.changed(),
            Self::Merged(outcome) => outcome.changed(),
            Self::Linked(changed) | Self::Unlinked(changed) | Self::Unaliased(changed) | Self::Ingested(changed) => {
                *changed
            }
        }
    }

    /// The label that the operation created under an id of its own choice.
    pub(crate) fn created(&self) -> Option<&LabelId> {
        match self {
            Self::Created(id) | Self::Ensured(Ensured::Created(id)) => Some(id),
            _ => None,
        }
    }

    /// The label that a token of this operation stands for.
    pub(crate) fn label(&self) -> Option<&LabelId> {
        match self {
            Self::Created(id) => Some(id),
            Self::Ensured(outcome) => Some(outcome.id()),
            _ => None,
        }
    }
}

/// What a batch did.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BatchCommit {
    /// What each operation did, by position.
    pub outcomes: Vec<Outcome>,
    /// The ids that `create_label` and `ensure_label` created, in order.
    pub created: Vec<LabelId>,
    /// The revision that the batch made, or that it found when it changed nothing.
    pub revision: Revision,
}

impl BatchCommit {
    /// Whether any operation changed anything, even if a later one undid it.
    pub fn changed(&self) -> bool {
        self.outcomes.iter().any(Outcome::changed)
    }
}

impl From<Committed<Vec<Outcome>>> for BatchCommit {
    fn from(Committed { outcome: outcomes, revision }: Committed<Vec<Outcome>>) -> Self {
        let created = outcomes.iter().filter_map(Outcome::created).cloned().collect();
        Self { outcomes, created, revision }
    }
}
