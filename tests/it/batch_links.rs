//! Consecutive links of one chat in a batch, which are carried out together.

use label_index::{Error, LabelIndex, Outcome};

/// More labels than are carried out at once.
const LABELS: u32 = 150;

fn labelled() -> LabelIndex {
    let index = LabelIndex::new();
    for label in 1..=LABELS {
        assert!(index.upsert_label(label, format!("label {label}").as_str()).unwrap().changed());
    }
    index
}

#[test]
fn each_link_of_a_batch_answers_as_if_it_stood_alone() {
    // Chats, several names for one of them, a repeated link near and far, and other operations in between.
    let mut links: Vec<(u32, &str)> = vec![(1, "ana"), (1, "ana"), (2, "ana"), (1, "bob"), (2, "ana"), (3, "ann")];
    links.extend((1..=LABELS).map(|label| (label, "eve")));
    links.extend([(1, "eve"), (LABELS, "eve"), (4, "ann"), (4, "ana"), (5, "eva"), (5, "bob")]);
    links.extend((1..=LABELS).rev().map(|label| (label, "ann")));

    let (alone, together) = (labelled(), labelled());
    let mut batch = together.batch();
    let mut expected = Vec::new();
    for index in [&alone, &together] {
        assert!(index.merge_chats("ann", "ana").unwrap().changed());
    }
    for (position, &(label, chat)) in links.iter().enumerate() {
        if position == 100 {
            expected.push(Outcome::Unlinked(alone.unlink(1, "eve").unwrap()));
            batch.unlink(1, "eve").unwrap();
        }
        expected.push(Outcome::Linked(alone.link(label, chat).unwrap()));
        batch.link(label, chat).unwrap();
    }
    let before = together.revision();
    let committed = batch.commit().unwrap();
    assert_eq!(committed.outcomes, expected);
    assert_eq!(committed.revision, before + 1);
    assert!(together.iter().eq(alone.iter()), "the same chats, at the same places, with the same labels");
    assert_eq!(together.total_rows(), alone.total_rows());
    together.check_invariants().unwrap();
}

#[test]
fn a_refused_link_undoes_the_whole_batch() {
    let index = labelled();
    let mut batch = index.batch();
    for label in [1, 2, LABELS + 1, 3] {
        batch.link(label, "ana").unwrap();
    }
    assert!(matches!(batch.commit(), Err(Error::BatchRefused { position: 2, .. })));
    assert_eq!(index.total_rows(), 0);
    index.check_invariants().unwrap();
}

#[test]
fn a_chat_may_take_many_labels_in_one_batch() {
    let index = LabelIndex::new();
    let mut batch = index.batch();
    for label in 1..=20_000_u32 {
        batch.upsert_label(label, format!("label {label}").as_str()).unwrap();
    }
    for label in 1..=20_000_u32 {
        batch.link(label, "ana").unwrap();
    }
    drop(batch.commit().unwrap());
    assert_eq!((index.total_chats(), index.total_rows()), (1, 20_000));
    assert_eq!(index.labels_of("ana").len(), 20_000);
    index.check_invariants().unwrap();
}
