//! Writes with their arguments parsed, and what each of them answers: once for both ways of making them.

use crate::index::writer_lock::{Attempt, Found, Work};
use crate::model::arg::Arg;
use crate::model::chat_id::ChatId;
use crate::model::error::Result;
use crate::model::label::{LabelPatch, NewLabel};
use crate::model::label_id::LabelId;
use crate::model::label_ref::LabelRef;
use crate::model::op::{
    BatchCommit, ChangedChats, Committed, Ensured, Event, Merged, Op, Outcome, Refreshed, RemovedLabel, SetDifference,
    Updated, Upserted,
};

/// A write, and how its answer is read.
pub(crate) struct Request<T> {
    pub(crate) work: Work,
    pub(crate) read: fn(Found) -> Result<T>,
}

impl<T> Request<T> {
    fn one(op: Op, read: fn(Found) -> Result<T>) -> Self {
        Self { work: Work::One(op), read }
    }
}

impl Request<BatchCommit> {
    pub(crate) fn batch(ops: Vec<Op<LabelRef>>) -> Self {
        Self { work: Work::Batch(ops), read: |found| found.batch().map(BatchCommit::from) }
    }
}

impl Request<Committed<Refreshed>> {
    pub(crate) fn refresh(attempt: Attempt) -> Self {
        Self { work: Work::Refresh(attempt), read: Found::refreshed }
    }
}

impl Request<()> {
    pub(crate) fn nothing() -> Self {
        let read = |found| match found {
            Found::Nothing(found) => found,
            found => unreachable!("nothing answered {found:?}"),
        };
        Self { work: Work::Nothing, read }
    }
}

impl Found {
    fn one(self) -> Result<Committed<Outcome>> {
        match self {
            Self::One(found) => found,
            found => unreachable!("one operation answered {found:?}"),
        }
    }

    fn batch(self) -> Result<Committed<Vec<Outcome>>> {
        match self {
            Self::Batch(found) => found,
            found => unreachable!("a batch answered {found:?}"),
        }
    }

    fn refreshed(self) -> Result<Committed<Refreshed>> {
        match self {
            Self::Refreshed(found) => found,
            found => unreachable!("a refresh answered {found:?}"),
        }
    }

    fn changed(self) -> Result<bool> {
        Ok(self.one()?.outcome.changed())
    }
}

/// Reads the outcome that an operation of its kind has.
macro_rules! outcome {
    ($kind:ident) => {
        |found| {
            let Committed { outcome, revision } = found.one()?;
            match outcome {
                Outcome::$kind(outcome) => Ok(Committed { outcome, revision }),
                other => unreachable!("an operation answered {other:?}"),
            }
        }
    };
}

/// Parses every item before anything is done.
pub(crate) fn parse_all<T, A: Arg<T>>(items: impl IntoIterator<Item = A>) -> Result<Vec<T>> {
    items.into_iter().map(Arg::parse_arg).collect()
}

pub(crate) fn upsert_label(id: impl Arg<LabelId>, patch: impl Arg<LabelPatch>) -> Result<Request<Committed<Upserted>>> {
    let op = Op::UpsertLabel { id: id.parse_arg()?, patch: patch.parse_arg()? };
    Ok(Request::one(op, outcome!(Upserted)))
}

pub(crate) fn update_label(id: impl Arg<LabelId>, patch: impl Arg<LabelPatch>) -> Result<Request<Committed<Updated>>> {
    let op = Op::UpdateLabel { label: id.parse_arg()?, patch: patch.parse_arg()? };
    Ok(Request::one(op, outcome!(Updated)))
}

pub(crate) fn create_label(label: impl Arg<NewLabel>) -> Result<Request<Committed<LabelId>>> {
    Ok(Request::one(Op::CreateLabel { label: label.parse_arg()? }, outcome!(Created)))
}

pub(crate) fn ensure_label(label: impl Arg<NewLabel>) -> Result<Request<Committed<Ensured>>> {
    Ok(Request::one(Op::EnsureLabel { label: label.parse_arg()? }, outcome!(Ensured)))
}

pub(crate) fn remove_label(id: impl Arg<LabelId>) -> Result<Request<Committed<RemovedLabel>>> {
    Ok(Request::one(Op::RemoveLabel { label: id.parse_arg()? }, outcome!(Removed)))
}

pub(crate) fn link(label: impl Arg<LabelId>, chat: impl Arg<ChatId>) -> Result<Request<bool>> {
    Ok(Request::one(Op::Link { label: label.parse_arg()?, chat: chat.parse_arg()? }, Found::changed))
}

pub(crate) fn unlink(label: impl Arg<LabelId>, chat: impl Arg<ChatId>) -> Result<Request<bool>> {
    Ok(Request::one(Op::Unlink { label: label.parse_arg()?, chat: chat.parse_arg()? }, Found::changed))
}

pub(crate) fn link_all<C: Arg<ChatId>>(
    label: impl Arg<LabelId>,
    chats: impl IntoIterator<Item = C>,
) -> Result<Request<Committed<ChangedChats>>> {
    let op = Op::LinkAll { label: label.parse_arg()?, chats: parse_all(chats)? };
    Ok(Request::one(op, outcome!(LinkedAll)))
}

pub(crate) fn unlink_all<C: Arg<ChatId>>(
    label: impl Arg<LabelId>,
    chats: impl IntoIterator<Item = C>,
) -> Result<Request<Committed<ChangedChats>>> {
    let op = Op::UnlinkAll { label: label.parse_arg()?, chats: parse_all(chats)? };
    Ok(Request::one(op, outcome!(UnlinkedAll)))
}

pub(crate) fn set_labels<L: Arg<LabelId>>(
    chat: impl Arg<ChatId>,
    labels: impl IntoIterator<Item = L>,
) -> Result<Request<Committed<SetDifference>>> {
    let op = Op::SetLabels { chat: chat.parse_arg()?, labels: parse_all(labels)? };
    Ok(Request::one(op, outcome!(Set)))
}

pub(crate) fn merge_chats(from: impl Arg<ChatId>, into: impl Arg<ChatId>) -> Result<Request<Committed<Merged>>> {
    let op = Op::MergeChats { from: from.parse_arg()?, into: into.parse_arg()? };
    Ok(Request::one(op, outcome!(Merged)))
}

pub(crate) fn unalias(from: impl Arg<ChatId>) -> Result<Request<bool>> {
    Ok(Request::one(Op::Unalias { from: from.parse_arg()? }, Found::changed))
}

pub(crate) fn ingest(event: Event) -> Request<bool> {
    Request::one(Op::Ingest { event }, Found::changed)
}
