//! Commits that are retained while there is no subscriber.

use label_index::{Delivery, LabelIndex, Options};

use super::revisions;

/// An index with one label, which retains this many changes and keeps this many for subscribers.
fn retaining(changes: usize, limit: usize) -> LabelIndex {
    let index = Options::new().retain(changes).feed_change_limit(limit).build();
    assert!(index.upsert_label("1", "VIP").unwrap().changed());
    index
}

fn link(index: &LabelIndex, chats: std::ops::Range<u32>) {
    for chat in chats {
        assert!(index.link("1", chat.to_string()).unwrap());
    }
    index.check_invariants().unwrap();
}

#[test]
fn a_consumer_that_comes_back_gets_what_was_committed_meanwhile() {
    let index = retaining(4, 4);
    link(&index, 0..2);
    assert_eq!(revisions(&mut index.subscribe_after(0)), [1, 2, 3], "from the beginning");
    link(&index, 2..9);
    assert_eq!(revisions(&mut index.subscribe_after(6)), [7, 8, 9, 10]);
    assert_eq!(index.subscribe_after(5).try_recv(), Some(Delivery::Missed { after: 5 }), "the last four are retained");
    assert_eq!(index.subscribe().try_recv(), None);
}

#[test]
fn more_is_kept_while_somebody_is_subscribed() {
    let index = retaining(2, 5);
    let mut feed = index.subscribe();
    link(&index, 0..5);
    assert_eq!(revisions(&mut feed), [2, 3, 4, 5, 6]);
    drop(feed);
    assert_eq!(index.subscribe_after(3).try_recv(), Some(Delivery::Missed { after: 3 }));
    assert_eq!(revisions(&mut index.subscribe_after(4)), [5, 6]);
    let index = retaining(5, 2);
    let mut feed = index.subscribe();
    link(&index, 0..5);
    assert_eq!(revisions(&mut feed), [2, 3, 4, 5, 6], "and never less than is retained");
}

#[test]
fn one_large_commit_is_retained_whole() {
    let index = retaining(2, 100);
    link(&index, 0..1);
    assert!(index.link_all("1", (1..50).map(|chat| chat.to_string())).unwrap().changed());
    link(&index, 50..51);
    assert_eq!(revisions(&mut index.subscribe_after(1)), [2, 3, 4]);
    link(&index, 51..53);
    assert_eq!(revisions(&mut index.subscribe_after(4)), [5, 6]);
    assert_eq!(index.subscribe_after(1).try_recv(), Some(Delivery::Missed { after: 1 }));
}

#[test]
fn a_bulk_load_retains_what_comes_after_it() {
    let mut load = Options::new().retain(10).bulk_load();
    load.label("1", "VIP").unwrap();
    load.chat("ana", ["1"]).unwrap();
    let index = load.finish();
    link(&index, 0..2);
    assert_eq!(revisions(&mut index.subscribe_after(1)), [2, 3]);
    assert_eq!(index.subscribe_after(0).try_recv(), Some(Delivery::Missed { after: 0 }));
}
