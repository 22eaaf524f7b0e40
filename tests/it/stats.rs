//! Numbers about an index.

use label_index::{Delivery, LabelIndex, Options};

#[test]
fn numbers_follow_the_index() {
    let index = LabelIndex::new();
    assert_eq!((index.stats().total_chats, index.stats().label_sets, index.stats().revision), (0, 0, 0));
    for label in ["1", "2", "3"] {
        index.upsert_label(label, label).unwrap();
    }
    index.link_all("1", ["ana", "bob", "carl"]).unwrap();
    index.link("2", "ana").unwrap();
    index.unlink("1", "carl").unwrap();
    index.merge_chats("dora", "ana").unwrap();
    index.remove_label("3").unwrap();
    let stats = index.stats();
    assert_eq!((stats.labels, stats.deleted_labels, stats.aliases), (2, 1, 1));
    assert_eq!((stats.total_chats, stats.total_rows, stats.label_sets), (2, 3, 2));
    assert!((3..=4).contains(&stats.places));
    assert_eq!((stats.revision, stats.durable_revision, stats.queued_changes), (8, 8, 0));
}

#[test]
fn snapshots_and_subscribers_are_counted_while_they_live() {
    let index = Options::new().build();
    index.upsert_label("1", "VIP").unwrap();
    let (first, mut quick, slow) = (index.snapshot(), index.subscribe(), index.subscribe_after(0));
    index.link("1", "ana").unwrap();
    let (second, same) = (index.snapshot(), index.snapshot());
    let held = |index: &LabelIndex| (index.stats().snapshots, index.stats().oldest_snapshot);
    let lag = |index: &LabelIndex| (index.stats().subscribers, index.stats().subscriber_lag);
    assert_eq!((held(&index), lag(&index)), ((3, Some(1)), (2, 2)));
    drop((first, slow));
    assert_eq!((held(&index), lag(&index)), ((2, Some(2)), (1, 1)));
    drop((second, same));
    assert!(matches!(quick.try_recv(), Some(Delivery::Commit(_))));
    assert_eq!((held(&index), lag(&index)), ((0, None), (1, 0)));
    index.link("1", "bob").unwrap();
    quick.resume_after(3);
    assert_eq!(lag(&index), (1, 0));
    drop(quick);
    assert_eq!(lag(&index), (0, 0));
}
