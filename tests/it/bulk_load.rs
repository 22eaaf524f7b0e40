//! A bulk load makes the index that one batch would have made.

use label_index::{BulkLoad, Error, Filter, LabelIndex, Limit, Options, Page};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::properties::cases;
use crate::replica::Replica;

const LABELS: u32 = 70;

/// Plain numbers, ids that need a text, and two forms of one chat.
fn chat(n: u16) -> String {
    match n % 4 {
        0 => format!("55119{n:08}@c.us"),
        1 => format!("somebody {n}"),
        2 => format!("1203630{n:08}@g.us"),
        _ => format!("55119{:08}@s.whatsapp.net", n - n % 4),
    }
}

/// A chat's number, and its labels.
pub(crate) fn rows() -> impl Strategy<Value = Vec<(u16, Vec<u32>)>> {
    let few = vec((0_u16..1_500, vec(1..=LABELS, 0..6)), 0..700);
    let same = vec((0_u16..8, vec(1..=LABELS, 0..6)), 0..60);
    prop_oneof![3 => few, 1 => same]
}

fn options() -> Options {
    Options::new().hash_seed(1).identity(7)
}

pub(crate) fn load_of(options: Options, rows: &[(u16, Vec<u32>)]) -> BulkLoad {
    let mut load = options.bulk_load();
    for label in 1..=LABELS {
        load.label(label, format!("Label {label}").as_str()).unwrap();
    }
    for (n, labels) in rows {
        load.chat(chat(*n), labels.iter().copied()).unwrap();
    }
    load
}

fn loaded(rows: &[(u16, Vec<u32>)]) -> LabelIndex {
    load_of(options(), rows).finish()
}

fn written(rows: &[(u16, Vec<u32>)]) -> LabelIndex {
    let index = options().build();
    let mut batch = index.batch();
    for label in 1..=LABELS {
        batch.upsert_label(label, format!("Label {label}").as_str()).unwrap();
    }
    for (n, labels) in rows {
        for &label in labels {
            batch.link(label, chat(*n)).unwrap();
        }
    }
    assert!(batch.commit().unwrap().changed());
    index
}

fn assert_same(a: &LabelIndex, b: &LabelIndex) {
    a.check_invariants().unwrap();
    assert_eq!(Replica::from(&a.snapshot()), Replica::from(&b.snapshot()));
    let most = Filter::new().any_of_ids(["1", "2", "3", "70"]);
    assert_eq!(a.query(&most, Page::first(5)), b.query(&most, Page::first(5)));
}

proptest! {
    #![proptest_config(cases(120))]

    #[test]
    fn a_bulk_load_equals_one_batch_also_after_later_writes(rows in rows(), later in rows()) {
        let indexes = [loaded(&rows), written(&rows)];
        assert_same(&indexes[0], &indexes[1]);
        for index in &indexes {
            let mut batch = index.batch();
            batch.unlink_all(1, rows.iter().map(|(n, _)| chat(*n))).unwrap();
            for (n, labels) in &later {
                batch.set_labels(chat(*n), labels.iter().copied()).unwrap();
            }
            drop(batch.commit().unwrap());
        }
        assert_same(&indexes[0], &indexes[1]);
    }
}

#[test]
fn many_pages_of_everything_are_what_one_batch_makes() {
    let rows: Vec<(u16, Vec<u32>)> =
        (0..60_000_u16).map(|n| (n, vec![u32::from(n % 7) + 1, u32::from(n) * 7_919 % LABELS + 1])).collect();
    assert_same(&loaded(&rows), &written(&rows));
}

#[test]
fn a_refused_label_or_chat_adds_nothing() {
    let mut load = options().label_limit(1).bulk_load();
    assert!(matches!(load.label("1", label_index::LabelPatch::new()), Err(Error::NameRequired { .. })));
    load.label("1", "VIP").unwrap();
    load.label("1", label_index::LabelPatch::new().color(3)).unwrap();
    let labels = Err(Error::LimitExceeded { what: Limit::Labels, limit: 1, given: 2 });
    assert_eq!(load.label("2", "Open"), labels);
    assert_eq!(load.chat("ana", ["1", "2"]), Err(Error::UnknownLabel { id: "2".into() }));
    assert!(matches!(load.chat("ana", ["1", "2,3"]), Err(Error::InvalidLabelId { .. })));
    assert!(matches!(load.chat("", ["1"]), Err(Error::InvalidChatId { .. })));
    load.chat("nobody", [""; 0]).unwrap();
    load.chat("bob", ["1"]).unwrap();
    let index = load.finish();
    index.check_invariants().unwrap();
    assert_eq!((index.total_chats(), index.total_rows(), index.revision()), (1, 1, 1));
    assert_eq!(index.label("1").unwrap().color(), Some(3));
    assert_eq!(options().bulk_load().finish().revision(), 0);
}

/// A chat that is added again and again costs no more than as many different chats.
#[test]
fn one_chat_many_times_costs_no_more_than_as_many_chats() {
    const TIMES: u32 = 300_000;
    let mut load = options().bulk_load();
    for label in 0..1_000 {
        load.label(label, format!("Label {label}").as_str()).unwrap();
    }
    for n in 0..TIMES {
        load.chat(if n == 77 { "bob" } else { "ana" }, [n % 1_000]).unwrap();
    }
    let index = load.finish();
    index.check_invariants().unwrap();
    assert_eq!((index.labels_of("ana").len(), index.labels_of("bob").len(), index.total_chats()), (1_000, 1, 2));
}
