//! The meaning of the records of a full state.

use label_index::{Error, FullState, LabelIndex, LabelPatch, RefreshState};

use super::{colored, index, labels, next_changes, pairs, refresh, state};

#[test]
fn the_order_of_records_never_matters() {
    type Add = fn(&mut FullState) -> Result<(), Error>;
    let records: [Add; 7] = [
        |state| state.label("1", "VIP"),
        |state| state.label("1", LabelPatch::new().color(4)),
        |state| state.deleted_label("1"),
        |state| state.link("1", "ana"),
        |state| state.link("2", "bob"),
        |state| state.removed_link("1", "ana"),
        |state| state.label("1", colored("Late", 3)),
    ];
    let seen = |order: &mut dyn Iterator<Item = &Add>| {
        let mut state = FullState::new();
        order.for_each(|add| add(&mut state).unwrap());
        let index = LabelIndex::new();
        assert!(refresh(&index, state).changed());
        (labels(&index), pairs(&index), index.iter().map(|row| row.chat_id).collect::<Vec<_>>())
    };
    let first = seen(&mut records.iter());
    assert_eq!(
        (&first.0[..], &first.1[..]),
        (&["1 Late 3".into(), "2 -".into()][..], &["1 ana".into(), "2 bob".into()][..])
    );
    for start in 0..records.len() {
        assert_eq!(seen(&mut records.iter().cycle().skip(start).take(records.len())), first);
        assert_eq!(seen(&mut records.iter().rev().cycle().skip(start).take(records.len())), first);
    }
}

#[test]
fn records_of_a_label_are_merged_field_by_field() {
    let index = LabelIndex::new();
    let mut state = FullState::new();
    state.label("1", LabelPatch::new().color(7)).unwrap();
    state.label("1", "VIP").unwrap();
    state.label("1", LabelPatch::new().position(2)).unwrap();
    assert_eq!(refresh(&index, state).labels_created, 1);
    assert_eq!(labels(&index), ["1 VIP 7 2"]);
}

#[test]
fn of_two_values_for_a_field_the_lesser_counts() {
    let index = LabelIndex::new();
    let mut state = FullState::new();
    state.label("1", LabelPatch::named("b").unwrap().color(-1).position(9)).unwrap();
    state.label("1", LabelPatch::named("a").unwrap().color(1).position(8)).unwrap();
    assert!(refresh(&index, state).changed());
    assert_eq!(labels(&index), ["1 a -1 8"]);
}

#[test]
fn a_field_that_no_record_has_stays() {
    let index = LabelIndex::new();
    assert!(index.upsert_label("1", LabelPatch::named("VIP").unwrap().color(7).position(2)).unwrap().changed());
    let mut state = FullState::new();
    state.label("1", LabelPatch::new().color(8)).unwrap();
    assert_eq!(refresh(&index, state).labels_updated, 1);
    assert_eq!(labels(&index), ["1 VIP 8 2"]);
}

#[test]
fn a_live_record_beats_a_deleted_one() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let mut fetched = state(&[("1", "VIP")], &[("1", "ana")]);
    fetched.deleted_label("1").unwrap();
    assert!(!refresh(&index, fetched).changed());
}

#[test]
fn a_link_beats_a_removed_link() {
    let index = LabelIndex::new();
    let mut fetched = state(&[("1", "VIP")], &[("1", "ana")]);
    fetched.removed_link("1", "ana").unwrap();
    fetched.removed_link("1", "bob").unwrap();
    assert_eq!(refresh(&index, fetched).linked, 1);
    assert_eq!(pairs(&index), ["1 ana"]);
}

#[test]
fn a_link_beats_a_removed_link_after_aliases() {
    let index = index(&[("1", "VIP")], &[("1", "ana@c.us")]);
    assert!(index.merge_chats("77@lid", "ana@c.us").unwrap().changed());
    let mut fetched = state(&[("1", "VIP")], &[("1", "77@lid")]);
    fetched.removed_link("1", "ana@c.us").unwrap();
    assert!(!refresh(&index, fetched).changed());
    let both = state(&[("1", "VIP")], &[("1", "77@lid"), ("1", "ana@c.us")]);
    assert!(!refresh(&index, both).changed(), "one pair, told twice");
    assert_eq!(pairs(&index), ["1 ana@c.us"]);
}

#[test]
fn a_removed_link_means_the_same_as_no_record() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[("1", "ana"), ("1", "bob"), ("2", "ana")]);
    let mut fetched = state(&[("1", "VIP")], &[("1", "ana")]);
    fetched.removed_link("2", "ana").unwrap();
    fetched.removed_link("3", "ana").unwrap();
    let done = refresh(&index, fetched);
    assert_eq!((done.labels_created, done.labels_removed, done.unlinked), (0, 1, 1));
    assert_eq!((labels(&index), pairs(&index)), (vec!["1 VIP".into()], vec!["1 ana".into()]));
}

#[test]
fn a_label_in_no_record_and_no_link_is_removed() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[("1", "ana"), ("2", "ana"), ("2", "bob")]);
    let mut feed = index.subscribe();
    assert_eq!(refresh(&index, state(&[("1", "VIP")], &[("1", "ana")])).labels_removed, 1);
    assert_eq!(next_changes(&mut feed), ["removed 2 2", "refreshed"]);
    assert_eq!(index.create_label("New").unwrap().to_string(), "3", "the highest id stays");
}

#[test]
fn a_label_with_a_link_and_no_record_stays() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[("1", "ana"), ("2", "ana")]);
    let done = refresh(&index, state(&[("1", "VIP")], &[("1", "ana"), ("2", "bob")]));
    assert_eq!((done.labels_removed, done.labels_updated), (0, 0));
    assert_eq!(
        (labels(&index), pairs(&index)),
        (vec!["1 VIP".into(), "2 Late".into()], vec!["1 ana".into(), "2 bob".into()])
    );
}

#[test]
fn a_link_without_a_record_gives_a_provisional_label() {
    let index = LabelIndex::new();
    assert_eq!(refresh(&index, state(&[], &[("9", "ana")])).labels_created, 1);
    assert!(index.label("9").unwrap().is_provisional());
    assert_eq!(pairs(&index), ["9 ana"]);
}

#[test]
fn a_link_to_a_label_that_is_deleted_there_is_dropped() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[("1", "eve"), ("2", "ana")]);
    let mut fetched = state(&[("1", "VIP")], &[("1", "eve"), ("2", "ana"), ("2", "bob"), ("3", "ana")]);
    fetched.deleted_label("2").unwrap();
    fetched.deleted_label("3").unwrap();
    let done = refresh(&index, fetched);
    assert_eq!((done.labels_created, done.labels_removed, done.linked, done.unlinked), (0, 2, 0, 0));
    assert_eq!((labels(&index), pairs(&index)), (vec!["1 VIP".into()], vec!["1 eve".into()]));
}

#[test]
fn a_link_to_a_label_that_is_deleted_here_is_dropped() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[("2", "ana")]);
    assert!(index.remove_label("2").unwrap().changed());
    let done = refresh(&index, state(&[("1", "VIP")], &[("2", "ana"), ("2", "bob")]));
    assert!(!done.changed());
    assert_eq!((index.label("2"), pairs(&index)), (None, vec![]));
}

#[test]
fn a_live_record_of_a_deleted_label_brings_it_back_with_the_states_links() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[("2", "ana"), ("1", "ana")]);
    assert!(index.remove_label("2").unwrap().changed());
    let mut feed = index.subscribe();
    let done = refresh(&index, state(&[("1", "VIP"), ("2", "Back")], &[("1", "ana"), ("2", "bob")]));
    assert_eq!((done.labels_created, done.linked), (1, 1));
    assert_eq!(next_changes(&mut feed), ["created 2", "linked 2 bob", "refreshed"]);
    assert_eq!(
        (labels(&index), pairs(&index)),
        (vec!["1 VIP".into(), "2 Back".into()], vec!["1 ana".into(), "2 bob".into()])
    );
}

#[test]
fn a_deleted_label_that_was_never_seen_is_remembered() {
    let index = LabelIndex::new();
    let mut feed = index.subscribe();
    let mut fetched = FullState::new();
    fetched.deleted_label("41").unwrap();
    assert_eq!(refresh(&index, fetched.clone()).labels_removed, 1);
    assert_eq!(next_changes(&mut feed), ["removed 41 0", "refreshed"]);
    assert!(!refresh(&index, fetched).changed(), "it is known now");
    assert!(!refresh(&index, state(&[], &[("41", "ana")])).changed());
    assert_eq!(index.create_label("New").unwrap().to_string(), "42");
}

#[test]
fn aliases_stay() {
    let index = index(&[("1", "VIP")], &[("1", "77@lid")]);
    assert!(index.merge_chats("77@lid", "ana@c.us").unwrap().changed());
    assert!(index.merge_chats("88@lid", "bob@c.us").unwrap().changed());
    let aliases = index.aliases();
    let done = refresh(&index, state(&[("1", "VIP")], &[("1", "88@lid")]));
    assert_eq!((done.linked, done.unlinked), (1, 1));
    assert_eq!((index.aliases(), pairs(&index)), (aliases, vec!["1 bob@c.us".into()]));
}

#[test]
fn a_refused_record_adds_nothing() {
    let mut state = FullState::new();
    assert!(matches!(state.label("1", "\u{7}"), Err(Error::InvalidLabelName { .. })));
    assert!(matches!(state.label("1,2", "VIP"), Err(Error::InvalidLabelId { .. })));
    assert!(matches!(state.deleted_label(""), Err(Error::InvalidLabelId { .. })));
    assert!(matches!(state.link("1", ""), Err(Error::InvalidChatId { .. })));
    assert!(matches!(state.link("", "ana"), Err(Error::InvalidLabelId { .. })));
    assert!(matches!(state.removed_link("1", ""), Err(Error::InvalidChatId { .. })));
    assert_eq!(state, FullState::new());
    let index = LabelIndex::new();
    assert_eq!(refresh(&index, state).labels_created, 0);
    assert_eq!(index.refresh_state(), RefreshState::Done { revision: 1 });
}
