//! What happened: the values that the index applies, and that feeds and stores carry.

use std::sync::Arc;

use crate::model::chat_id::ChatId;
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::model::position::Position;

pub use crate::model::position::Revision;

/// The number that fixes a labelled chat's position in answers.
pub type Place = u32;

/// One thing that a commit changed.
///
/// The chats in a change are resolved: no alias occurs but as the `from` of a merge and in
/// [`AliasRemoved`](Self::AliasRemoved).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Change {
    /// A label came into being, perhaps again, perhaps provisional.
    LabelCreated {
        /// The label as it is now.
        label: Label,
    },
    /// A label's attributes changed.
    LabelUpdated {
        /// The label as it is now.
        label: Label,
    },
    /// A label went, and all its links with it; they are not listed one by one. Its id is remembered as deleted.
    LabelRemoved {
        /// The id. It may be one that was never seen, with no links, when a network reported its deletion.
        label: LabelId,
        /// How many links went.
        links: u64,
    },
    /// A chat got a label.
    ChatLinked {
        /// The label.
        label: LabelId,
        /// The chat.
        chat: ChatId,
        /// The chat's place in answers, new or old.
        place: Place,
    },
    /// A chat lost a label.
    ChatUnlinked {
        /// The label.
        label: LabelId,
        /// The chat.
        chat: ChatId,
    },
    /// Two ids turned out to be one chat: `from` and its aliases mean `into` from now on.
    ChatsMerged {
        /// The id that is an alias from now on.
        from: ChatId,
        /// The chat that it means.
        into: ChatId,
        /// The labels that `into` got from `from`, in label order.
        added: Vec<LabelId>,
    },
    /// The state of the network was taken over; the changes before this one in the same commit made the difference.
    Refreshed,
    /// An id is a chat of its own again.
    AliasRemoved {
        /// The id that was an alias.
        from: ChatId,
    },
}

impl Change {
    /// The name under which hosts publish the change: `label.upsert`, `label.deleted`, `label.chat.added` or
    /// `label.chat.deleted`; none for what has no such event.
    pub fn event_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::LabelCreated { .. } | Self::LabelUpdated { .. } => "label.upsert",
            Self::LabelRemoved { .. } => "label.deleted",
            Self::ChatLinked { .. } => "label.chat.added",
            Self::ChatUnlinked { .. } => "label.chat.deleted",
            Self::ChatsMerged { .. } | Self::Refreshed | Self::AliasRemoved { .. } => return None,
        })
    }
}

/// One operation or one batch that changed something, whole.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Commit {
    /// The revision that it made.
    pub revision: Revision,
    /// The same as a text to store: a subscriber that resumes here gets the commits after this one.
    pub position: Position,
    /// What it changed, in order; never empty.
    pub changes: Arc<[Change]>,
}

impl Commit {
    /// A commit of the index with this identity.
    pub(crate) fn new(identity: u64, revision: Revision, changes: impl Into<Arc<[Change]>>) -> Self {
        Self { revision, position: Position { identity, revision }, changes: changes.into() }
    }
}
