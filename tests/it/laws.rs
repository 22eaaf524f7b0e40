//! Laws that hold for every index.

use label_index::{Answer, Entry, Filter, LabelIndex, LabelledChat, Page};
use proptest::collection::vec;
use proptest::prelude::*;

const LABELS: u32 = 6;
const CHATS: u32 = 12;

type Pair = (u32, u32);

fn pairs(most: usize) -> impl Strategy<Value = Vec<Pair>> {
    vec((1..=LABELS, 0..CHATS), 0..most)
}

fn filters() -> impl Strategy<Value = Filter> {
    let clause = || proptest::option::of(vec(1..=LABELS + 1, 0..4));
    (clause(), clause(), clause()).prop_map(|(any, all, none)| {
        let entries = |ids: Vec<u32>| ids.into_iter().map(|id| Entry::id(id.to_string())).collect::<Vec<_>>();
        let mut filter = Filter::new();
        (filter.any_of, filter.all_of, filter.none_of) = (any.map(entries), all.map(entries), none.map(entries));
        filter
    })
}

fn chat(number: u32) -> String {
    format!("{number}@c.us")
}

fn index(pairs: &[Pair]) -> LabelIndex {
    let index = LabelIndex::new();
    for label in 1..=LABELS {
        assert!(index.upsert_label(label, format!("label {label}").as_str()).unwrap().changed());
    }
    for &(label, number) in pairs {
        let _: bool = index.link(label, chat(number)).unwrap();
    }
    index
}

fn whole(index: &LabelIndex, filter: &Filter) -> Answer {
    index.query(filter, Page::first(1000)).unwrap()
}

/// Reads an answer page by page, and calls `between` between two pages.
fn paged(index: &LabelIndex, filter: &Filter, limit: usize, mut between: impl FnMut()) -> Vec<LabelledChat> {
    let (mut chats, mut page) = (Vec::new(), Page::first(limit));
    loop {
        let answer = index.query(filter, page).unwrap();
        chats.extend(answer.chats);
        let Some(next) = answer.next else { return chats };
        page = Page::after(limit, next).unwrap();
        between();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn linking_and_unlinking_are_idempotent(there in pairs(30), (label, number) in (1..=LABELS, 0..CHATS)) {
        let index = index(&there);
        for linked in [true, false] {
            let write = || if linked { index.link(label, chat(number)) } else { index.unlink(label, chat(number)) };
            let _: bool = write().unwrap();
            let (revision, once) = (index.revision(), whole(&index, &Filter::new()));
            prop_assert!(!write().unwrap());
            prop_assert_eq!(index.revision(), revision);
            prop_assert_eq!(whole(&index, &Filter::new()), once);
        }
    }

    #[test]
    fn unlinking_undoes_linking(there in pairs(30), (label, number) in (1..=LABELS, 0..CHATS)) {
        let index = index(&there);
        let before = whole(&index, &Filter::new());
        if index.link(label, chat(number)).unwrap() {
            prop_assert!(index.unlink(label, chat(number)).unwrap());
        }
        let after = whole(&index, &Filter::new());
        prop_assert_eq!(after.chats, before.chats);
        prop_assert_eq!((after.total_chats, after.total_rows), (before.total_chats, before.total_rows));
    }

    #[test]
    fn a_batch_is_its_parts_or_nothing(there in pairs(20), parts in pairs(20), refused in any::<bool>()) {
        let (whole_batch, one_by_one) = (index(&there), index(&there));
        let before = whole_batch.revision();
        let mut batch = whole_batch.batch();
        for &(label, number) in &parts {
            batch.link(label, chat(number)).unwrap();
            let _: bool = one_by_one.link(label, chat(number)).unwrap();
        }
        if refused {
            batch.link("77", chat(0)).unwrap();
        }
        let done = batch.commit();
        prop_assert_eq!(done.is_err(), refused);
        let expected = if refused { index(&there) } else { one_by_one };
        prop_assert_eq!(
            whole_batch.iter().collect::<Vec<_>>(),
            expected.iter().collect::<Vec<_>>()
        );
        let changed = done.is_ok_and(|done| done.changed());
        prop_assert_eq!(whole_batch.revision(), before + u64::from(changed));
    }

    #[test]
    fn pages_are_the_answer_cut_into_pieces(there in pairs(60), filter in filters(), limit in 1_usize..5) {
        let index = index(&there);
        let answer = whole(&index, &filter);
        let rows: usize = answer.chats.iter().map(|chat| chat.labels.len()).sum();
        prop_assert_eq!(answer.total_rows, u64::try_from(rows).unwrap());
        prop_assert_eq!(answer.total_chats, u64::try_from(answer.chats.len()).unwrap());
        prop_assert_eq!(paged(&index, &filter, limit, || {}), answer.chats);
    }

    #[test]
    fn unrelated_writes_between_pages_change_no_page(
        there in pairs(60), filter in filters(), limit in 1_usize..5, writes in pairs(20),
    ) {
        let index = index(&there);
        let of_theirs = |chat: &LabelledChat| !chat.chat_id.to_string().starts_with("9");
        let answer: Vec<_> = whole(&index, &filter).chats;
        let mut writes = writes.into_iter();
        let seen = paged(&index, &filter, limit, || {
            for (label, number) in writes.by_ref().take(3) {
                let other = format!("9{number:02}@lid");
                let _: bool = index.link(label, &other).unwrap() || index.unlink(label, &other).unwrap();
            }
        });
        let answer: Vec<_> = answer.into_iter().filter(of_theirs).collect();
        prop_assert_eq!(seen.into_iter().filter(of_theirs).collect::<Vec<_>>(), answer);
    }

    #[test]
    fn more_alternatives_never_give_fewer_chats(there in pairs(40), ids in vec(1..=LABELS, 0..4), more in 1..=LABELS) {
        let index = index(&there);
        let texts = |ids: &[u32]| ids.iter().map(u32::to_string).collect::<Vec<_>>();
        let few = whole(&index, &Filter::new().any_of_ids(texts(&ids)));
        let many = whole(&index, &Filter::new().any_of_ids(texts(&[ids, vec![more]].concat())));
        prop_assert!(few.chats.iter().all(|chat| many.chats.contains(chat)));
        prop_assert!(few.matched_rows <= many.matched_rows && few.total_rows <= many.total_rows);
    }

    #[test]
    fn neither_order_nor_repetition_of_entries_matters(there in pairs(40), filter in filters(), turn in 0_usize..4) {
        let index = index(&there);
        let mut turned = filter.clone();
        for clause in [&mut turned.any_of, &mut turned.all_of, &mut turned.none_of].into_iter().flatten() {
            clause.extend(clause.first().cloned());
            let len = clause.len().max(1);
            clause.rotate_left(turn % len);
        }
        let (answer, mut other) = (whole(&index, &filter), whole(&index, &turned));
        // Unresolved entries are in the order of the filter.
        other.unresolved.ids.sort();
        let mut unresolved = answer.unresolved.clone();
        unresolved.ids.sort();
        prop_assert_eq!(&other.unresolved, &unresolved);
        other.unresolved = answer.unresolved.clone();
        prop_assert_eq!(answer, other);
    }
}
