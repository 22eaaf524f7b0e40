//! A million labels, and one more than the limit.

use label_index::{Error, Event, Filter, LabelIndex, Limit, Limits, Page};

use crate::memory::{asked, live, peak};

/// The default limit of labels.
const LABELS: u32 = 1_000_000;

fn with_a_million_labels() -> LabelIndex {
    let index = LabelIndex::new();
    let mut batch = index.batch();
    for label in 1..=LABELS {
        batch.upsert_label(label, format!("label {label}").as_str()).unwrap();
    }
    assert_eq!(batch.commit().unwrap().revision, 1);
    index
}

#[test]
fn a_million_labels_are_taken_and_one_more_is_refused() {
    assert_eq!(Limits::default().labels, usize::try_from(LABELS).unwrap());
    let (index, bytes) = live(with_a_million_labels);
    assert!(bytes <= 320 * u64::from(LABELS), "{bytes} bytes");
    let refusal = Error::LimitExceeded { what: Limit::Labels, limit: 1_000_000, given: 1_000_001 };
    assert_eq!(index.create_label("one more").unwrap_err(), refusal);
    assert_eq!(index.upsert_label("x", "one more").unwrap_err(), refusal);
    assert_eq!(index.ensure_label("one more").unwrap_err(), refusal);
    let (label, chat) = ("x".parse().unwrap(), "ana@c.us".parse().unwrap());
    assert_eq!(index.ingest(Event::ChatLabelled { label, chat }).unwrap_err(), refusal);
    assert_eq!(index.revision(), 1);

    assert!(!index.ensure_label("LABEL 777777").unwrap().changed());
    assert!(index.link(LABELS, "ana@c.us").unwrap());
    let ((), copied) = {
        let _beside = index.snapshot();
        asked(|| assert!(index.link(LABELS / 2, "carl@c.us").unwrap()))
    };
    assert!(copied <= 64 * 1024, "{copied} bytes");
    assert!(index.set_labels("bob@c.us", (1..=LABELS).step_by(100)).unwrap().changed());
    let filter = Filter::new().any_of_names(["label 1000000", "label 1", "label 1000001"]);
    let (answer, bytes) = peak(|| index.query(&filter, Page::first(10)).unwrap());
    assert_eq!((answer.total_chats, answer.total_rows, answer.matched_rows), (2, 10_001, 2));
    assert!(bytes <= 4 << 20, "{bytes} bytes");
    assert_eq!(index.remove_label(1).unwrap().outcome.links, 1);
    drop(index.create_label("one more").unwrap());
    assert_eq!(index.labels().len(), 1_000_000);
}

#[test]
fn the_first_link_of_a_label_costs_the_same_whatever_labels_there_are() {
    let index = with_a_million_labels();
    let ((), copied) = {
        let _beside = index.snapshot();
        asked(|| assert!(index.link(LABELS, "ana@c.us").unwrap()))
    };
    assert!(copied <= 64 * 1024, "{copied} bytes");
}

/// A link while a snapshot is held writes to the counters of each label that the chat has, which may lie far apart.
#[test]
fn a_link_of_a_chat_with_many_labels_copies_in_proportion_to_them() {
    let index = LabelIndex::new();
    let mut batch = index.batch();
    for label in 1..=100_000_u32 {
        batch.upsert_label(label, "x").unwrap();
        batch.link(label, format!("{label}@c.us")).unwrap();
    }
    assert!(batch.commit().unwrap().changed());
    for (labels, most) in [(20, 64), (100, 256), (1_000, 1_024)] {
        assert!(index.set_labels("ana@c.us", (1..100_000).step_by(100_000 / labels)).unwrap().changed());
        let ((), copied) = {
            let _beside = index.snapshot();
            asked(|| assert!(index.link(100_000, "ana@c.us").unwrap()))
        };
        assert!(copied <= most * 1_024, "{labels} labels: {copied} bytes");
    }
}

#[test]
fn a_chat_with_thousands_of_labels_takes_what_they_take() {
    let index = LabelIndex::new();
    let mut batch = index.batch();
    for label in 1..=10_000_u32 {
        batch.upsert_label(label, "x").unwrap();
    }
    assert!(batch.commit().unwrap().changed());
    for labels in [2_500_u32, 5_000, 10_000] {
        let ((), bytes) = asked(|| assert!(index.set_labels(format!("{labels}"), 1..=labels).unwrap().changed()));
        assert!(bytes <= 2_000 * u64::from(labels), "{labels} labels: {bytes} bytes");
    }
}
