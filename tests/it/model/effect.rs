//! The outcome of an operation, in a form that the model can make too.

use label_index::{ChatId, Ensured, LabelId, Merged, Outcome, Updated, Upserted};

use super::labels::Listed;

/// An [`Outcome`] that can be made outside of the crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Upserted(Upserted),
    Updated(Updated),
    Created(LabelId),
    Ensured(Ensured),
    Removed { label: Listed, links: u64 },
    Linked(bool),
    Unlinked(bool),
    LinkedAll(Vec<ChatId>),
    UnlinkedAll(Vec<ChatId>),
    Set { added: Vec<LabelId>, removed: Vec<LabelId> },
    Merged(Merged),
    Unaliased(bool),
    Ingested(bool),
}

/// The result of an operation, whether it made a commit or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Done {
    pub(crate) effect: Effect,
    pub(crate) changed: bool,
    pub(crate) revision: u64,
}

/// The result of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BatchDone {
    pub(crate) effects: Vec<Effect>,
    pub(crate) created: Vec<LabelId>,
    pub(crate) changed: bool,
    pub(crate) revision: u64,
}

impl Effect {
    pub(crate) fn changed(&self) -> bool {
        match self {
            Self::Upserted(upserted) => !matches!(upserted, Upserted::Unchanged),
            Self::Updated(updated) => matches!(updated, Updated::Updated),
            Self::Created(_) | Self::Removed { .. } => true,
            Self::Ensured(ensured) => matches!(ensured, Ensured::Created(_)),
            Self::LinkedAll(chats) | Self::UnlinkedAll(chats) => !chats.is_empty(),
            Self::Set { added, removed } => !added.is_empty() || !removed.is_empty(),
            Self::Merged(merged) => !matches!(merged, Merged::Unchanged),
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

    /// The label that a token of the operation stands for.
    pub(crate) fn label(&self) -> Option<&LabelId> {
        match self {
            Self::Created(id) | Self::Ensured(Ensured::Created(id) | Ensured::Existing(id)) => Some(id),
            _ => None,
        }
    }
}

impl From<&Outcome> for Effect {
    fn from(outcome: &Outcome) -> Self {
        match outcome.clone() {
            Outcome::Upserted(upserted) => Self::Upserted(upserted),
            Outcome::Updated(updated) => Self::Updated(updated),
            Outcome::Created(id) => Self::Created(id),
            Outcome::Ensured(ensured) => Self::Ensured(ensured),
            Outcome::Removed(removed) => Self::Removed { label: (&removed.label).into(), links: removed.links },
            Outcome::Linked(changed) => Self::Linked(changed),
            Outcome::Unlinked(changed) => Self::Unlinked(changed),
            Outcome::LinkedAll(changed) => Self::LinkedAll(changed.chats),
            Outcome::UnlinkedAll(changed) => Self::UnlinkedAll(changed.chats),
            Outcome::Set(set) => Self::Set { added: set.added, removed: set.removed },
            Outcome::Merged(merged) => Self::Merged(merged),
            Outcome::Unaliased(changed) => Self::Unaliased(changed),
            Outcome::Ingested(changed) => Self::Ingested(changed),
            other => panic!("an outcome that the model does not know: {other:?}"),
        }
    }
}
