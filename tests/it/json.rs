//! JSON that is read and JSON that is refused; and how values are written.

use label_index::{
    Change, Commit, Delivery, Entry, Event, Filter, FullState, Label, LabelId, LabelIndex, LabelPatch, Limits,
    NewLabel, Page, PublicEvent,
};
use proptest::prelude::{any, proptest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, from_value, json, to_value};

/// Fails unless every text is refused, each with an error that names what is wrong.
fn refuses<T: DeserializeOwned + std::fmt::Debug>(cases: &[(Value, &str)]) {
    for (json, named) in cases {
        match serde_json::from_str::<T>(&json.to_string()) {
            Ok(taken) => panic!("{json} was taken as {taken:?}"),
            Err(error) => assert!(error.to_string().contains(named), "{json}: {error}, without {named}"),
        }
    }
}

fn filter(json: &Value) -> Filter {
    serde_json::from_str(&json.to_string()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn event(json: &Value) -> Event {
    serde_json::from_str(&json.to_string()).unwrap_or_else(|error| panic!("{json}: {error}"))
}

/// Wrong ways to write a clause, some of them found in hosts' code.
const MISSPELLED_CLAUSES: [&str; 18] = [
    "anyOf",
    "any-of",
    "any",
    "AnyOf",
    "ANY_OF",
    "any_off",
    "anyof",
    "any_of_ids",
    "any_of_names",
    "labels",
    "where",
    "filter",
    "or",
    "in",
    "all",
    "noneOf",
    "not",
    "",
];

/// A clause that is not understood must not become "every chat".
#[test]
fn a_misspelled_clause_is_refused() {
    for clause in MISSPELLED_CLAUSES {
        refuses::<Filter>(&[
            (json!({ clause: [{ "id": "1" }] }), clause),
            (json!({ "any_of": [{ "id": "1" }], clause: [] }), clause),
            (json!({ clause: null }), clause),
        ]);
    }
}

#[test]
fn a_clause_is_a_list() {
    for clause in ["any_of", "all_of", "none_of"] {
        for value in [json!(null), json!("1"), json!(1), json!({ "id": "1" }), json!(true), json!([["1"]])] {
            refuses::<Filter>(&[(json!({ clause: value }), "")]);
        }
    }
    for other in ["null", "[]", "\"1\"", "1", r#"{"any_of":["1"],"any_of":["2"]}"#] {
        assert!(serde_json::from_str::<Filter>(other).is_err(), "{other}");
    }
}

#[test]
fn an_entry_is_one_id_or_one_name() {
    let entries = [
        json!({ "ids": "1" }),
        json!({ "Id": "1" }),
        json!({ "ID": 1 }),
        json!({ "label": "1" }),
        json!({ "name": "VIP", "id": "1" }),
        json!({ "id": "1", "exact": true }),
        json!({ "id": "1", "name": null }),
        json!({ "id": null }),
        json!({ "id": ["1"] }),
        json!({ "id": 1.5 }),
        json!({ "id": -1 }),
        json!({ "name": 1 }),
        json!({ "name": null }),
        json!({}),
        json!(null),
        json!(-1),
        json!(1.5),
        json!(true),
    ];
    for entry in entries {
        refuses::<Entry>(&[(entry.clone(), "")]);
        refuses::<Filter>(&[(json!({ "any_of": ["1", entry] }), "")]);
    }
    assert!(serde_json::from_str::<Entry>(r#"{"id":"1","id":"2"}"#).is_err());
}

#[test]
fn an_id_is_written_as_a_text_a_number_or_in_full() {
    let short = filter(&json!({ "any_of": ["1", 2, { "id": "3" }, { "id": 4 }, { "name": "VIP" }], "none_of": [] }));
    let whole = Filter::new().any_of_ids(["1", "2", "3", "4"]).any_of_names(["VIP"]).none_of([]);
    assert_eq!(short, whole);
    assert_eq!(filter(&json!({ "all_of": [4_294_967_296_u64] })), Filter::new().all_of_ids(["4294967296"]));
    assert_eq!(serde_json::from_str::<LabelId>("7").unwrap(), LabelId::from(7));
    assert_eq!(serde_json::from_str::<LabelId>("4294967296").unwrap(), "4294967296".parse().unwrap());
    let labelled = event(&json!({ "kind": "chat_labelled", "label": 7, "chat": "ana@c.us" }));
    assert_eq!(labelled, Event::ChatLabelled { label: 7.into(), chat: "ana@c.us".parse().unwrap() });
    refuses::<LabelId>(&[(json!(-7), "-7"), (json!(7.5), "7.5"), (json!(null), ""), (json!(true), "true")]);
}

/// A filter that is written and read again is the same: a clause that was not given is not given afterwards.
#[test]
fn a_filter_survives_json() {
    let filters = [
        (Filter::new(), json!({})),
        (Filter::new().any_of([]), json!({ "any_of": [] })),
        (
            Filter::new().all_of_names(["a, b"]).none_of_ids(["1"]),
            json!({ "all_of": [{ "name": "a, b" }], "none_of": [{ "id": "1" }] }),
        ),
    ];
    for (plain, json) in filters {
        assert_eq!(to_value(&plain).unwrap(), json);
        assert_eq!(filter(&json), plain);
        assert_eq!(from_value::<Filter>(json).unwrap(), plain);
    }
}

#[test]
fn fields_that_no_label_has_are_refused() {
    for field in ["colour", "Color", "colorId", "labelName", "names", "pos", "order", "predefinedId", ""] {
        refuses::<LabelPatch>(&[(json!({ field: 1 }), field), (json!({ "name": "VIP", field: null }), field)]);
        refuses::<NewLabel>(&[(json!({ "name": "VIP", field: 1 }), field)]);
        refuses::<Label>(&[(json!({ "id": "1", "name": "VIP", field: 1 }), field)]);
        refuses::<Event>(&[(json!({ "kind": "label_edited", "label": "5", "patch": { field: 1 } }), field)]);
    }
    for field in ["colour", "id", "labels", "chat_id", ""] {
        refuses::<Event>(&[
            (json!({ "kind": "label_deleted", "label": "5", field: 1 }), field),
            (json!({ "kind": "chat_labelled", "label": "5", "chat": "a", field: null }), field),
        ]);
        refuses::<Change>(&[(json!({ "kind": "chat_unlinked", "label": "5", "chat": "a", field: null }), field)]);
        refuses::<Commit>(&[(json!({ "revision": 1, "changes": [], field: null }), field)]);
    }
    let mut limits = Limits::default();
    limits.page = 10;
    refuses::<Limits>(&[
        (json!({ "pages": 10 }), "pages"),
        (json!({ "page": null }), ""),
        (json!({ "page": -1 }), "-1"),
    ]);
    assert_eq!(from_value::<Limits>(json!({ "page": 10 })).unwrap(), limits);
}

/// They do so even where a host flattens them into a struct of its own, which drops unknown fields.
#[test]
fn unknown_fields_are_refused_in_a_flattened_struct_too() {
    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "it is read by `Debug`")]
    struct Request<T> {
        account: String,
        #[serde(flatten)]
        rest: T,
    }
    refuses::<Request<Filter>>(&[
        (json!({ "account": "a", "anyOf": ["1"] }), "anyOf"),
        (json!({ "account": "a", "any_of": null }), ""),
    ]);
    refuses::<Request<LabelPatch>>(&[(json!({ "account": "a", "colour": 1 }), "colour")]);
    refuses::<Request<NewLabel>>(&[(json!({ "account": "a", "name": "VIP", "colour": 1 }), "colour")]);
    refuses::<Request<Event>>(&[(json!({ "account": "a", "kind": "label_deleted", "label": 1, "x": 1 }), "x")]);
    let request: Request<Filter> = from_value(json!({ "account": "a", "any_of": ["1", 2] })).unwrap();
    assert_eq!(request.rest, Filter::new().any_of_ids(["1", "2"]));
    let request: Request<Event> = from_value(json!({ "account": "a", "kind": "label_deleted", "label": 1 })).unwrap();
    assert_eq!(request.rest, Event::LabelDeleted { label: 1.into() });
    let request: Request<NewLabel> = from_value(json!({ "account": "a", "name": "VIP", "color": 3 })).unwrap();
    assert_eq!(request.rest, NewLabel::named("VIP").unwrap().color(3));
    let request: Request<LabelPatch> = from_value(json!({ "account": "a", "position": 3 })).unwrap();
    assert_eq!(request.rest, LabelPatch::new().position(3));
}

/// An event comes from a network: its name may be anything, and its colour counts whatever the name is.
#[test]
fn events_are_lenient() {
    let coloured = |patch: LabelPatch| Event::LabelEdited { label: 5.into(), patch: patch.color(3) };
    let named = |name| coloured(LabelPatch::named(name).unwrap());
    let edited =
        |name: Value| event(&json!({ "kind": "label_edited", "label": "5", "patch": { "name": name, "color": 3 } }));
    for nothing in [json!(""), json!(" \t"), json!("\u{200e}\u{2067}"), json!("\u{0}"), json!(null)] {
        assert_eq!(edited(nothing.clone()), coloured(LabelPatch::new()), "{nothing}");
    }
    assert_eq!(edited(json!("VIP\tcustomers\n")), named("VIP customers"));
    assert_eq!(edited(json!("\u{200e}VIP")), named("\u{200e}VIP"));
    assert_eq!(edited(json!("a".repeat(2_000))), named(&"a".repeat(1_024)));
    let nothing = Event::LabelEdited { label: 5.into(), patch: LabelPatch::new() };
    for patch in [
        json!({ "kind": "label_edited", "label": 5, "patch": null }),
        json!({ "kind": "label_edited", "label": 5, "patch": {} }),
        json!({ "kind": "label_edited", "label": 5, "patch": { "name": null, "color": null, "position": null } }),
        json!({ "kind": "label_edited", "label": 5 }),
    ] {
        assert_eq!(event(&patch), nothing);
    }
    // A patch of the host is checked, since the caller gets the error.
    refuses::<LabelPatch>(&[(json!({ "name": "" }), ""), (json!({ "name": "a\tb" }), "control")]);
    refuses::<NewLabel>(&[(json!({ "name": null }), ""), (json!({}), "name")]);
    assert_eq!(from_value::<LabelPatch>(json!({ "name": null, "color": 2 })).unwrap(), LabelPatch::new().color(2));
}

#[test]
fn events_survive_json() {
    let chat = || "ana@c.us".parse().unwrap();
    for event in [
        Event::LabelEdited { label: 5.into(), patch: LabelPatch::named("VIP").unwrap().position(-3) },
        Event::LabelEdited { label: "x".parse().unwrap(), patch: LabelPatch::new() },
        Event::LabelDeleted { label: 5.into() },
        Event::ChatLabelled { label: 5.into(), chat: chat() },
        Event::ChatUnlabelled { label: 5.into(), chat: chat() },
    ] {
        assert_eq!(from_value::<Event>(to_value(&event).unwrap()).unwrap(), event);
    }
}

/// Fails unless an answer is written as `serde_json` writes it.
fn is_written_as_by_serde(index: &LabelIndex, filter: &Filter, limit: usize) {
    let page = Page::first(limit);
    let mut json = Vec::from(b"{");
    index.query_json(filter, page, &mut json).unwrap();
    json.push(b'}');
    assert_eq!(String::from_utf8(json).unwrap(), serde_json::to_string(&index.query(filter, page).unwrap()).unwrap());
}

#[test]
fn an_answer_is_written_as_serde_writes_it() {
    let index = LabelIndex::new();
    index.upsert_label(5, LabelPatch::named("VI\"P \\ \u{e9} \u{1f600} \u{200e}").unwrap().color(-3)).unwrap();
    index.upsert_label("a\"\\b", LabelPatch::named("x").unwrap().position(i32::MIN)).unwrap();
    index.set_labels("5511999990001@c.us", ["5", "a\"\\b"]).unwrap();
    index
        .ingest(Event::ChatLabelled { label: 2_147_483_647.into(), chat: "key \" \\ \u{e9}".parse().unwrap() })
        .unwrap();
    for chat in ["0@lid", "1152921504606846975@newsletter", "120363000000000001@g.us", "7", "ana@example.com"] {
        index.link(5, chat).unwrap();
    }
    let all = Filter::new();
    let strange = "\u{0}\u{8}\t\n\u{b}\u{c}\r\u{1f}\"\\/\u{7f}\u{2028}\u{e9}";
    let unknown = Filter::new().any_of_ids(["5", strange, ""]).any_of_names([strange, "VIP"]);
    for limit in [0, 1, 3, 100] {
        for filter in [&all, &unknown] {
            is_written_as_by_serde(&index, filter, limit);
        }
    }
    // A label that changed is written as it is now.
    index.update_label(5, "Another").unwrap();
    is_written_as_by_serde(&index, &all, 100);
    // A page that is too long to be written while a writer waits has the same text.
    let long = LabelPatch::named("\"".repeat(1_024)).unwrap();
    for id in 6..60_u32 {
        index.upsert_label(id, long.clone()).unwrap();
    }
    index.set_labels("120363000000000001@g.us", (6..60_u32).map(LabelId::from)).unwrap();
    is_written_as_by_serde(&index, &all, 100);
}

proptest! {
    #[test]
    fn any_text_is_written_as_serde_writes_it(name in ".{1,20}", chat in "[!-~]{1,20}", entry in any::<String>()) {
        let index = LabelIndex::new();
        index.upsert_label(1, LabelPatch::named(&name).unwrap_or(LabelPatch::named("empty").unwrap())).unwrap();
        index.link(1, &chat).unwrap();
        let filter = Filter::new().any_of_ids(["1", &entry]).any_of_names([&entry]);
        is_written_as_by_serde(&index, &filter, 10);
    }
}

#[test]
fn outcomes_are_objects() {
    let index = LabelIndex::new();
    let mut batch = index.batch();
    batch.upsert_label(5, "VIP").unwrap();
    batch.update_label(5, LabelPatch::new().color(1)).unwrap();
    let late = batch.create_label("Late").unwrap();
    batch.ensure_label("late").unwrap();
    batch.link(5, "a").unwrap();
    batch.unlink(5, "b").unwrap();
    batch.link_all(5, ["a", "b"]).unwrap();
    batch.unlink_all(5, ["b"]).unwrap();
    batch.set_labels("a", [late]).unwrap();
    batch.merge_chats("c", "a").unwrap();
    batch.merge_chats("c", "a").unwrap();
    batch.unalias("c").unwrap();
    batch.ingest(Event::LabelDeleted { label: 7.into() });
    batch.remove_label(5).unwrap();
    assert_eq!(
        to_value(batch.commit().unwrap()).unwrap(),
        json!({
            "outcomes": [
                { "upserted": "created" },
                { "updated": "updated" },
                { "created": "6" },
                { "ensured": { "existing": "6" } },
                { "linked": true },
                { "unlinked": false },
                { "linked_all": { "chats": ["b"] } },
                { "unlinked_all": { "chats": ["b"] } },
                { "set": { "added": ["6"], "removed": ["5"] } },
                { "merged": { "merged": { "added": [] } } },
                { "merged": "unchanged" },
                { "unaliased": true },
                { "ingested": true },
                { "removed": { "label": { "id": "5", "name": "VIP", "color": 1, "position": null }, "links": 0 } },
            ],
            "created": ["6"],
            "revision": 1,
        }),
    );
    let removed = index.set_labels("a", [0_u32; 0]).unwrap();
    assert_eq!(to_value(removed).unwrap(), json!({ "outcome": { "added": [], "removed": ["6"] }, "revision": 2 }));
    assert_eq!(to_value(index.refresh_state()).unwrap(), json!("never"));
    let mut state = FullState::new();
    state.label(1, "VIP").unwrap();
    state.link(1, "a").unwrap();
    let refreshed = index.begin_refresh().unwrap().commit(state).unwrap();
    let counts = json!({
        "labels_created": 1, "labels_updated": 0, "labels_removed": 1, "linked": 1, "unlinked": 0, "changed": true,
    });
    assert_eq!(to_value(refreshed).unwrap()["outcome"], counts);
    assert_eq!(to_value(index.refresh_state()).unwrap(), json!({ "done": { "revision": 3 } }));
}

/// A label in an answer has the same fields as elsewhere.
#[test]
fn a_label_has_every_field_wherever_it_stands() {
    let index = LabelIndex::new();
    let _ = index.upsert_label(5, LabelPatch::named("VIP").unwrap().color(2).position(-7)).unwrap();
    index.link(5, "ana@c.us").unwrap();
    let answer = index.query(&Filter::new(), Page::first(1)).unwrap();
    let label = json!({ "id": "5", "name": "VIP", "color": 2, "position": -7 });
    assert_eq!(to_value(&answer).unwrap()["chats"], json!([{ "chat_id": "ana@c.us", "labels": [label] }]));
    assert_eq!(to_value(index.label(5).unwrap()).unwrap(), label);
    assert_eq!(from_value::<Label>(label).unwrap(), index.label(5).unwrap());
}

#[test]
fn the_events_of_a_commit_are_objects_with_their_names() {
    let index = LabelIndex::new();
    let mut feed = index.subscribe();
    let mut batch = index.batch();
    batch.upsert_label(5, LabelPatch::named("VIP").unwrap()).unwrap();
    batch.link_all(5, ["ana@c.us", "bob@c.us"]).unwrap();
    batch.unlink(5, "ana@c.us").unwrap();
    batch.remove_label(5).unwrap();
    let _ = batch.commit().unwrap();
    let Some(Delivery::Commit(commit)) = feed.try_recv() else { panic!("a commit") };
    let events: Vec<PublicEvent> = commit.into_events().collect();
    let expected = json!([
        { "event": "label.upsert", "label": { "id": "5", "name": "VIP", "color": null, "position": null } },
        { "event": "label.chat.added", "label": "5", "chat": "ana@c.us" },
        { "event": "label.chat.added", "label": "5", "chat": "bob@c.us" },
        { "event": "label.chat.deleted", "label": "5", "chat": "ana@c.us" },
        { "event": "label.deleted", "label": "5", "links": 1 },
    ]);
    assert_eq!(to_value(&events).unwrap(), expected);
    assert_eq!(from_value::<Vec<PublicEvent>>(expected).unwrap(), events);
}
