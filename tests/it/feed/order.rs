//! The feed delivers complete commits in order, with their changes.

use label_index::{Event, FullState, LabelIndex, LabelName, LabelPatch, Subscriber};

use super::{commit, commits, revisions, texts};

/// Two labels, `1` on `ana` and `bob`, `2` on `bob`, and a subscriber to later commits.
fn scene() -> (LabelIndex, Subscriber) {
    let index = LabelIndex::new();
    for (id, name) in [("1", "VIP"), ("2", "Late")] {
        assert!(index.upsert_label(id, name).unwrap().changed());
    }
    assert!(index.link_all("1", ["ana", "bob"]).unwrap().changed());
    assert!(index.link("2", "bob").unwrap());
    let feed = index.subscribe();
    (index, feed)
}

fn next(feed: &mut Subscriber) -> Vec<String> {
    texts(&commit(feed).changes)
}

#[test]
fn every_commit_comes_once_and_in_order() {
    let index = LabelIndex::new();
    let mut feed = index.subscribe();
    assert_eq!((feed.revision(), feed.try_recv()), (0, None));
    assert!(index.upsert_label("1", "VIP").unwrap().changed());
    for chat in 0..50 {
        assert!(index.link("1", chat.to_string()).unwrap());
    }
    let commits = commits(&mut feed);
    assert!(commits.iter().map(|commit| commit.revision).eq(1..=51));
    assert_eq!(texts(&commits[50].changes), ["linked 1 49"]);
    assert_eq!((feed.revision(), feed.try_recv()), (51, None));
}

#[test]
fn what_changes_nothing_or_is_refused_is_not_in_the_feed() {
    let (index, mut feed) = scene();
    assert!(!index.link("1", "ana").unwrap());
    assert!(!index.set_labels("ana", ["1"]).unwrap().changed());
    assert!(!index.upsert_label("1", "VIP").unwrap().changed());
    assert!(index.link("77", "ana").is_err());
    let mut batch = index.batch();
    batch.link("1", "eve").unwrap();
    batch.link("77", "eve").unwrap();
    assert!(batch.commit().is_err());
    assert_eq!(feed.try_recv(), None);
}

#[test]
fn each_kind_of_change_has_its_events() {
    let (index, mut feed) = scene();
    assert!(index.upsert_label("3", "New").unwrap().changed());
    assert!(index.upsert_label("3", LabelPatch::new().color(1)).unwrap().changed());
    assert!(index.link("3", "ana").unwrap());
    assert!(index.unlink("3", "ana").unwrap());
    assert!(index.remove_label("3").unwrap().changed());
    assert!(index.merge_chats("ana", "bob").unwrap().changed());
    assert!(index.unalias("ana").unwrap());
    assert!(index.begin_refresh().unwrap().commit_even_if_empty(FullState::new()).unwrap().changed());
    let commits = commits(&mut feed);
    for commit in &commits {
        assert!(commit.clone().into_events().eq(commit.events()), "{commit:?}");
    }
    let named: Vec<_> = commits
        .iter()
        .flat_map(|commit| commit.changes.iter())
        .map(|change| {
            (super::text(change), change.events().map(|event| event.to_string()).collect::<Vec<_>>().join(", "))
        })
        .collect();
    let expected = [
        ("created 3", "label.upsert 3"),
        ("updated 3", "label.upsert 3"),
        ("linked 3 ana", "label.chat.added 3 ana"),
        ("unlinked 3 ana", "label.chat.deleted 3 ana"),
        ("removed 3 with 0", "label.deleted 3"),
        ("merged ana into bob:  of 1", "label.chat.deleted 1 ana"),
        ("alias ana removed", ""),
        ("removed 1 with 1", "label.deleted 1"),
        ("removed 2 with 1", "label.deleted 2"),
        ("refreshed", ""),
    ];
    assert!(named.iter().map(|(text, events)| (text.as_str(), events.as_str())).eq(expected), "{named:?}");
}

#[test]
fn changes_carry_what_consumers_need() {
    let (index, mut feed) = scene();
    assert!(index.upsert_label("1", LabelPatch::named("Gold").unwrap().color(2)).unwrap().changed());
    let label = index.label("1").unwrap();
    assert_eq!(&commit(&mut feed).changes[..], [label_index::Change::LabelUpdated { label }]);
    assert!(index.merge_chats("77@lid", "ana").unwrap().changed());
    assert!(index.link("2", "77@lid").unwrap());
    assert_eq!(next(&mut feed), ["merged 77@lid into ana:  of "]);
    assert_eq!(next(&mut feed), ["linked 2 ana"], "the chat is resolved");
    assert!(index.merge_chats("bob", "carl").unwrap().changed());
    assert_eq!(next(&mut feed), ["merged bob into carl: 1+2 of 1+2"]);
}

#[test]
fn set_labels_gives_one_change_per_pair() {
    let (index, mut feed) = scene();
    assert!(index.upsert_label("3", "New").unwrap().changed());
    assert!(index.set_labels("bob", ["2", "3", "3"]).unwrap().changed());
    assert_eq!(next(&mut feed), ["created 3"]);
    let mut changes = next(&mut feed);
    changes.sort();
    assert_eq!(changes, ["linked 3 bob", "unlinked 1 bob"]);
    assert_eq!(feed.try_recv(), None);
}

#[test]
fn link_all_is_one_commit_with_one_change_for_each_chat_that_changed() {
    let (index, mut feed) = scene();
    assert_eq!(index.link_all("2", ["ana", "bob", "carl", "ana"]).unwrap().chats.len(), 2);
    assert_eq!(next(&mut feed), ["linked 2 ana", "linked 2 carl"]);
    assert_eq!(index.unlink_all("2", ["carl", "dora"]).unwrap().chats.len(), 1);
    assert_eq!(next(&mut feed), ["unlinked 2 carl"]);
}

#[test]
fn a_removed_label_is_one_change_with_the_number_of_its_links() {
    let (index, mut feed) = scene();
    assert!(index.remove_label("1").unwrap().changed());
    assert_eq!(next(&mut feed), ["removed 1 with 2"]);
    assert_eq!(feed.try_recv(), None);
}

#[test]
fn a_batch_is_one_commit_with_the_changes_of_its_operations_not_netted() {
    let (index, mut feed) = scene();
    let before = index.revision();
    let mut batch = index.batch();
    batch.unlink("1", "ana").unwrap();
    batch.link("1", "ana").unwrap();
    batch.link("1", "ana").unwrap();
    let new = batch.create_label("New").unwrap();
    batch.link(new, "ana").unwrap();
    batch.remove_label(new).unwrap();
    assert_eq!(batch.commit().unwrap().revision, before + 1);
    let commit = commit(&mut feed);
    assert_eq!(commit.revision, before + 1);
    let changes = ["unlinked 1 ana", "linked 1 ana", "created 3", "linked 3 ana", "removed 3 with 1"];
    assert_eq!(texts(&commit.changes), changes);
}

#[test]
fn ingested_events_are_in_the_feed_like_any_write() {
    let (index, mut feed) = scene();
    let chat_labelled = |label: u32| Event::ChatLabelled { label: label.into(), chat: "eve".parse().unwrap() };
    assert!(index.ingest(chat_labelled(9)).unwrap());
    assert_eq!(next(&mut feed), ["created 9", "linked 9 eve"], "one commit");
    let patch = LabelPatch::from(LabelName::lenient("Nine").unwrap());
    assert!(index.ingest(Event::LabelEdited { label: 9.into(), patch }).unwrap());
    assert_eq!(next(&mut feed), ["updated 9"]);
    assert!(index.ingest(Event::LabelDeleted { label: 10.into() }).unwrap());
    assert_eq!(next(&mut feed), ["removed 10 with 0"]);
    assert!(!index.ingest(chat_labelled(10)).unwrap());
    assert_eq!(feed.try_recv(), None);
}

#[test]
fn every_subscriber_gets_everything() {
    let (index, mut first) = scene();
    assert!(index.link("2", "ana").unwrap());
    let mut second = index.subscribe();
    assert!(index.link("2", "carl").unwrap());
    assert_eq!((revisions(&mut first), revisions(&mut second)), (vec![5, 6], vec![6]));
    drop(first);
    assert!(index.link("2", "dora").unwrap());
    assert_eq!(revisions(&mut second), [7], "the other's end is not its own");
}

#[test]
fn a_clone_of_the_index_has_the_same_feed() {
    let (index, mut feed) = scene();
    assert!(index.link("2", "ana").unwrap());
    assert_eq!(next(&mut feed), ["linked 2 ana"]);
}
