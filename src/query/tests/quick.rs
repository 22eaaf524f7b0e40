//! Which reads are answered while a writer waits.

use crate::model::filter::{Filter, Page};
use crate::model::name::NameKey;
use crate::model::options::Limits;
use crate::query::chat_labels::ChatLabels;
use crate::state::State;
use crate::state::tests::{chat, commit, define, empty, link};

/// One chat with `labels` labels, all of one name, and another chat with one.
fn state(labels: u32) -> State {
    let mut state = empty();
    commit(&mut state, (1..=labels).map(|label| define(label, "same")));
    commit(&mut state, (1..=labels).map(|label| link(label, "many")));
    commit(&mut state, [link(1, "one")]);
    state
}

#[test]
fn reads_of_many_labels_keep_no_writer_waiting() {
    let (limits, name) = (Limits::default(), NameKey::sought("SAME").unwrap());
    let all = Filter::new().any_of_ids([1]);
    for labels in [20, 256, 257, 2_000, 2_048, 2_049] {
        // A page copies the numbers of its labels, the other reads copy labels.
        let (is_quick, is_quick_page) = (labels <= 256, labels <= 2_048);
        let state = state(labels);
        let answer = state.query_quickly(&all, Page::first(1), &limits).map(Result::unwrap);
        assert_eq!(answer.is_some(), is_quick_page, "{labels} labels");
        assert!(answer.is_none_or(|answer| answer == state.query(&all, Page::first(1), &limits).unwrap()));
        #[cfg(feature = "serde")]
        {
            let mut json = Vec::new();
            let written = state.query_json_quickly(&all, Page::first(1), &limits, &mut json);
            // The limit here is one of bytes, about that of 480 labels with so short a name.
            assert_eq!(written.is_some(), labels < 2_000, "{labels} labels");
            assert_eq!(json.is_empty(), written.is_none(), "{labels} labels");
        }
        let page = state.chat_page_quickly(&all, Page::first(1), &limits).map(Result::unwrap);
        assert_eq!(page, is_quick_page.then(|| state.chat_page(&all, Page::first(1), &limits).unwrap()));
        let found = state.labels_of_quickly(&chat("many"));
        assert_eq!(found, is_quick.then(|| state.labels_of(&chat("many"))));
        assert_eq!(state.labels_of_quickly(&chat("one")).unwrap().len(), 1);
        assert_eq!(state.labels_of_quickly(&chat("nobody")), Some(ChatLabels::default()));
        assert_eq!(state.ids_named_quickly(&name), is_quick.then(|| state.ids_named(&name)));
    }
}
