//! The labels of a chat, and those of the chats of one answer.

use crate::model::filter::{Filter, Page};
use crate::model::label::Label;
use crate::model::options::Limits;
use crate::query::answer::LabelledChat;
use crate::query::chat_labels::ChatLabels;
use crate::state::State;
use crate::state::tests::{chat, commit, define, empty, link};

/// Chats with 1, 0, 3 and 100 labels; all have label 1 but the second, which has none any more.
fn state() -> State {
    let mut state = empty();
    commit(&mut state, (1..=100).map(|label| define(label, "label")));
    commit(&mut state, [link(1, "one")]);
    commit(&mut state, [3, 1, 2].map(|label| link(label, "three")));
    commit(&mut state, (1..=100).map(|label| link(label, "all")));
    state
}

fn ids(labels: &ChatLabels) -> Vec<u32> {
    labels.iter().filter_map(|label| label.id().decimal()).collect()
}

fn page(state: &State) -> Vec<LabelledChat> {
    state.chat_page(&Filter::new(), Page::first(10), &Limits::default()).unwrap().chats
}

#[test]
fn each_chat_of_an_answer_has_its_own_labels() {
    let state = state();
    let chats = page(&state);
    let all: Vec<u32> = (1..=100).collect();
    assert_eq!(chats.iter().map(|chat| ids(&chat.labels)).collect::<Vec<_>>(), [&[1][..], &[1, 2, 3], &all]);
    for chat in &chats {
        assert_eq!(chat.labels, state.labels_of(&chat.chat_id));
    }
    let each = state.labels_of_each(["three", "nobody", "", "one", "three"]);
    assert_eq!(each.iter().map(ids).collect::<Vec<_>>(), [&[1, 2, 3][..], &[], &[], &[1], &[1, 2, 3]]);
}

#[test]
fn a_list_is_read_from_both_ends_and_by_position() {
    let labels = state().labels_of(&chat("three"));
    assert_eq!((labels.len(), labels.iter().len()), (3, 3));
    let backwards: Vec<Option<u32>> = labels.iter().rev().map(|label| label.id().decimal()).collect();
    assert_eq!(backwards, [Some(3), Some(2), Some(1)]);
    let mut both = labels.iter();
    assert_eq!((both.next(), both.next_back(), both.len()), (labels.get(0), labels.get(2), 1));
    assert_eq!((both.next(), both.next(), both.next_back()), (labels.get(1), None, None));
    assert_eq!((labels.first(), labels.get(3)), (labels.get(0), None));
    let owned: Vec<Label> = labels.clone().into();
    assert_eq!(labels, owned);
    assert!(owned.iter().all(|label| labels.contains(label)));
    assert!(labels.into_iter().eq(owned));
}

#[test]
fn an_empty_list_has_nothing() {
    let labels = ChatLabels::default();
    assert!(labels.is_empty() && labels.to_vec().is_empty());
    assert_eq!((labels.len(), labels.first(), labels.iter().next()), (0, None, None));
    assert_eq!(labels, state().labels_of(&chat("nobody")));
    assert_eq!(labels, []);
}

#[test]
#[should_panic(expected = "no label at position 1 of 1")]
#[expect(clippy::indexing_slicing, reason = "this is what panics")]
fn a_position_behind_the_end_panics() {
    let _ = &state().labels_of(&chat("one"))[1];
}

#[test]
fn an_answer_keeps_the_labels_of_its_revision() {
    let mut state = state();
    let before = page(&state);
    commit(&mut state, [define(1, "other")]);
    let after = page(&state);
    let names = |chats: &[LabelledChat]| -> Vec<String> {
        chats.iter().map(|chat| chat.labels.first().unwrap().name().unwrap().to_string()).collect()
    };
    assert_eq!(names(&before), ["label"; 3]);
    assert_eq!(names(&after), ["other"; 3]);
    let renamed = after.first().and_then(|chat| chat.labels.first()).unwrap();
    assert!(before.iter().all(|chat| !chat.labels.contains(renamed)));
    assert!(after.iter().all(|chat| chat.labels.contains(renamed)));
    assert_ne!(before, after);
}
