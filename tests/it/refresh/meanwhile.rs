//! Writes while a ticket is open: their result wins over the network's state, also when they changed nothing.

use label_index::{Event, FullState, LabelId, LabelIndex, LabelName, LabelPatch};

use super::{colored, index, labels, next_changes, pairs, state};

/// Two labels on two chats: `1` on both, `2` on the second.
fn beginning() -> LabelIndex {
    index(&[("1", "VIP"), ("2", "Late")], &[("1", "ana"), ("1", "bob"), ("2", "bob")])
}

/// The same as a full state of the network.
fn unchanged() -> FullState {
    state(&[("1", "VIP"), ("2", "Late")], &[("1", "ana"), ("1", "bob"), ("2", "bob")])
}

/// Refreshes by a state that was fetched before the writes were made.
fn after(index: &LabelIndex, fetched: FullState, write: impl FnOnce(&LabelIndex)) -> Vec<String> {
    let ticket = index.begin_refresh().unwrap();
    write(index);
    let committed = ticket.commit_even_if_empty(fetched).unwrap();
    assert_eq!(committed.revision, index.revision());
    pairs(index)
}

fn labelled(label: &str, chat: &str) -> Event {
    Event::ChatLabelled { label: label.parse().unwrap(), chat: chat.parse().unwrap() }
}

fn unlabelled(label: &str, chat: &str) -> Event {
    Event::ChatUnlabelled { label: label.parse().unwrap(), chat: chat.parse().unwrap() }
}

fn deleted(label: &str) -> Event {
    Event::LabelDeleted { label: label.parse().unwrap() }
}

#[test]
fn a_linked_pair_stays() {
    let left = after(&beginning(), unchanged(), |index| assert!(index.link("2", "ana").unwrap()));
    assert_eq!(left, ["1 ana", "1 bob", "2 ana", "2 bob"]);
}

#[test]
fn an_unlinked_pair_stays_away() {
    let left = after(&beginning(), unchanged(), |index| assert!(index.unlink("2", "bob").unwrap()));
    assert_eq!(left, ["1 ana", "1 bob"]);
}

#[test]
fn a_link_that_changed_nothing_wins() {
    let fetched = state(&[("1", "VIP"), ("2", "Late")], &[("1", "ana")]);
    let left = after(&beginning(), fetched, |index| assert!(!index.link("2", "bob").unwrap()));
    assert_eq!(left, ["1 ana", "2 bob"]);
}

#[test]
fn an_unlink_that_changed_nothing_wins() {
    let fetched = state(&[("1", "VIP"), ("2", "Late")], &[("1", "ana"), ("2", "ana")]);
    let left = after(&beginning(), fetched, |index| assert!(!index.unlink("2", "ana").unwrap()));
    assert_eq!(left, ["1 ana"]);
}

#[test]
fn link_all_and_unlink_all_cover_every_chat_given() {
    let fetched = state(&[("1", "VIP"), ("2", "Late")], &[("1", "ana"), ("2", "eve")]);
    let left = after(&beginning(), fetched, |index| {
        assert_eq!(index.link_all("2", ["ana", "bob"]).unwrap().chats.len(), 1);
        assert_eq!(index.unlink_all("1", ["ana", "eve"]).unwrap().chats.len(), 1);
    });
    assert_eq!(left, ["2 ana", "2 bob", "2 eve"]);
}

#[test]
fn set_labels_covers_every_pair_of_the_chat() {
    let fetched = state(&[("1", "VIP"), ("2", "Late"), ("3", "New")], &[("1", "bob"), ("3", "bob"), ("3", "ana")]);
    let left = after(&beginning(), fetched, |index| assert!(!index.set_labels("bob", ["1", "2"]).unwrap().changed()));
    assert_eq!(left, ["1 bob", "2 bob", "3 ana"], "3 was not known when bob's labels were set");
}

#[test]
fn ingested_pairs_stay() {
    let fetched = state(&[("1", "VIP"), ("2", "Late")], &[("1", "ana"), ("2", "ana")]);
    let left = after(&beginning(), fetched, |index| {
        assert!(!index.ingest(labelled("2", "bob")).unwrap());
        assert!(!index.ingest(unlabelled("2", "ana")).unwrap());
        assert!(index.ingest(unlabelled("1", "bob")).unwrap());
    });
    assert_eq!(left, ["1 ana", "2 bob"]);
}

#[test]
fn an_ingested_link_to_a_label_that_is_deleted_here_is_not_noted() {
    let index = beginning();
    assert!(index.remove_label("2").unwrap().changed());
    let left = after(&index, unchanged(), |index| assert!(!index.ingest(labelled("2", "bob")).unwrap()));
    assert_eq!(left, ["1 ana", "1 bob", "2 bob"], "the network's word twice, and it brings the label back");
}

#[test]
fn an_ingested_link_that_makes_a_provisional_label_creates_it() {
    let index = beginning();
    let left = after(&index, unchanged(), |index| assert!(index.ingest(labelled("9", "ana")).unwrap()));
    assert_eq!(left, ["1 ana", "1 bob", "2 bob", "9 ana"]);
    assert!(index.label("9").unwrap().is_provisional());
}

#[test]
fn each_operation_of_a_batch_counts() {
    let left = after(&beginning(), unchanged(), |index| {
        let mut batch = index.batch();
        batch.unlink("2", "bob").unwrap();
        batch.link("1", "bob").unwrap();
        let new = batch.create_label("New").unwrap();
        batch.link(new, "eve").unwrap();
        assert!(batch.commit().unwrap().changed());
    });
    assert_eq!(left, ["1 ana", "1 bob", "3 eve"]);
}

#[test]
fn a_batch_that_changed_nothing_counts_too() {
    let fetched = state(&[("1", "VIP"), ("2", "Late")], &[("1", "ana")]);
    let left = after(&beginning(), fetched, |index| {
        let mut batch = index.batch();
        batch.link("2", "bob").unwrap();
        assert!(!batch.commit().unwrap().changed());
    });
    assert_eq!(left, ["1 ana", "2 bob"]);
}

#[test]
fn what_was_refused_does_not_count() {
    let fetched = state(&[("1", "VIP"), ("3", "New")], &[("1", "ana"), ("3", "ana")]);
    let left = after(&beginning(), fetched, |index| {
        let mut batch = index.batch();
        batch.link("1", "bob").unwrap();
        batch.unlink("1", "ana").unwrap();
        batch.upsert_label("2", "Later").unwrap();
        batch.link("77", "ana").unwrap();
        assert!(batch.commit().is_err());
        assert!(index.unlink("3", "ana").is_err(), "not known yet");
    });
    assert_eq!(left, ["1 ana", "3 ana"]);
}

#[test]
fn writes_before_the_ticket_do_not_count() {
    let index = beginning();
    assert!(index.link("2", "ana").unwrap());
    assert_eq!(after(&index, unchanged(), |_| {}), ["1 ana", "1 bob", "2 bob"]);
}

#[test]
fn a_written_field_stays_and_the_others_are_taken_over() {
    let index = index(&[("1", "VIP")], &[]);
    let mut fetched = FullState::new();
    fetched.label("1", LabelPatch::named("Gold").unwrap().color(5).position(6)).unwrap();
    after(&index, fetched, |index| {
        assert!(index.upsert_label("1", LabelPatch::new().color(3)).unwrap().changed());
    });
    assert_eq!(labels(&index), ["1 Gold 3 6"]);
}

#[test]
fn a_field_that_was_written_as_it_was_stays() {
    let index = index(&[("1", "VIP")], &[]);
    after(&index, state(&[("1", "Gold")], &[]), |index| {
        assert!(!index.upsert_label("1", "VIP").unwrap().changed());
    });
    assert_eq!(labels(&index), ["1 VIP"]);
}

#[test]
fn an_ingested_edit_stays() {
    let index = index(&[("1", "VIP")], &[]);
    after(&index, state(&[("1", "Gold")], &[]), |index| {
        let patch = LabelPatch::from(LabelName::lenient("Silver").unwrap());
        assert!(index.ingest(Event::LabelEdited { label: LabelId::from(1), patch }).unwrap());
    });
    assert_eq!(labels(&index), ["1 Silver"]);
}

#[test]
fn a_label_that_was_ensured_stays_under_its_name() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[]);
    let mut fetched = FullState::new();
    fetched.label("1", colored("Gold", 4)).unwrap();
    after(&index, fetched, |index| {
        assert!(!index.ensure_label("vip").unwrap().changed());
        assert!(!index.ensure_label("late").unwrap().changed());
    });
    assert_eq!(labels(&index), ["1 VIP 4", "2 Late"]);
}

#[test]
fn a_label_that_was_created_stays() {
    let index = beginning();
    after(&index, unchanged(), |index| {
        assert!(index.upsert_label("stage", "Stage").unwrap().changed());
        assert_eq!(index.create_label("New").unwrap().to_string(), "3");
        assert!(index.ensure_label("Other").unwrap().changed());
    });
    assert_eq!(labels(&index), ["1 VIP", "2 Late", "3 New", "4 Other", "stage Stage"]);
}

#[test]
fn a_label_that_was_removed_stays_removed() {
    let index = beginning();
    let mut feed = index.subscribe();
    let left = after(&index, unchanged(), |index| assert!(index.remove_label("1").unwrap().changed()));
    assert_eq!((left, index.label("1")), (vec!["2 bob".into()], None));
    assert_eq!(next_changes(&mut feed), ["removed 1 2"]);
    assert_eq!(feed.try_recv(), None, "nothing else differed");
}

#[test]
fn a_label_whose_deletion_was_ingested_stays_removed() {
    let index = beginning();
    assert!(index.remove_label("1").unwrap().changed());
    let mut fetched = unchanged();
    fetched.label("8", "Eight").unwrap();
    let left = after(&index, fetched, |index| {
        assert!(!index.ingest(deleted("1")).unwrap(), "it was deleted before");
        assert!(index.ingest(deleted("8")).unwrap(), "never seen");
    });
    assert_eq!((left, labels(&index)), (vec!["2 bob".into()], vec!["2 Late".into()]));
}

#[test]
fn a_label_that_was_removed_and_came_back_has_only_what_was_linked_since() {
    let index = beginning();
    let left = after(&index, unchanged(), |index| {
        assert!(index.remove_label("1").unwrap().changed());
        assert!(index.upsert_label("1", colored("Back", 2)).unwrap().changed());
        assert!(index.link("1", "eve").unwrap());
    });
    assert_eq!(left, ["1 eve", "2 bob"]);
    assert_eq!(labels(&index), ["1 Back 2", "2 Late"]);
}

#[test]
fn a_label_that_was_edited_after_it_came_back_through_the_network_keeps_the_edit() {
    let index = beginning();
    assert!(index.remove_label("1").unwrap().changed());
    let mut fetched = unchanged();
    fetched.label("1", LabelPatch::new().color(6)).unwrap();
    let left = after(&index, fetched, |index| assert!(index.upsert_label("1", "Back").unwrap().changed()));
    assert_eq!(left, ["1 ana", "1 bob", "2 bob"], "only the label was written, not its pairs");
    assert_eq!(labels(&index), ["1 Back 6", "2 Late"]);
}

#[test]
fn a_link_does_not_bring_a_label_back() {
    let index = beginning();
    let fetched = state(&[("1", "VIP")], &[("1", "ana")]);
    let left = after(&index, fetched, |index| {
        assert!(index.link("2", "ana").unwrap());
        assert!(index.set_labels("eve", ["2"]).unwrap().changed());
    });
    assert_eq!((left, index.label("2")), (vec!["1 ana".into()], None));
}

#[test]
fn an_edited_label_that_the_state_does_not_have_keeps_only_written_pairs() {
    let index = beginning();
    let fetched = state(&[("1", "VIP")], &[("1", "ana")]);
    let left = after(&index, fetched, |index| {
        assert!(index.link("2", "ana").unwrap());
        assert!(!index.upsert_label("2", "Late").unwrap().changed());
    });
    assert_eq!((left, labels(&index)), (vec!["1 ana".into(), "2 ana".into()], vec!["1 VIP".into(), "2 Late".into()]));
}

#[test]
fn an_edited_label_that_the_state_says_is_deleted_loses_each_pair_once() {
    let index = beginning();
    let mut feed = index.subscribe();
    let mut fetched = state(&[("1", "VIP")], &[("1", "ana"), ("1", "bob"), ("2", "ana")]);
    fetched.deleted_label("2").unwrap();
    after(&index, fetched, |index| assert!(!index.ensure_label("Late").unwrap().changed()));
    assert_eq!(next_changes(&mut feed), ["unlinked 2 bob", "refreshed"]);
    assert_eq!(labels(&index), ["1 VIP", "2 Late"]);
}

#[test]
fn what_was_written_of_a_chat_follows_it_into_a_batch_that_merges_it() {
    let fetched = state(&[("1", "VIP"), ("2", "Late")], &[("1", "ana"), ("1", "bob"), ("2", "bob")]);
    let left = after(&beginning(), fetched, |index| {
        assert!(index.link("2", "77@lid").unwrap());
        let mut batch = index.batch();
        batch.merge_chats("77@lid", "ana").unwrap();
        assert!(batch.commit().unwrap().changed());
    });
    assert_eq!(left, ["1 ana", "1 bob", "2 ana", "2 bob"]);
}

#[test]
fn an_edited_label_that_the_state_does_not_have_loses_each_pair_of_a_merged_chat_once() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[("1", "ana"), ("2", "ana"), ("2", "77@lid")]);
    let ticket = index.begin_refresh().unwrap();
    assert!(index.merge_chats("77@lid", "ana").unwrap().changed());
    assert!(!index.upsert_label("2", "Late").unwrap().changed());
    let mut feed = index.subscribe();
    assert_eq!(ticket.commit(state(&[("1", "VIP")], &[("1", "ana")])).unwrap().unlinked, 1);
    assert_eq!(next_changes(&mut feed), ["unlinked 2 ana", "refreshed"]);
}

#[test]
fn an_alias_learnt_meanwhile_is_applied_to_the_state() {
    let index = index(&[("1", "VIP")], &[("1", "ana@c.us")]);
    let fetched = state(&[("1", "VIP")], &[("1", "77@lid"), ("1", "88@lid")]);
    let left = after(&index, fetched, |index| {
        assert!(index.merge_chats("77@lid", "ana@c.us").unwrap().changed());
        assert!(index.merge_chats("88@lid", "bob@c.us").unwrap().changed());
    });
    assert_eq!(left, ["1 ana@c.us", "1 bob@c.us"]);
}

#[test]
fn a_merge_covers_nothing_by_itself() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[("1", "77@lid"), ("2", "ana@c.us")]);
    let fetched = state(&[("1", "VIP"), ("2", "Late")], &[("2", "ana@c.us")]);
    let left = after(&index, fetched, |index| {
        assert!(index.merge_chats("77@lid", "ana@c.us").unwrap().changed());
        assert!(index.unalias("77@lid").unwrap());
    });
    assert_eq!(left, ["2 ana@c.us"]);
}

#[test]
fn a_written_pair_follows_an_alias_learnt_later() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[("2", "ana@c.us")]);
    let fetched = state(&[("1", "VIP"), ("2", "Late")], &[("2", "ana@c.us"), ("1", "bob")]);
    let left = after(&index, fetched, |index| {
        assert!(index.link("1", "77@lid").unwrap());
        assert!(index.merge_chats("77@lid", "ana@c.us").unwrap().changed());
    });
    assert_eq!(left, ["1 ana@c.us", "1 bob", "2 ana@c.us"]);
}

#[test]
fn a_written_pair_that_went_to_another_chat_stays_there_when_the_alias_is_forgotten() {
    let index = index(&[("1", "VIP")], &[("1", "bob")]);
    let left = after(&index, state(&[("1", "VIP")], &[("1", "bob")]), |index| {
        assert!(index.link("1", "77@lid").unwrap());
        assert!(index.merge_chats("77@lid", "ana@c.us").unwrap().changed());
        assert!(index.unalias("77@lid").unwrap());
    });
    assert_eq!(left, ["1 ana@c.us", "1 bob"]);
}

#[test]
fn a_written_pair_that_went_to_another_chat_stays_there_when_the_alias_is_repointed() {
    let index = index(&[("1", "VIP")], &[("1", "bob")]);
    let left = after(&index, state(&[("1", "VIP")], &[("1", "bob")]), |index| {
        let mut batch = index.batch();
        batch.set_labels("77@lid", ["1"]).unwrap();
        batch.merge_chats("77@lid", "ana@c.us").unwrap();
        batch.merge_chats("77@lid", "bob").unwrap();
        assert!(batch.commit().unwrap().changed());
    });
    assert_eq!(left, ["1 ana@c.us", "1 bob"]);
}

#[test]
fn an_unlinked_pair_stays_away_from_an_id_that_was_merged_and_forgotten_since() {
    let index = index(&[("1", "VIP")], &[("1", "x"), ("1", "bob")]);
    let left = after(&index, state(&[("1", "VIP")], &[("1", "x"), ("1", "bob")]), |index| {
        assert!(index.unlink("1", "x").unwrap());
        assert!(index.merge_chats("x", "y").unwrap().changed());
        assert!(index.unalias("x").unwrap());
    });
    assert_eq!(left, ["1 bob"]);
}

#[test]
fn labels_that_were_set_stay_away_from_an_id_that_was_merged_and_forgotten_since() {
    let index = index(&[("1", "VIP"), ("2", "Late")], &[("1", "x"), ("2", "bob")]);
    let fetched = state(&[("1", "VIP"), ("2", "Late")], &[("1", "x"), ("2", "x"), ("2", "bob")]);
    let left = after(&index, fetched, |index| {
        let mut batch = index.batch();
        batch.set_labels("x", [""; 0]).unwrap();
        batch.merge_chats("x", "y").unwrap();
        batch.unalias("x").unwrap();
        assert!(batch.commit().unwrap().changed());
    });
    assert_eq!(left, ["2 bob"]);
}

#[test]
fn a_written_pair_stays_under_an_alias_that_is_forgotten_since() {
    let index = index(&[("1", "VIP")], &[("1", "ana@c.us"), ("1", "bob")]);
    assert!(index.merge_chats("77@lid", "ana@c.us").unwrap().changed());
    let left = after(&index, state(&[("1", "VIP")], &[("1", "77@lid"), ("1", "bob")]), |index| {
        assert!(index.unlink("1", "ana@c.us").unwrap());
        assert!(index.unalias("77@lid").unwrap());
    });
    assert_eq!(left, ["1 bob"], "both ids meant the chat when it was written");
}

#[test]
fn a_written_pair_is_not_that_of_an_id_that_meant_the_chat_only_later() {
    let index = index(&[("1", "VIP")], &[("1", "ana@c.us"), ("1", "bob")]);
    let left = after(&index, state(&[("1", "VIP")], &[("1", "77@lid"), ("1", "bob")]), |index| {
        assert!(index.unlink("1", "ana@c.us").unwrap());
        assert!(index.merge_chats("77@lid", "ana@c.us").unwrap().changed());
        assert!(index.unalias("77@lid").unwrap());
    });
    assert_eq!(left, ["1 77@lid", "1 bob"]);
}
