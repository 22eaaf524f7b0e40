//! Known faults of similar programs, each as a test. Those of refreshes are in `refresh/tickets.rs`.

use std::sync::atomic::{AtomicBool, Ordering};

use label_index::{Answer, ChatId, Error, Event, Filter, LabelId, LabelIndex, LabelPatch, Page};

fn index() -> LabelIndex {
    let index = LabelIndex::new();
    let mut batch = index.batch();
    for (id, name) in [("1", "VIP"), ("2", "Support"), ("3", "Atenção")] {
        batch.upsert_label(id, name).unwrap();
    }
    batch.link_all("1", ["ana@c.us", "bob@c.us"]).unwrap();
    batch.link_all("2", ["bob@c.us", "120363000000000001@g.us"]).unwrap();
    assert!(batch.commit().unwrap().changed());
    index
}

fn all(index: &LabelIndex, filter: &Filter) -> Answer {
    index.query(filter, Page::first(1000)).unwrap()
}

fn ids(index: &LabelIndex, chat: &str) -> Vec<String> {
    index.labels_of(chat).iter().map(|label| label.id().to_string()).collect()
}

#[test]
fn a_filter_that_resolves_to_nothing_is_no_missing_filter() {
    let index = index();
    for filter in [
        Filter::new().any_of_names(["Suport"]),
        Filter::new().any_of_ids(["77"]),
        Filter::new().any_of([]),
        Filter::new().all_of([]),
        Filter::new().all_of_names(["VIP", "Suport"]),
    ] {
        let answer = all(&index, &filter);
        assert_eq!((answer.total_chats, answer.total_rows, answer.matched_rows), (0, 0, 0), "{filter:?}");
        assert!(answer.chats.is_empty() && answer.next.is_none(), "{filter:?}");
    }
    let excluding_nothing = all(&index, &Filter::new().none_of_names(["Suport"]));
    assert_eq!(excluding_nothing.total_chats, 3);
    assert_eq!(excluding_nothing.unresolved.names, ["Suport"]);
}

#[test]
fn removing_a_label_leaves_no_ghost_links() {
    let index = index();
    assert_eq!(index.remove_label("1").unwrap().links, 2);
    assert_eq!((index.total_chats(), index.total_rows()), (2, 2));
    assert!(index.labels_of("ana@c.us").is_empty());
    assert_eq!(ids(&index, "bob@c.us"), ["2"]);
    assert_eq!(all(&index, &Filter::new().any_of_ids(["1"])).unresolved.ids, ["1"]);
    assert!(matches!(index.link("1", "ana@c.us"), Err(Error::UnknownLabel { .. })));
}

/// One person edits a label while another one removes it: in either order, the label does not exist at the end.
#[test]
fn an_edit_does_not_bring_a_removed_label_back() {
    for round in 0..300 {
        let index = LabelIndex::new();
        index.upsert_label("1", "VIP").unwrap();
        let edits = || {
            let mut batch = index.batch();
            batch.update_label("1", LabelPatch::new().position(round)).unwrap();
            [index.update_label("1", LabelPatch::new().color(round)).err(), batch.commit().err()]
        };
        let refused = std::thread::scope(|scope| {
            let removing = scope.spawn(|| index.remove_label("1").unwrap());
            let refused = edits();
            removing.join().unwrap();
            refused
        });
        let unknown = Error::UnknownLabel { id: "1".into() };
        let in_batch = Error::BatchRefused { position: 0, cause: Box::new(unknown.clone()) };
        assert!(refused[0].as_ref().is_none_or(|error| *error == unknown), "{refused:?}");
        assert!(refused[1].as_ref().is_none_or(|error| *error == in_batch), "{refused:?}");
        assert_eq!(index.label("1"), None);
        assert_eq!(edits(), [Some(unknown), Some(in_batch)]);
        assert!(index.labels().is_empty());
    }
}

#[test]
fn a_reused_id_inherits_no_links() {
    let index = index();
    assert_eq!(index.remove_label("1").unwrap().links, 2);
    assert!(index.upsert_label("1", "VIP").unwrap().changed());
    assert_eq!(index.count("1"), 0);
    assert!(index.labels_of("ana@c.us").is_empty());
    assert_eq!(*index.create_label("New").unwrap(), LabelId::from(4), "a deleted id is not given out again");
}

#[test]
fn an_unknown_id_does_not_wipe_a_chat() {
    let index = index();
    let before = index.revision();
    assert!(matches!(index.set_labels("bob@c.us", ["2", "77"]), Err(Error::UnknownLabel { .. })));
    assert_eq!(ids(&index, "bob@c.us"), ["1", "2"]);
    assert_eq!(index.revision(), before);
}

#[test]
fn names_are_found_in_any_case_and_keep_what_is_not_ascii() {
    let index = index();
    assert_eq!(index.ids_named("vip"), ["1".parse().unwrap()]);
    assert_eq!(index.ids_named("ATENÇÃO"), ["3".parse().unwrap()]);
    assert!(index.ids_named("Ateno").is_empty() && index.ids_named("Atencao").is_empty());
    assert_eq!(index.label("3").unwrap().name().unwrap().as_str(), "Atenção");
}

#[test]
fn two_spellings_of_a_server_are_one_chat() {
    let index = index();
    assert!(index.link("1", "5511999990001@c.us").unwrap());
    for spelling in ["5511999990001@s.whatsapp.net", "5511999990001:7@C.US", "+5511999990001@hosted"] {
        assert!(!index.link("1", spelling).unwrap(), "{spelling}");
        assert!(index.contains("1", spelling), "{spelling}");
    }
    assert_eq!(index.total_chats(), 4);
}

#[test]
fn a_chat_need_not_be_known_before_it_is_linked() {
    let index = index();
    assert!(index.link("3", "never@seen.example").unwrap());
    let answer = all(&index, &Filter::new().any_of_ids(["3"]));
    assert_eq!(answer.chats[0].chat_id.to_string(), "never@seen.example");
}

#[test]
fn counters_do_not_drift() {
    let index = index();
    for _ in 0..3 {
        assert!(!index.link("1", "ana@c.us").unwrap());
        assert!(!index.unlink("3", "ana@c.us").unwrap());
        assert_eq!(index.link_all("3", ["ana@c.us", "ana@c.us", "ana@s.whatsapp.net"]).unwrap().chats.len(), 1);
        assert_eq!(index.unlink_all("3", ["ana@c.us", "ana@c.us"]).unwrap().chats.len(), 1);
        assert!(!index.set_labels("ana@c.us", ["1", "1"]).unwrap().changed());
    }
    assert_eq!((index.count("1"), index.count("3"), index.total_rows()), (2, 0, 4));
    index.check_invariants().unwrap();
}

#[test]
fn a_read_inside_an_iteration_does_not_wait_for_a_writer_that_waits() {
    let index = index();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _: bool = index.link("3", "ana@c.us").unwrap() && index.unlink("3", "ana@c.us").unwrap();
            }
        });
        for _ in 0..200 {
            for chat in index.iter() {
                assert!(!index.labels_of(&chat.chat_id).is_empty());
                assert!(index.query(&Filter::new(), Page::first(1)).unwrap().total_chats >= 3);
            }
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn a_cursor_does_not_repeat_a_page_when_chats_are_excluded() {
    let index = index();
    let chats: Vec<ChatId> = (0..50).map(|number| format!("{number}@c.us").parse().unwrap()).collect();
    assert!(index.link_all("1", &chats).unwrap().changed());
    assert!(index.link_all("2", chats.iter().step_by(3)).unwrap().changed());
    let filter = Filter::new().any_of_ids(["1"]).none_of_ids(["2"]);
    let whole = all(&index, &filter);
    let (mut seen, mut page) = (Vec::new(), Page::first(7));
    loop {
        let answer = index.query(&filter, page).unwrap();
        assert_eq!(answer.total_chats, whole.total_chats);
        seen.extend(answer.chats);
        let Some(next) = answer.next else { break };
        page = Page::after(7, next).unwrap();
    }
    assert_eq!(seen, whole.chats);
}

#[test]
fn empty_and_not_synced_yet_can_be_told_apart() {
    let index = LabelIndex::new();
    assert_eq!(index.refresh_state(), label_index::RefreshState::Never);
    assert!(index.begin_refresh().unwrap().commit(label_index::FullState::new()).unwrap().changed());
    assert_eq!(index.refresh_state(), label_index::RefreshState::Done { revision: 1 });
}

#[test]
fn a_link_before_its_label_is_kept_under_a_provisional_label() {
    let index = index();
    assert!(
        index.ingest(Event::ChatLabelled { label: "9".parse().unwrap(), chat: "ana@c.us".parse().unwrap() }).unwrap()
    );
    assert!(index.label("9").unwrap().is_provisional());
    assert_eq!(all(&index, &Filter::new().any_of_ids(["9"])).total_chats, 1);
    assert!(index.link("9", "bob@c.us").unwrap(), "a provisional label counts as known");
}
