//! Labels that the network does not have any more: by default they go with their number of links, with
//! `removal_unlinks` with an unlink for each chat.

use label_index::{Event, FullState, LabelIndex, Options};

use super::{next_changes, pairs, refresh, state};

/// `1` on two chats, `2` on three, one of which has both.
fn index(removal_unlinks: usize) -> LabelIndex {
    let index = Options::new().removal_unlink_limit(removal_unlinks).build();
    let links = [("1", "ana"), ("1", "bob"), ("2", "bob"), ("2", "cid"), ("2", "dan")];
    assert!(refresh(&index, state(&[("1", "VIP"), ("2", "Late")], &links)).changed());
    index
}

/// The network has `1` on one other chat, and not `2`.
fn without_two() -> FullState {
    state(&[("1", "VIP")], &[("1", "ana"), ("1", "eve")])
}

#[test]
fn each_chat_of_a_label_that_is_gone_is_unlinked_before_it_in_the_same_commit() {
    let index = index(3);
    let mut feed = index.subscribe();
    let done = refresh(&index, without_two());
    assert_eq!((done.labels_removed, done.linked, done.unlinked, done.revision), (1, 1, 4, 2));
    // Links come first, so no chat is without a label in between.
    assert_eq!(
        next_changes(&mut feed),
        [
            "linked 1 eve",
            "unlinked 1 bob",
            "unlinked 2 bob",
            "unlinked 2 cid",
            "unlinked 2 dan",
            "removed 2 0",
            "refreshed"
        ]
    );
    assert_eq!(pairs(&index), ["1 ana", "1 eve"]);
}

#[test]
fn a_label_on_more_chats_than_the_limit_goes_with_their_number() {
    let index = index(2);
    let mut feed = index.subscribe();
    let done = refresh(&index, without_two());
    assert_eq!((done.labels_removed, done.linked, done.unlinked), (1, 1, 1));
    assert_eq!(next_changes(&mut feed), ["removed 2 3", "linked 1 eve", "unlinked 1 bob", "refreshed"]);
    assert_eq!(pairs(&index), ["1 ana", "1 eve"]);
}

#[test]
fn by_default_a_label_goes_with_the_number_of_its_chats() {
    let index = index(0);
    let mut feed = index.subscribe();
    assert_eq!(refresh(&index, without_two()).unlinked, 1);
    assert_eq!(next_changes(&mut feed), ["removed 2 3", "linked 1 eve", "unlinked 1 bob", "refreshed"]);
}

#[test]
fn a_chat_that_got_the_label_meanwhile_is_unlinked_too() {
    let index = index(100);
    let ticket = index.begin_refresh().unwrap();
    index.link("2", "eve").unwrap();
    index.unlink("2", "cid").unwrap();
    let mut feed = index.subscribe();
    assert_eq!(ticket.commit(without_two()).unwrap().unlinked, 4);
    let changes = next_changes(&mut feed);
    let unlinked: Vec<_> = changes.iter().filter(|change| change.starts_with("unlinked 2")).collect();
    assert_eq!(unlinked, ["unlinked 2 bob", "unlinked 2 dan", "unlinked 2 eve"]);
    assert_eq!(changes[changes.len() - 2..], ["removed 2 0", "refreshed"]);
}

#[test]
fn a_label_that_was_edited_meanwhile_stays_without_its_chats() {
    let index = index(100);
    let ticket = index.begin_refresh().unwrap();
    assert!(index.update_label("2", "Later").unwrap().changed());
    let mut feed = index.subscribe();
    let done = ticket.commit(without_two()).unwrap();
    assert_eq!((done.labels_removed, done.unlinked), (0, 4));
    assert!(next_changes(&mut feed).iter().all(|change| !change.starts_with("removed")));
    assert_eq!(index.label("2").unwrap().name().unwrap().as_str(), "Later");
}

#[test]
fn an_operation_a_batch_and_an_event_unlink_each_chat_too() {
    let removals: [fn(&LabelIndex); 3] = [
        |index| assert_eq!(index.remove_label("2").unwrap().links, 3),
        |index| {
            let mut batch = index.batch();
            batch.remove_label("2").unwrap();
            assert!(batch.commit().unwrap().changed());
        },
        |index| assert!(index.ingest(Event::LabelDeleted { label: "2".parse().unwrap() }).unwrap()),
    ];
    for remove in removals {
        for (removal_unlinks, expected) in
            [(3, &["unlinked 2 bob", "unlinked 2 cid", "unlinked 2 dan", "removed 2 0"][..]), (2, &["removed 2 3"][..])]
        {
            let index = index(removal_unlinks);
            let mut feed = index.subscribe();
            remove(&index);
            assert_eq!(next_changes(&mut feed), expected);
            assert_eq!(pairs(&index), ["1 ana", "1 bob"]);
        }
    }
}

/// Writers of the label and its removal at the same time: whatever order they come in, nobody loses it unseen.
#[test]
fn no_chat_loses_a_label_unseen_while_others_link_it() {
    for _ in 0..20 {
        let index = index(100_000);
        let mut feed = index.subscribe();
        std::thread::scope(|scope| {
            for thread in 0..3 {
                let index = &index;
                scope.spawn(move || {
                    for chat in 0..200 {
                        if index.link("2", format!("{thread} {chat}")).is_err() {
                            break;
                        }
                    }
                });
            }
            assert!(index.remove_label("2").unwrap().changed());
        });
        // Three chats had it before.
        let (mut linked, mut unlinked) = (3, 0);
        while let Some(label_index::Delivery::Commit(commit)) = feed.try_recv() {
            for event in commit.events() {
                match event.name() {
                    "label.chat.added" => linked += 1,
                    "label.chat.deleted" => unlinked += 1,
                    other => assert_eq!(other, "label.deleted"),
                }
            }
        }
        assert_eq!(linked, unlinked);
    }
}
