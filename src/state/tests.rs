//! States to test, made as every state is made: by operations.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::model::change::Revision;
use crate::model::chat_id::ChatId;
use crate::model::label_id::LabelId;
use crate::model::op::{Event, Op};
use crate::model::options::Limits;
use crate::state::State;
use crate::state::decide::{Rules, plan};

pub(crate) fn empty() -> State {
    State::new(0, 7)
}

pub(crate) fn label(id: u32) -> LabelId {
    LabelId::from(id)
}

pub(crate) fn chat(id: &str) -> ChatId {
    id.parse().unwrap()
}

/// Carries out operations as one commit. What is refused changes nothing.
pub(crate) fn commit(state: &mut State, ops: impl IntoIterator<Item = Op>) {
    let rules = Rules { limits: Limits::default(), horizon: Revision::MAX };
    let mut changed = false;
    for op in ops {
        let changes = plan(state, &op, rules).map(|plan| plan.changes).unwrap_or_default();
        changed |= !changes.is_empty();
        state.apply(&changes);
    }
    if changed {
        state.finish_commit();
    }
}

pub(crate) fn define(id: u32, name: &str) -> Op {
    Op::UpsertLabel { id: label(id), patch: name.try_into().unwrap() }
}

/// Gives a chat a label, known or not.
pub(crate) fn link(id: u32, of: &str) -> Op {
    Op::Ingest { event: Event::ChatLabelled { label: label(id), chat: chat(of) } }
}

pub(crate) fn unlink(id: u32, of: &str) -> Op {
    Op::Unlink { label: label(id), chat: chat(of) }
}
