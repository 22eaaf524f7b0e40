//! Random histories that cover every kind of change and id, free places and batches.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::change::{Change, Commit, Revision};
use crate::model::chat_id::ChatId;
use crate::model::label::LabelPatch;
use crate::model::label_id::LabelId;
use crate::model::name::LabelName;
use crate::model::op::{Event, Op};
use crate::model::options::Limits;
use crate::state::State;
use crate::state::decide::{Rules, plan};

/// One commit. `is_held` keeps newly freed places from being taken, as a snapshot does.
#[derive(Debug, Clone)]
pub(super) struct Step {
    ops: Vec<Op>,
    is_held: bool,
    refreshes: bool,
}

fn labels() -> impl Strategy<Value = LabelId> {
    let texts = prop_oneof![Just("a"), Just("02"), Just("label ä"), Just("2147483648")];
    prop_oneof![6 => (1..9_u32).prop_map(LabelId::from), 1 => Just(LabelId::from(LabelId::MAX_DECIMAL)),
        2 => texts.prop_map(|text| text.parse().unwrap())]
}

fn chats() -> impl Strategy<Value = ChatId> {
    let number =
        prop_oneof![8 => 0..12_u64, 1 => Just(5_511_999_990_001), 1 => Just((1 << 60) - 1), 1 => Just(1 << 60)];
    let server = prop_oneof![6 => Just("@c.us"), 2 => Just("@lid"), 1 => Just("@g.us"), 1 => Just("@newsletter"),
        2 => Just(""), 2 => Just("@example.com")];
    let jids = (number, server).prop_map(|(number, server)| format!("{number}{server}"));
    let texts = prop_oneof![
        Just("ana@example.com".to_owned()),
        Just("007".to_owned()),
        Just("ä".repeat(127)),
        Just("11-22@g.us".to_owned())
    ];
    prop_oneof![6 => jids, 1 => texts].prop_map(|text| text.parse().unwrap())
}

fn patches() -> impl Strategy<Value = LabelPatch> {
    let name = prop_oneof![Just("VIP"), Just("\u{200e}Straße"), Just("a, b")];
    let number = prop_oneof![Just(0), Just(i32::MAX), Just(i32::MIN), -3..4_i32];
    (proptest::option::of(name), proptest::option::of(number.clone()), proptest::option::of(number)).prop_map(
        |(name, color, position)| {
            let name = name.map(|name| name.parse::<LabelName>().unwrap());
            LabelPatch { name, color, position }
        },
    )
}

fn ops() -> impl Strategy<Value = Op> {
    let event = prop_oneof![
        3 => (labels(), patches()).prop_map(|(label, patch)| Event::LabelEdited { label, patch }),
        1 => labels().prop_map(|label| Event::LabelDeleted { label }),
        9 => (labels(), chats()).prop_map(|(label, chat)| Event::ChatLabelled { label, chat }),
        4 => (labels(), chats()).prop_map(|(label, chat)| Event::ChatUnlabelled { label, chat }),
    ];
    prop_oneof![
        16 => event.prop_map(|event| Op::Ingest { event }),
        3 => (chats(), vec(labels(), 0..5)).prop_map(|(chat, labels)| Op::SetLabels { chat, labels }),
        2 => (labels(), vec(chats(), 0..6)).prop_map(|(label, chats)| Op::LinkAll { label, chats }),
        2 => (chats(), chats()).prop_map(|(from, into)| Op::MergeChats { from, into }),
        1 => chats().prop_map(|from| Op::Unalias { from }),
    ]
}

/// The steps of a history.
pub(super) fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let ops = prop_oneof![4 => vec(ops(), 1..2), 1 => vec(ops(), 2..9)];
    let step = (ops, prop::bool::weighted(0.2), prop::bool::weighted(0.05));
    vec(step.prop_map(|(ops, is_held, refreshes)| Step { ops, is_held, refreshes }), 0..most)
}

/// Carries out a step. A refused operation changes nothing.
pub(super) fn perform(state: &mut State, step: &Step) -> Option<Commit> {
    let horizon = if step.is_held { state.revision.saturating_sub(2) } else { Revision::MAX };
    let rules = Rules { limits: Limits::default(), horizon };
    let mut all = Vec::new();
    for op in &step.ops {
        let changes = plan(state, op, rules).map(|plan| plan.changes).unwrap_or_default();
        state.apply(&changes);
        all.extend(changes);
    }
    if step.refreshes {
        state.apply(&[Change::Refreshed]);
        all.push(Change::Refreshed);
    }
    if all.is_empty() {
        return None;
    }
    state.finish_commit();
    Some(Commit::new(state.identity, state.revision, all))
}
