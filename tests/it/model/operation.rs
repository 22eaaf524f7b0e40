//! Operations with parsed arguments, as the model takes them.

use label_index::{ChatId, Event, LabelId, LabelPatch, NewLabel};

/// A label by id, or the label of an earlier operation of the batch, by position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Named {
    Id(LabelId),
    Position(usize),
}

#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Upsert { id: LabelId, patch: LabelPatch },
    Update { label: Named, patch: LabelPatch },
    Create { label: NewLabel },
    Ensure { label: NewLabel },
    Remove { label: Named },
    Link { label: Named, chat: ChatId },
    Unlink { label: Named, chat: ChatId },
    LinkAll { label: Named, chats: Vec<ChatId> },
    UnlinkAll { label: Named, chats: Vec<ChatId> },
    SetLabels { chat: ChatId, labels: Vec<Named> },
    Merge { from: ChatId, into: ChatId },
    Unalias { from: ChatId },
    Ingest { event: Event },
}

impl Operation {
    /// How much it counts towards the limit of operations.
    pub(crate) fn weight(&self) -> usize {
        match self {
            Self::LinkAll { chats, .. } | Self::UnlinkAll { chats, .. } => chats.len().max(1),
            Self::SetLabels { labels, .. } => labels.len().max(1),
            _ => 1,
        }
    }

    /// Whether a token stands for the label that it gives.
    pub(crate) fn gives_label(&self) -> bool {
        matches!(self, Self::Create { .. } | Self::Ensure { .. })
    }
}
