//! Every method takes ids, names, texts and numbers in the form that the caller has.

use label_index::{ChatId, Filter, FullState, LabelId, LabelIndex, LabelName, LabelPatch, NewLabel, Page};

/// Calls an expression with a text as each type of text.
macro_rules! with_each_text {
    ($text:expr, |$each:ident| $call:expr) => {{
        let text: String = String::from($text);
        {
            let $each = text.as_str();
            $call;
        }
        {
            let $each = &text;
            $call;
        }
        {
            let $each = text.clone();
            $call;
        }
    }};
}

/// Calls an expression with the id of a label as each type that is taken as one.
macro_rules! with_each_id {
    ($number:expr, |$each:ident| $call:expr) => {{
        let number: u32 = $number;
        let id = LabelId::from(number);
        with_each_text!(number.to_string(), |$each| $call);
        {
            let $each = number;
            $call;
        }
        {
            let $each = &id;
            $call;
        }
        {
            let $each = id.clone();
            $call;
        }
    }};
}

/// The same for chats.
macro_rules! with_each_chat {
    ($text:expr, |$each:ident| $call:expr) => {{
        let chat: ChatId = $text.parse().unwrap();
        with_each_text!($text, |$each| $call);
        {
            let $each = &chat;
            $call;
        }
        {
            let $each = chat.clone();
            $call;
        }
    }};
}

/// The same for names, and for values that have a name.
macro_rules! with_each_name {
    ($text:expr, $type:ident, |$each:ident| $call:expr) => {{
        let name: LabelName = $text.parse().unwrap();
        let whole = $type::from(name.clone());
        with_each_text!($text, |$each| $call);
        {
            let $each = &name;
            $call;
        }
        {
            let $each = name.clone();
            $call;
        }
        {
            let $each = &whole;
            $call;
        }
        {
            let $each = whole.clone();
            $call;
        }
    }};
}

#[test]
fn an_index_takes_every_form() {
    let index = LabelIndex::new();
    with_each_id!(7, |id| index.upsert_label(id, "VIP").unwrap());
    with_each_id!(7, |id| index.update_label(id, "VIP").unwrap());
    with_each_name!("VIP", LabelPatch, |name| index.upsert_label(7, name).unwrap());
    with_each_name!("VIP", LabelPatch, |name| index.update_label(7, name).unwrap());
    with_each_name!("New", NewLabel, |name| index.create_label(name).unwrap());
    with_each_name!("New", NewLabel, |name| index.ensure_label(name).unwrap());
    assert_eq!(index.labels().len(), 1 + 7);
    with_each_id!(7, |id| index.link(id, "ana").unwrap());
    with_each_id!(7, |id| assert!(index.contains(id, "ana")));
    with_each_id!(7, |id| assert_eq!(index.count(id), 1));
    with_each_id!(7, |id| assert!(index.label(id).is_some()));
    with_each_id!(7, |id| index.set_labels("ana", [id]).unwrap());
    with_each_id!(7, |id| index.link_all(id, ["ana"]).unwrap());
    with_each_id!(7, |id| index.unlink_all(id, ["bob"]).unwrap());
    with_each_id!(7, |id| assert!(!index.unlink(id, "bob").unwrap()));
    with_each_chat!("ana", |chat| assert!(!index.link(7, chat).unwrap()));
    with_each_chat!("ana", |chat| index.link_all(7, [chat]).unwrap());
    with_each_chat!("bob", |chat| index.unlink_all(7, [chat]).unwrap());
    with_each_chat!("bob", |chat| assert!(!index.unlink(7, chat).unwrap()));
    with_each_chat!("ana", |chat| index.set_labels(chat, [7]).unwrap());
    with_each_chat!("ana", |chat| assert_eq!(index.labels_of(chat).len(), 1));
    with_each_chat!("ana", |chat| assert!(index.resolve(chat).is_some()));
    with_each_chat!("ana", |chat| index.merge_chats(chat, "ana").unwrap());
    with_each_chat!("ana", |chat| index.merge_chats("ana", chat).unwrap());
    with_each_chat!("ana", |chat| assert!(!index.unalias(chat).unwrap()));
    with_each_text!("vip", |name| assert_eq!(index.ids_named(name).len(), 1));
    with_each_id!(7, |id| index.remove_label(id).ok());
    assert_eq!(index.total_rows(), 0);
}

#[test]
fn a_batch_takes_every_form() {
    let index = LabelIndex::new();
    index.upsert_label(8, "Gone").unwrap();
    let mut batch = index.batch();
    with_each_id!(7, |id| batch.upsert_label(id, "VIP").unwrap());
    with_each_id!(7, |id| batch.update_label(id, "VIP").unwrap());
    with_each_name!("VIP", LabelPatch, |name| batch.update_label(7, name).unwrap());
    with_each_name!("New", NewLabel, |name| assert!(batch.create_label(name).is_ok()));
    with_each_name!("New", NewLabel, |name| assert!(batch.ensure_label(name).is_ok()));
    let token = batch.ensure_label("VIP").unwrap();
    batch.link(token, "eve").unwrap();
    let tokens = [token, batch.create_label("Other").unwrap()];
    for token in &tokens {
        batch.link(token, "eve").unwrap();
    }
    with_each_id!(7, |id| batch.link(id, "ana").unwrap());
    with_each_id!(7, |id| batch.link_all(id, ["ana"]).unwrap());
    with_each_id!(7, |id| batch.unlink_all(id, ["bob"]).unwrap());
    with_each_id!(7, |id| batch.unlink(id, "bob").unwrap());
    with_each_id!(7, |id| batch.set_labels("ana", [id]).unwrap());
    with_each_chat!("ana", |chat| batch.link(7, chat).unwrap());
    with_each_chat!("ana", |chat| batch.set_labels(chat, [7]).unwrap());
    with_each_chat!("ana", |chat| batch.merge_chats(chat, "ana").unwrap());
    with_each_chat!("ana", |chat| batch.unalias(chat).unwrap());
    batch.remove_label(String::from("8")).unwrap();
    batch.commit().unwrap();
    assert_eq!((index.count("7"), index.labels().len()), (2, 1 + 7 + 1));
}

/// The result of one operation names the label of the next one.
#[test]
fn results_are_arguments() {
    let index = LabelIndex::new();
    let created = index.create_label("VIP").unwrap();
    let ensured = index.ensure_label("VIP").unwrap();
    let label = index.label(&created).unwrap();
    assert!(index.link(&created, "a").unwrap());
    assert!(index.link(&ensured, "b").unwrap());
    assert!(index.link(&ensured.outcome, "c").unwrap());
    assert!(index.link(&label, "d").unwrap());
    let mut batch = index.batch();
    batch.link(&created, "e").unwrap();
    batch.link(&ensured, "f").unwrap();
    batch.link(&label, "g").unwrap();
    batch.commit().unwrap();
    assert_eq!(index.count(&label), 7);
}

#[test]
fn filters_and_states_take_every_form() {
    let index = LabelIndex::new();
    let mut state = FullState::new();
    with_each_id!(7, |id| state.label(id, "VIP").unwrap());
    with_each_name!("VIP", LabelPatch, |name| state.label(7, name).unwrap());
    with_each_id!(7, |id| state.link(id, "ana").unwrap());
    with_each_chat!("ana", |chat| state.link(7, chat).unwrap());
    index.begin_refresh().unwrap().commit(state).unwrap();
    let total = |filter: Filter| index.query(&filter, Page::first(0)).unwrap().total_chats;
    with_each_id!(7, |id| assert_eq!(total(Filter::new().any_of_ids([id]).all_of_ids([7]).none_of_ids([8])), 1));
    let name: LabelName = "vip".parse().unwrap();
    with_each_text!("vip", |text| assert_eq!(total(Filter::new().any_of_names([text]).all_of_names([&name])), 1));
}
