//! What hosts publish, for instance to webhooks.

use std::fmt;

use crate::model::chat_id::ChatId;
use crate::model::label::Label;
use crate::model::label_id::LabelId;

/// An event as hosts publish it; [`Change::events`](crate::Change::events) and [`Commit::events`](crate::Commit::events)
/// give those of a change. With the feature `serde` it is an object whose field `event` has the [`name`](Self::name).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(tag = "event", deny_unknown_fields))]
#[non_exhaustive]
pub enum PublicEvent {
    /// `label.upsert`: a label was created, or its attributes changed.
    #[cfg_attr(feature = "serde", serde(rename = "label.upsert"))]
    LabelUpsert {
        /// The label as it was then.
        label: Label,
    },
    /// `label.deleted`: a label was removed with all its links. These have no events of their own, unless
    /// [`Limits::removal_unlinks`](crate::Limits::removal_unlinks) says so: then they come before this.
    #[cfg_attr(feature = "serde", serde(rename = "label.deleted"))]
    LabelDeleted {
        /// Its id.
        label: LabelId,
        /// How many chats lost it without an event of their own.
        links: u64,
    },
    /// `label.chat.added`: a chat got a label.
    #[cfg_attr(feature = "serde", serde(rename = "label.chat.added"))]
    ChatAdded {
        /// The label.
        label: LabelId,
        /// The chat.
        chat: ChatId,
    },
    /// `label.chat.deleted`: a chat lost a label.
    #[cfg_attr(feature = "serde", serde(rename = "label.chat.deleted"))]
    ChatDeleted {
        /// The label.
        label: LabelId,
        /// The chat. It may be an alias of another one from now on.
        chat: ChatId,
    },
}

impl PublicEvent {
    /// The name: `label.upsert`, `label.deleted`, `label.chat.added` or `label.chat.deleted`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::LabelUpsert { .. } => "label.upsert",
            Self::LabelDeleted { .. } => "label.deleted",
            Self::ChatAdded { .. } => "label.chat.added",
            Self::ChatDeleted { .. } => "label.chat.deleted",
        }
    }

    /// The id of the label.
    pub fn label(&self) -> &LabelId {
        match self {
            Self::LabelUpsert { label } => label.id(),
            Self::LabelDeleted { label, .. } | Self::ChatAdded { label, .. } | Self::ChatDeleted { label, .. } => label,
        }
    }

    /// The chat, if the event is about one.
    pub fn chat(&self) -> Option<&ChatId> {
        match self {
            Self::LabelUpsert { .. } | Self::LabelDeleted { .. } => None,
            Self::ChatAdded { chat, .. } | Self::ChatDeleted { chat, .. } => Some(chat),
        }
    }

    pub(in crate::model) fn added(label: &LabelId, chat: &ChatId) -> Self {
        Self::ChatAdded { label: label.clone(), chat: chat.clone() }
    }

    pub(in crate::model) fn deleted(label: &LabelId, chat: &ChatId) -> Self {
        Self::ChatDeleted { label: label.clone(), chat: chat.clone() }
    }
}

/// The name and the ids, for logs.
impl fmt::Display for PublicEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.label())?;
        self.chat().map_or(Ok(()), |chat| write!(f, " {chat}"))
    }
}
