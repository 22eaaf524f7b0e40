//! Queries over a list of the host's own, such as the chats that are open, unread or assigned to somebody.

use label_index::{Answer, Cursor, Error, Filter, LabelIndex, Options, Page};

/// Chats `c0` to `c9`, all with label 1, the even ones with label 2 too.
fn index() -> LabelIndex {
    let index = Options::new().identity(7).build();
    let mut batch = index.batch();
    batch.upsert_label(1, "Open").unwrap();
    batch.upsert_label(2, "VIP").unwrap();
    batch.link_all(1, (0..10).map(|n| format!("c{n}"))).unwrap();
    batch.link_all(2, (0..10).step_by(2).map(|n| format!("c{n}"))).unwrap();
    batch.commit().unwrap();
    index
}

fn ids(answer: &Answer) -> Vec<String> {
    answer.chats.iter().map(|chat| chat.chat_id.to_string()).collect()
}

fn everybody() -> Filter {
    Filter::new()
}

#[test]
fn an_answer_has_the_chats_of_the_list_in_its_order() {
    let index = index();
    let list = ["c4", "nobody", "c9", "", "c4", "c0", "@c.us"];
    let answer = index.among(&everybody(), list, Page::first(10)).unwrap();
    assert_eq!(ids(&answer), ["c4", "c9", "c0"]);
    assert_eq!((answer.total_chats, answer.total_rows, answer.matched_rows, answer.next), (3, 5, 5, None));
    let vips = Filter::new().any_of_ids([2, 8]);
    let answer = index.among(&vips, list, Page::first(10)).unwrap();
    assert_eq!((ids(&answer), answer.matched_rows), (vec!["c4".to_owned(), "c0".to_owned()], 2));
    assert_eq!((answer.filter_label_ids, answer.unresolved.ids), (vec![2.into()], vec!["8".to_owned()]));
    assert_eq!(index.among(&everybody(), [""; 0], Page::first(10)).unwrap().total_chats, 0);
    let nobody = index.among(&Filter::new().any_of([]), list, Page::first(10)).unwrap();
    assert_eq!((nobody.total_chats, nobody.total_rows), (0, 0));
}

/// Two ids of one person are one chat, at the first of them.
#[test]
fn two_ids_of_one_chat_count_once() {
    let index = index();
    index.merge_chats("c1@lid", "c1").unwrap();
    let list = ["c0", "c1@lid", "c2", "c1", "c3"];
    let first = index.among(&everybody(), list, Page::first(2)).unwrap();
    assert_eq!((ids(&first), first.total_chats), (vec!["c0".to_owned(), "c1".to_owned()], 4));
    let second = index.among(&everybody(), list, Page::after(9, first.next.unwrap()).unwrap()).unwrap();
    assert_eq!(ids(&second), ["c2", "c3"]);
}

/// It does, whatever is written between pages, and wherever the chat of the cursor is in the list by then.
#[test]
fn pages_continue_after_the_last_chat() {
    let index = index();
    let list = ["c5", "c3", "c1", "c8", "c0"];
    let first = index.among(&everybody(), list, Page::first(2)).unwrap();
    let text = first.next.unwrap().to_string();
    let rest = |list: &[&str]| {
        let page = Page::after(9, &text).unwrap();
        index.among(&everybody(), list, page).map(|answer| ids(&answer))
    };
    assert_eq!(rest(&list).unwrap(), ["c1", "c8", "c0"]);
    index.unlink(1, "c3").unwrap();
    index.link(1, "new").unwrap();
    assert_eq!(rest(&list).unwrap(), ["c1", "c8", "c0"], "the chat lost its label, and its place has another chat");
    index.merge_chats("c3", "c8").unwrap();
    assert_eq!(rest(&list).unwrap(), ["c1", "c0"], "c8 stands where c3 stands now, which was on the page before");
    index.unalias("c3").unwrap();
    assert_eq!(rest(&["new", "c5", "c9", "c3", "c1", "c8", "c0"]).unwrap(), ["c1", "c8", "c0"]);
    assert_eq!(rest(&["c5", "c1"]), Err(Error::LostCursor { value: text.clone() }));
    assert_eq!(rest(&[]), Err(Error::LostCursor { value: text.clone() }));
    assert_eq!(rest(&["c3"]).unwrap(), [""; 0]);
}

#[test]
fn a_cursor_is_refused_in_the_other_order() {
    let index = index();
    let list = ["c1", "c2", "c3"];
    let of_list = index.among(&everybody(), list, Page::first(1)).unwrap().next.unwrap();
    let of_place = index.query(&everybody(), Page::first(1)).unwrap().next.unwrap();
    let after = |cursor: Cursor| Page::after(0, cursor.to_string()).unwrap();
    let misplaced = |cursor: Cursor| Error::MisplacedCursor { value: cursor.to_string() };
    assert_eq!(index.query(&everybody(), after(of_list)).unwrap_err(), misplaced(of_list));
    assert_eq!(index.page(&everybody(), after(of_list)).unwrap_err(), misplaced(of_list));
    assert_eq!(index.among(&everybody(), list, after(of_place)).unwrap_err(), misplaced(of_place));
    let other = LabelIndex::new();
    let foreign = Error::ForeignCursor { value: of_list.to_string() };
    assert_eq!(other.among(&everybody(), list, after(of_list)).unwrap_err(), foreign);
    for text in [of_list.to_string(), of_place.to_string()] {
        assert_eq!(text.parse::<Cursor>().unwrap().to_string(), text);
        for (position, _) in text.char_indices() {
            let mut damaged = text.clone();
            let other = if &text[position..=position] == "0" { "1" } else { "0" };
            damaged.replace_range(position..=position, other);
            assert_eq!(damaged.parse::<Cursor>(), Err(Error::BadCursor { value: damaged.clone() }));
        }
    }
}

/// Hosts keep cursors and give them back to a later version.
#[test]
fn texts_of_cursors_are_the_same_in_every_version() {
    let index = index();
    let of_list = index.among(&everybody(), ["c1", "c2"], Page::first(1)).unwrap().next.unwrap();
    let of_place = index.query(&everybody(), Page::first(1)).unwrap().next.unwrap();
    assert_eq!(of_list.to_string(), "3dad38d96cd8adb900000000000000074880b927");
    assert_eq!(of_place.to_string(), "00000000000000000000000774b5abcc");
}

/// The items of the list come from the host's code, which may write to the index or panic.
#[test]
fn the_list_may_write_and_panic() {
    let index = index();
    let list = (0..10).map(|n| {
        index.unlink(1, format!("c{n}")).unwrap();
        format!("c{n}")
    });
    assert_eq!(index.among(&everybody(), list, Page::first(0)).unwrap().total_chats, 10, "of one version");
    assert_eq!(index.total_chats(), 5);
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let list = (0..10).map(|n| if n == 5 { panic!("a host") } else { format!("c{n}") });
        index.labels_of_each(list)
    }));
    assert!(panics.is_err());
    assert!(index.link(1, "c1").unwrap());
    index.check_invariants().unwrap();
}

#[test]
fn a_query_beyond_the_limits_is_refused() {
    let index = Options::new().page_limit(2).filter_entry_limit(1).build();
    assert!(matches!(index.among(&everybody(), ["a"], Page::first(3)), Err(Error::LimitExceeded { given: 3, .. })));
    let wide = Filter::new().any_of_ids([1, 2]);
    assert!(matches!(index.among(&wide, ["a"], Page::first(1)), Err(Error::LimitExceeded { given: 2, .. })));
    assert!(matches!(index.totals(&wide), Err(Error::LimitExceeded { given: 2, .. })));
    assert!(matches!(index.page(&everybody(), Page::first(3)), Err(Error::LimitExceeded { given: 3, .. })));
    assert!(matches!(index.matching(&wide), Err(Error::LimitExceeded { given: 2, .. })));
}

/// The iterator shows the version at its creation, not later writes.
#[test]
fn an_iterator_shows_one_version() {
    let index = index();
    let mut chats = index.matching(&Filter::new().any_of_ids([1])).unwrap();
    assert_eq!(chats.next().unwrap().chat_id.to_string(), "c0");
    index.remove_label(1).unwrap();
    index.remove_label(2).unwrap();
    let copy = chats.clone();
    assert_eq!((chats.count(), copy.count(), index.total_chats()), (9, 9, 0));
}
