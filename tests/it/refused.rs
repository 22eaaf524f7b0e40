//! Refused calls: each gives the right error, which names the value, and changes nothing.

use label_index::{
    Batch, Cursor, Error, Filter, FullState, LabelId, LabelIndex, LabelPatch, Limit, Options, Page, Reason, Result,
};

/// An index with something of every kind and small limits.
fn index() -> LabelIndex {
    let index =
        Options::new().page_limit(5).filter_entry_limit(3).label_limit(3).batch_operation_limit(4).identity(7).build();
    index.upsert_label("1", "VIP").unwrap().outcome.changed();
    assert!(index.upsert_label("2", "Support").unwrap().changed());
    assert!(index.link("1", "a@c.us").unwrap());
    assert!(index.merge_chats("b@lid", "a@c.us").unwrap().changed());
    index
}

/// Everything that an index shows, as a text.
fn contents(index: &LabelIndex) -> String {
    let listed: Vec<_> = index.iter().collect();
    format!("{:?} {:?} {:?} {:?}", index.revision(), index.labels(), index.aliases(), listed)
}

type Call = fn(&LabelIndex) -> Result<()>;

fn refused(call: Call, expected: &Error) {
    let index = index();
    let before = contents(&index);
    assert_eq!(call(&index).unwrap_err(), *expected);
    assert_eq!(contents(&index), before, "changed by a call that was refused: {expected}");
    index.check_invariants().unwrap();
}

fn batch_of(index: &LabelIndex, add: fn(&mut Batch) -> Result<()>) -> Result<()> {
    let mut batch = index.batch();
    add(&mut batch)?;
    batch.commit().map(drop)
}

#[test]
fn each_refusal_names_the_value_and_changes_nothing() {
    let bad_id = |value: &str, reason| Error::InvalidLabelId { value: value.into(), reason };
    let bad_chat = |value: &str, reason| Error::InvalidChatId { value: value.into(), reason };
    let bad_name = |value: &str, reason| Error::InvalidLabelName { value: value.into(), reason };
    let unknown = |id: &str| Error::UnknownLabel { id: id.into() };
    let limit = |what, limit, given| Error::LimitExceeded { what, limit, given };
    let in_batch = |position, cause| Error::BatchRefused { position, cause: Box::new(cause) };
    let long_name = "n".repeat(1025);
    let cut = format!("{}…", "n".repeat(128));
    assert!(Filter::new().any_of_names([long_name]).len() == 1);

    let table: Vec<(Call, Error)> = vec![
        (|i| i.upsert_label("", "x").map(drop), bad_id("", Reason::Empty)),
        (|i| i.upsert_label("a,b", "x").map(drop), bad_id("a,b", Reason::Comma)),
        (|i| i.upsert_label("3", "\u{200e}").map(drop), bad_name("\u{200e}", Reason::EmptyKey)),
        (|i| i.upsert_label("3", LabelPatch::new().color(1)).map(drop), Error::NameRequired { id: "3".into() }),
        (|i| i.create_label("a\nb").map(drop), bad_name("a\nb", Reason::ControlCharacter)),
        (
            |i| i.create_label("n".repeat(1025).as_str()).map(drop),
            bad_name(&cut, Reason::TooLong { max: 1024, given: 1025 }),
        ),
        (|i| i.ensure_label("  ").map(drop), bad_name("  ", Reason::Empty)),
        (|i| i.remove_label("9").map(drop), unknown("9")),
        (|i| i.remove_label(" 9").map(drop), bad_id(" 9", Reason::SurroundingSpace)),
        (|i| i.link("9", "a@c.us").map(drop), unknown("9")),
        (|i| i.link("1", "@c.us").map(drop), bad_chat("@c.us", Reason::EmptyUser)),
        (|i| i.link("1", "a@b@lid").map(drop), bad_chat("a@b@lid", Reason::SecondAt)),
        (|i| i.unlink("9", "a@c.us").map(drop), unknown("9")),
        (|i| i.unlink("1", "a\u{0}").map(drop), bad_chat("a\u{0}", Reason::ControlCharacter)),
        (|i| i.link_all("2", ["c@c.us", ""]).map(drop), bad_chat("", Reason::Empty)),
        (|i| i.link_all("9", ["c@c.us"]).map(drop), unknown("9")),
        (|i| i.link_all("2", ["a", "b", "c", "d", "e"]).map(drop), limit(Limit::BatchOperations, 4, 5)),
        (|i| i.unlink_all("9", ["a@c.us"]).map(drop), unknown("9")),
        (|i| i.set_labels("a@c.us", ["2", "9"]).map(drop), unknown("9")),
        (|i| i.set_labels("a@c.us", ["2", "x,y"]).map(drop), bad_id("x,y", Reason::Comma)),
        (|i| i.set_labels(" a", ["2"]).map(drop), bad_chat(" a", Reason::SurroundingSpace)),
        (|i| i.merge_chats("@lid", "a").map(drop), bad_chat("@lid", Reason::EmptyUser)),
        (|i| i.unalias("").map(drop), bad_chat("", Reason::Empty)),
        (|i| i.create_label("three").and_then(|_| i.create_label("four")).map(drop), limit(Limit::Labels, 3, 4)),
        (|i| i.query(&Filter::new(), Page::first(6)).map(drop), limit(Limit::Page, 5, 6)),
        (
            |i| i.query(&Filter::new().any_of_ids(["1", "1"]).none_of_ids(["1", "1"]), Page::first(1)).map(drop),
            limit(Limit::FilterEntries, 3, 4),
        ),
        (
            |i| i.count_by_label(&Filter::new().all_of_names(["a", "b", "c", "d"])).map(drop),
            limit(Limit::FilterEntries, 3, 4),
        ),
        (|_| Page::after(1, "no cursor").map(drop), Error::BadCursor { value: "no cursor".into() }),
        (|i| batch_of(i, |b| b.link("2", "c@c.us").and_then(|()| b.unlink("9", "c@c.us"))), in_batch(1, unknown("9"))),
        (|i| batch_of(i, |b| (0..5).try_for_each(|_| b.link("2", "c@c.us"))), limit(Limit::BatchOperations, 4, 5)),
        (|i| batch_of(i, |b| b.link("2", "@c.us")), bad_chat("@c.us", Reason::EmptyUser)),
        (|i| batch_of(i, |b| b.remove_label("1").and_then(|()| b.link("1", "c@c.us"))), in_batch(1, unknown("1"))),
    ];
    for (call, expected) in table {
        if matches!(expected, Error::LimitExceeded { what: Limit::Labels, .. }) {
            let index = index();
            assert_eq!(call(&index).unwrap_err(), expected);
            assert_eq!(index.labels().len(), 3);
        } else {
            refused(call, &expected);
        }
    }
}

#[test]
fn a_cursor_of_another_index_is_refused_also_with_limit_0() {
    let (own, other) = (index(), Options::new().identity(8).build());
    assert!(other.upsert_label("1", "VIP").unwrap().changed());
    assert!(other.link_all("1", ["a", "b"]).unwrap().changed());
    let cursor: Cursor = other.query(&Filter::new(), Page::first(1)).unwrap().next.unwrap();
    for limit in [0, 1] {
        let page = Page::after(limit, cursor).unwrap();
        let refused = own.query(&Filter::new(), page).unwrap_err();
        assert_eq!(refused, Error::ForeignCursor { value: cursor.to_string() });
        assert!(other.query(&Filter::new(), page).is_ok());
    }
}

#[test]
fn a_token_of_another_batch_is_refused_at_once_and_adds_nothing() {
    let index = index();
    let token = index.batch().create_label("x").unwrap();
    let mut batch = index.batch();
    assert_eq!(batch.link(token, "c@c.us").unwrap_err(), Error::ForeignToken { position: 0 });
    assert!(batch.is_empty());
}

#[test]
fn no_decimal_id_follows_the_last_one() {
    let index = LabelIndex::new();
    assert!(index.ingest(label_index::Event::LabelDeleted { label: LabelId::from(LabelId::MAX_DECIMAL) }).unwrap());
    let before = index.revision();
    assert_eq!(index.create_label("x").unwrap_err(), Error::LabelIdsExhausted);
    assert_eq!(index.ensure_label("x").unwrap_err(), Error::LabelIdsExhausted);
    assert_eq!(index.revision(), before);
    assert!(index.upsert_label("other", "x").unwrap().changed());
    assert!(!index.ensure_label("X").unwrap().changed());
}

#[test]
fn what_the_network_reports_is_bounded_by_the_limits_only() {
    let index = Options::new().label_limit(2).build();
    for label in ["1", "2"] {
        assert!(index.ingest(label_index::Event::LabelDeleted { label: label.parse().unwrap() }).unwrap());
    }
    let third = label_index::Event::LabelDeleted { label: "3".parse().unwrap() };
    assert!(matches!(index.ingest(third), Err(Error::LimitExceeded { what: Limit::Labels, limit: 2, given: 3 })));
    let mut full = FullState::new();
    for label in ["4", "5", "6"] {
        full.label(label, "x").unwrap();
    }
    let refused = index.begin_refresh().unwrap().commit(full.clone()).unwrap_err();
    assert_eq!(refused.cause, Error::LimitExceeded { what: Limit::Labels, limit: 2, given: 3 });
    assert_eq!(refused.state, full);
    assert_eq!(index.revision(), 2);
}
