//! Queries that are too large, and cursors of other indexes.

use label_index::{Cursor, Entry, Error, Filter, LabelIndex, Limit, Options, Page};

use crate::memory::{asked, peak};

const HUGE: usize = 100_000;

/// Chats with a label of their own each: chat 7 has the label 7.
fn index(options: Options, chats: u32) -> LabelIndex {
    let index = options.build();
    let mut batch = index.batch();
    for label in 1..=chats {
        batch.upsert_label(label, format!("label {label}").as_str()).unwrap();
        batch.link(label, format!("{label}@c.us")).unwrap();
    }
    assert!(batch.commit().unwrap().changed());
    index
}

fn ids() -> impl Iterator<Item = Entry> {
    (1..=HUGE).map(|id| Entry::id(id.to_string()))
}

fn names() -> impl Iterator<Item = Entry> {
    (1..=HUGE).map(|id| Entry::name(format!("LABEL {id}")))
}

#[test]
fn a_filter_of_a_hundred_thousand_entries_is_refused_before_it_is_looked_at() {
    let index = index(Options::new(), 10);
    let refusal = Error::LimitExceeded { what: Limit::FilterEntries, limit: 10_000, given: 100_000 };
    for filter in [
        Filter::new().any_of(ids()),
        Filter::new().all_of(names()),
        Filter::new().none_of(ids()),
        Filter::new().any_of(ids().take(40_000)).all_of(names().take(30_000)).none_of(ids().take(30_000)),
    ] {
        let (refused, bytes) = asked(|| index.query(&filter, Page::first(1)));
        assert_eq!((refused.unwrap_err(), bytes), (refusal.clone(), 0));
        let (refused, bytes) = asked(|| index.count_by_label(&filter));
        assert_eq!((refused.unwrap_err(), bytes), (refusal.clone(), 0));
    }
}

#[test]
fn a_filter_of_a_hundred_thousand_entries_that_is_allowed_is_answered_in_memory_of_its_size() {
    let index = index(Options::new().filter_entry_limit(HUGE), 1_000);
    let known = [(ids().collect::<Vec<_>>(), "ids"), (names().collect(), "names")];
    let texts = 99_000 * 12;
    for (entries, what) in known {
        for (filter, chats, unresolved) in [
            (Filter::new().any_of(entries.clone()), 1_000, 99_000),
            (Filter::new().all_of(entries.clone()), 0, 99_000),
            (Filter::new().none_of(entries.clone()), 0, 99_000),
            (Filter::new().any_of(vec![entries[6].clone(); HUGE]), 1, 0),
            (Filter::new().none_of(vec![entries[6].clone(); HUGE]), 999, 0),
        ] {
            let (answer, bytes) = peak(|| index.query(&filter, Page::first(10)).unwrap());
            let listed = answer.chats.len();
            assert_eq!((answer.total_chats, listed), (chats, usize::try_from(chats.min(10)).unwrap()), "{what}");
            assert_eq!(answer.unresolved.ids.len() + answer.unresolved.names.len(), unresolved, "{what}");
            assert!(bytes <= 150 * 100_000 + texts, "{what}: {bytes} bytes");
            assert!(index.count_by_label(&filter).unwrap().len() >= listed);
        }
    }
}

#[test]
fn texts_of_a_mebibyte_in_a_filter_are_unknown_labels() {
    let index = index(Options::new(), 10);
    let long = "é".repeat(1 << 19);
    let filter = Filter::new().any_of_ids(["1", &long]).none_of_names([&long]);
    let (answer, bytes) = peak(|| index.query(&filter, Page::first(10)).unwrap());
    assert_eq!((answer.total_chats, answer.unresolved.ids.len(), answer.unresolved.names.len()), (1, 1, 1));
    assert!(bytes < 3 << 20, "{bytes} bytes: more than the two copies that the answer has");
}

#[test]
fn a_huge_page_is_refused_and_one_that_is_allowed_takes_what_it_lists() {
    let small = index(Options::new(), 10);
    for (given, told) in [(1_001, 1_001), (usize::MAX, u64::MAX)] {
        let refusal = Error::LimitExceeded { what: Limit::Page, limit: 1_000, given: told };
        for filter in [Filter::new(), Filter::new().any_of_ids(["1"])] {
            let (refused, bytes) = asked(|| small.query(&filter, Page::first(given)));
            assert_eq!((refused.unwrap_err(), bytes), (refusal.clone(), 0));
        }
    }
    let large = index(Options::new().page_limit(usize::MAX), 10_000);
    for (filter, listed) in [
        (Filter::new(), 10_000),
        (Filter::new().any_of_ids(["1", "2"]), 2),
        (Filter::new().none_of_ids(["1", "2"]), 9_998),
        (Filter::new().all_of_ids(["1", "2"]), 0),
    ] {
        let (answer, bytes) = peak(|| large.query(&filter, Page::first(usize::MAX)).unwrap());
        assert_eq!((answer.chats.len(), answer.next), (listed, None));
        let most = 300 * u64::try_from(listed).unwrap() + 64 * 1024;
        assert!(bytes <= most, "{bytes} bytes for {listed} chats");
    }
}

/// Cursors of other identities, of places far beyond the last, and of every place.
#[test]
fn a_cursor_from_elsewhere_is_refused_and_any_place_of_ours_is_harmless() {
    let [own, other] = [7, 8].map(|identity| index(Options::new().identity(identity), 100));
    for limit in [0, 1, 1_000] {
        let cursor: Cursor = other.query(&Filter::new(), Page::first(10)).unwrap().next.unwrap();
        let refused = own.query(&Filter::new().any_of_ids(["1"]), Page::after(limit, cursor).unwrap());
        assert_eq!(refused.unwrap_err(), Error::ForeignCursor { value: cursor.to_string() });
    }
    let large = index(Options::new().identity(7), 5_000);
    let mut page = Page::first(1_000);
    while let Some(cursor) = large.query(&Filter::new(), page).unwrap().next {
        let answer = own.query(&Filter::new(), Page::after(10, cursor).unwrap()).unwrap();
        assert_eq!((answer.chats.len(), answer.next, answer.total_chats), (0, None, 100), "behind every place");
        page = Page::after(1_000, cursor).unwrap();
    }
}
