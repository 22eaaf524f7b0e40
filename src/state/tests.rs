//! States for tests, made by operations.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::model::change::{Change, Revision};
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

/// Carries out operations as one commit. A refused operation changes nothing.
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

/// Links a chat, also to a label that is not known yet.
pub(crate) fn link(id: u32, of: &str) -> Op {
    Op::Ingest { event: Event::ChatLabelled { label: label(id), chat: chat(of) } }
}

pub(crate) fn unlink(id: u32, of: &str) -> Op {
    Op::Unlink { label: label(id), chat: chat(of) }
}

/// The changes of an operation at a horizon.
fn changes_at(state: &State, op: &Op, horizon: Revision) -> Vec<Change> {
    plan(state, op, Rules { limits: Limits::default(), horizon }).unwrap().changes.to_vec()
}

/// Links a chat at a horizon. Returns its place.
fn place_at(state: &mut State, of: &str, horizon: Revision) -> u32 {
    let changes = changes_at(state, &link(1, of), horizon);
    state.apply(&changes);
    state.finish_commit();
    state.check_invariants().unwrap();
    let [Change::ChatLinked { place, .. }] = changes[..] else { unreachable!("{changes:?}") };
    place
}

/// A state of `chats` chats without those from `kept` on, and without every third of the others.
fn shrunk(chats: u32, kept: u32) -> State {
    let mut state = empty();
    commit(&mut state, [define(1, "one")]);
    let names: Vec<String> = (0..chats).map(|number| format!("chat {number}")).collect();
    commit(&mut state, names.iter().map(|name| link(1, name)));
    for (number, name) in (0..chats).zip(&names).rev() {
        if number >= kept || number % 3 == 0 {
            commit(&mut state, [unlink(1, name)]);
        }
    }
    state.check_invariants().unwrap();
    state
}

#[test]
fn the_first_new_chat_removes_the_free_places_at_the_end() {
    let mut state = shrunk(3_000, 100);
    let last = state.revision;
    assert_eq!(place_at(&mut state.clone(), "new", 0), 3_000, "a snapshot shows all of them");
    assert_eq!(place_at(&mut state.clone(), "new", last - 1), 2_999, "a snapshot shows some of them");
    assert_eq!(place_at(&mut state, "new", last), 99, "chat 99 is gone, and chat 98 the last one");
    assert_eq!(state.chats.len(), 100);
    assert_eq!(place_at(&mut state, "another", last), 96, "the place that has been free for longest");
    assert_eq!(place_at(&mut state, "beside a snapshot", 0), 100);
}

#[test]
fn the_place_of_a_new_chat_says_that_free_places_are_removed() {
    let mut state = empty();
    commit(&mut state, [define(1, "one")]);
    let names: Vec<String> = (0..2_000).map(|number| format!("chat {number}")).collect();
    commit(&mut state, names.iter().map(|name| link(1, name)));
    commit(&mut state, names.iter().skip(10).map(|name| unlink(1, name)));
    assert_eq!(state.chats.free_list().unwrap().0, 10);
    let last = state.revision;
    assert_eq!(place_at(&mut state, "new", last), 11, "not the first free place");
    assert_eq!((state.chats.len(), state.chats.free_list()), (12, Some((10, 10))));
    assert_eq!(place_at(&mut state, "another", last), 10);
}

#[test]
fn few_free_places_at_the_end_stay() {
    let mut state = shrunk(1_200, 100);
    let last = state.revision;
    assert_eq!(place_at(&mut state.clone(), "new", last), 1_199);
    commit(&mut state, [define(2, "two")]);
    assert_eq!(state.chats.len(), 1_200);
}

#[test]
fn an_index_that_was_emptied_begins_anew() {
    let mut state = shrunk(1_024, 0);
    let last = state.revision;
    assert_eq!(place_at(&mut state, "new", last), 0);
    assert_eq!((state.chats.len(), state.chats.free_list()), (1, None));
}

/// Everything in a state that a read or a later write can observe: labels, pairs at their places, the free places in
/// their order with the revisions at which they became free, aliases, and numbers.
pub(crate) fn all_of(state: &State) -> Vec<String> {
    state.check_invariants().unwrap();
    let mut all = vec![format!(
        "revision {}, {:?}, {} rows, {} places, highest label {}",
        state.revision,
        state.refresh_state,
        state.total_rows,
        state.chats.len(),
        state.labels.highest
    )];
    all.extend(state.labels.iter().map(|label| format!("{label:?}")));
    all.extend(state.labels.deleted.iter().map(|(id, ())| format!("deleted {id}")));
    for (place, _) in state.chats.taken_from(0) {
        let labels: Vec<String> = state.labels_at(place).iter().map(|label| label.id().to_string()).collect();
        all.push(format!("{place}: {} has {labels:?}", state.chats.chat_at(place).unwrap()));
    }
    let mut next = state.chats.free_list().map(|(first, _)| first);
    while let Some(place) = next {
        let (freed, behind) = state.chats.free_at(place).unwrap();
        all.push(format!("{place}: free since {freed}"));
        next = behind;
    }
    all.extend(state.aliases.iter().map(|(alias, chat)| format!("{alias} means {chat}")));
    all
}
