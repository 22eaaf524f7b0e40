//! Round trips: an import restores what was exported.

use label_index::{Durability, Error, Event, FullState, LabelPatch, Limit, Store, StoreOptions};
use proptest::collection::vec;
use proptest::prelude::*;
use redb::backends::InMemoryBackend;

use super::{exported, fill, import, sample, store};
use crate::model::{Script, Space};
use crate::store::{Folder, Image};

/// Requires that an instance and its copy in another store have the same contents.
#[track_caller]
fn assert_copied(from: &Store, name: &str) {
    let lines = exported(from);
    let to = store();
    assert_eq!(to.import(lines.as_bytes()).unwrap(), from.instances());
    assert_eq!(Image::from(&to.existing(name).unwrap()), Image::from(&from.existing(name).unwrap()));
    assert_eq!(exported(&to), lines);
}

#[test]
fn everything_is_there_again() {
    let store = store();
    fill(&store.instance("shop").unwrap());
    assert_copied(&store, "shop");
}

#[test]
fn an_empty_instance_and_an_empty_store_are_exports_too() {
    let from = store();
    let nothing = exported(&from);
    assert_eq!(nothing, "{\"export\":{\"version\":1}}\n{\"export_end\":{\"instances\":0}}\n");
    assert!(store().import(nothing.as_bytes()).unwrap().is_empty());
    from.instance("empty").unwrap();
    assert_copied(&from, "empty");
}

#[test]
fn every_line_is_as_documented() {
    let store = store();
    let index = store.instance("a \"shop\"").unwrap();
    index.upsert_label("2", LabelPatch::named("Olá, \\o/").unwrap().color(-3).position(7)).unwrap();
    drop(index.remove_label(&index.create_label("Gone").unwrap()).unwrap());
    index.ingest(Event::ChatLabelled { label: "x".parse().unwrap(), chat: "ana@c.us".parse().unwrap() }).unwrap();
    assert!(index.link("2", "ana@c.us").unwrap());
    drop(index.merge_chats("7@lid", "ana@c.us").unwrap());
    let expected = concat!(
        r#"{"export":{"version":1}}"#,
        "\n",
        r#"{"instance":{"name":"a \"shop\"","revision":6,"refreshed":null,"highest_label_id":3}}"#,
        "\n",
        r#"{"label":{"id":"2","name":"Olá, \\o/","color":-3,"position":7}}"#,
        "\n",
        r#"{"label":{"id":"x","name":null,"color":null,"position":null}}"#,
        "\n",
        r#"{"deleted_label":{"id":"3"}}"#,
        "\n",
        r#"{"alias":{"from":"7@lid","into":"ana@c.us"}}"#,
        "\n",
        r#"{"chat":{"id":"ana@c.us","labels":["2","x"]}}"#,
        "\n",
        r#"{"instance_end":{"labels":2,"deleted_labels":1,"aliases":1,"chats":1,"rows":2}}"#,
        "\n",
        r#"{"export_end":{"instances":1}}"#,
        "\n",
    );
    assert_eq!(exported(&store), expected);
}

#[test]
fn an_index_has_no_more_revisions_than_an_export() {
    const LAST: u64 = (1 << 60) - 1;
    let lines = [
        r#"{"export":{"version":1}}"#,
        r#"{"instance":{"name":"shop","revision":1152921504606846974,"refreshed":null,"highest_label_id":1}}"#,
        r#"{"label":{"id":"1","name":"VIP","color":null,"position":null}}"#,
        r#"{"instance_end":{"labels":1,"deleted_labels":0,"aliases":0,"chats":0,"rows":0}}"#,
        r#"{"export_end":{"instances":1}}"#,
    ];
    let folder = Folder::new();
    let store = folder.open();
    let index = import(&store, &lines.join("\n")).unwrap();
    assert!(index.link("1", "last@c.us").unwrap());
    assert_eq!(index.revision(), LAST);
    let image = Image::from(&index);

    let exceeded = Error::LimitExceeded { what: Limit::Revisions, limit: LAST, given: LAST + 1 };
    assert_eq!(index.link("1", "more@c.us"), Err(exceeded.clone()));
    assert_eq!(index.link_all("1", (0..100).map(|n| format!("{n}@c.us"))), Err(exceeded.clone()));
    let mut batch = index.batch();
    batch.link("1", "more@c.us").unwrap();
    assert_eq!(batch.commit(), Err(exceeded.clone()));
    let refused = index.begin_refresh().unwrap().commit_even_if_empty(FullState::new()).unwrap_err();
    assert_eq!(refused.cause, exceeded);
    assert!(!index.link("1", "last@c.us").unwrap(), "what changes nothing needs no revision");
    assert_eq!(Image::from(&index), image);

    assert_copied(&store, "shop");
    drop((index, store));
    assert_eq!(Image::from(&folder.open().existing("shop").unwrap()), image);
}

#[test]
fn an_imported_instance_lives_on() {
    let folder = Folder::new();
    let before = {
        let store = folder.open();
        let index = import(&store, &sample()).unwrap();
        assert_eq!(index.create_label("Next").unwrap().to_string(), "10", "the highest id is known");
        let late = Event::ChatLabelled { label: "3".parse().unwrap(), chat: "late@c.us".parse().unwrap() };
        assert!(!index.ingest(late).unwrap(), "a deleted label stays deleted");
        assert!(index.link("10", "98765@lid").unwrap());
        Image::from(&index)
    };
    assert!(Store::verify(folder.path()).unwrap().is_sound());
    let store = folder.open();
    assert_eq!(Image::from(&store.existing("shop").unwrap()), before);
    store.checkpoint().unwrap();
    store.remove_instance("shop").unwrap();
    drop(store);
    assert!(Store::verify(folder.path()).unwrap().is_sound());
}

#[test]
fn instances_are_written_by_name_and_loaded_only_meanwhile() {
    let store = store();
    for name in ["b", "a", "c"] {
        fill(&store.instance(name).unwrap());
        assert!(store.unload(name).unwrap());
    }
    let in_use = store.instance("b").unwrap();
    let lines = exported(&store);
    assert!(["a", "c"].iter().all(|name| !store.unload(name).unwrap()), "not left in memory");
    drop(in_use);
    let mut one = Vec::new();
    store.export_instance("c", &mut one).unwrap();
    let copy = super::store();
    assert_eq!(copy.import(lines.as_bytes()).unwrap(), ["a", "b", "c"]);
    copy.remove_instance("c").unwrap();
    assert_eq!(copy.import(&one[..]).unwrap(), ["c"]);
    assert_eq!(exported(&copy), lines);
    assert_eq!(store.export_instance("d", Vec::new()), Err(Error::UnknownInstance { name: "d".into() }));
}

#[test]
fn a_chat_with_very_many_labels_has_several_lines() {
    let from = store();
    let index = from.instance("many").unwrap();
    // Every byte of an id takes two bytes in JSON.
    let ids: Vec<String> = (0..9_000).map(|n| format!("{n:\"<64}")).collect();
    let mut batch = index.batch();
    for id in &ids {
        batch.upsert_label(id, "Some").unwrap();
    }
    batch.set_labels("ana@c.us", ids.iter().map(String::as_str)).unwrap();
    assert!(batch.commit().unwrap().changed());
    let lines = exported(&from);
    assert_eq!(lines.lines().filter(|line| line.starts_with("{\"chat\"")).count(), 3);
    assert!(lines.lines().all(|line| line.len() < 1 << 20));
    assert_copied(&from, "many");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_history_is_copied(bytes in vec(any::<u8>(), 0..80 * Script::CHUNK)) {
        let options = StoreOptions::new().durability(Durability::Within(std::time::Duration::from_secs(60)));
        let store = options.open_on(InMemoryBackend::new()).unwrap();
        Script::decode(Space::Tiny, &bytes).act(&store.instance("random").unwrap());
        assert_copied(&store, "random");
    }
}
