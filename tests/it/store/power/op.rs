//! Operations on one instance, carried out alike on a stored index and on one in memory.

use label_index::{Batch, BatchCommit, Error, FullState, LabelIndex, LabelPatch, Refreshed};

use crate::model::action::{Action, Tokens};
use crate::model::effect::{BatchDone, Done};

#[derive(Debug, Clone)]
pub(crate) enum Op {
    One(Action),
    Batch(Vec<Action>),
    Refresh(FullState),
}

/// The answer of an operation.
#[derive(Debug, PartialEq)]
pub(crate) enum Answer {
    One(Result<Done, Error>),
    Batch(Result<BatchDone, Error>),
    /// With the revision.
    Refresh(Result<(Refreshed, u64), Error>),
}

impl Op {
    pub(crate) fn carry_out(&self, index: &LabelIndex) -> Answer {
        match self {
            Self::One(action) => Answer::One(action.perform(index)),
            Self::Batch(actions) => Answer::of_batch(&batch(actions, index).commit()),
            Self::Refresh(state) => Answer::Refresh(index.begin_refresh().and_then(|ticket| {
                let committed = ticket.commit(state.clone()).map_err(|refused| refused.cause)?;
                Ok((committed.outcome, committed.revision))
            })),
        }
    }

    /// Whether the answer depends on the index. That to a refused argument does not.
    pub(crate) fn asks_the_index(&self) -> bool {
        match self {
            Self::One(action) => action.parse(&Tokens::default()).is_ok(),
            Self::Batch(_) | Self::Refresh(_) => true,
        }
    }
}

/// A batch of these operations, without those that the batch refuses to add.
pub(crate) fn batch(actions: &[Action], index: &LabelIndex) -> Batch {
    let (mut batch, mut tokens) = (index.batch(), Tokens::default());
    for action in actions {
        let position = batch.len();
        if let Ok(Some(token)) = action.add(&mut batch, &tokens) {
            tokens.own.push((position, token));
        }
    }
    batch
}

/// The contents of the index without every n-th link, and with one more chat.
pub(crate) fn full_state(index: &LabelIndex, without_every: usize) -> Result<FullState, Error> {
    let mut state = FullState::new();
    for label in index.labels() {
        state.label(label.id(), LabelPatch::new())?;
        state.link(label.id(), "fetched@c.us")?;
    }
    let pairs = index.iter().flat_map(|chat| {
        let labels: Vec<_> = chat.labels.iter().map(|label| label.id().clone()).collect();
        labels.into_iter().map(move |label| (label, chat.chat_id.clone()))
    });
    let kept = pairs.enumerate().filter(|(number, _)| !number.is_multiple_of(without_every));
    for (_, (label, chat)) in kept {
        state.link(label, chat)?;
    }
    Ok(state)
}

impl Answer {
    pub(crate) fn of_batch(committed: &Result<BatchCommit, Error>) -> Self {
        Self::Batch(committed.as_ref().map(BatchDone::from).map_err(Error::clone))
    }

    fn error(&self) -> Option<&Error> {
        match self {
            Self::One(answer) => answer.as_ref().err(),
            Self::Batch(answer) => answer.as_ref().err(),
            Self::Refresh(answer) => answer.as_ref().err(),
        }
    }

    /// Whether the error is that of a failed store.
    pub(crate) fn is_failure(&self) -> bool {
        matches!(self.error(), Some(Error::StoreFailed { .. }))
    }
}
