//! States to test, made as every state is made: by operations.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod page;
mod random;
mod totals;

use crate::change::Revision;
use crate::chat_id::ChatId;
use crate::label_id::LabelId;
use crate::op::{Event, Op};
use crate::options::Limits;
use crate::state::State;
use crate::state::plan::{Rules, plan};

pub(in crate::state) fn empty() -> State {
    State::new(0, 7)
}

pub(in crate::state) fn label(id: u32) -> LabelId {
    LabelId::from(id)
}

pub(in crate::state) fn chat(id: &str) -> ChatId {
    id.parse().unwrap()
}

/// Carries out operations as one commit. What is refused changes nothing.
pub(in crate::state) fn commit(state: &mut State, ops: impl IntoIterator<Item = Op>) {
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

pub(in crate::state) fn define(id: u32, name: &str) -> Op {
    Op::UpsertLabel { id: label(id), patch: name.try_into().unwrap() }
}

/// Gives a chat a label, known or not.
pub(in crate::state) fn link(id: u32, of: &str) -> Op {
    Op::Ingest { event: Event::ChatLabelled { label: label(id), chat: chat(of) } }
}

pub(in crate::state) fn unlink(id: u32, of: &str) -> Op {
    Op::Unlink { label: label(id), chat: chat(of) }
}
