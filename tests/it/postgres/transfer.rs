//! Moving instances from a folder to a database and back, and other operations on whole stores.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use label_index::{BulkLoad, Error, Options, Store, StoreOptions};

use super::server::{new_schema, shared};
use super::writers::until;
use super::{connect, options};
use crate::program::BINARY;
use crate::store::Image;

/// Two instances, one of which has something of every kind.
fn fill(store: &Store) {
    let shop = store.instance("shop").unwrap();
    shop.upsert_label("1", "VIP").unwrap();
    shop.upsert_label("2", "New").unwrap();
    shop.remove_label("2").unwrap();
    shop.link_all("1", (0..30).map(|chat| format!("chat {chat}"))).unwrap();
    shop.merge_chats("ana@lid", "chat 3").unwrap();
    store.instance("bakery").unwrap();
}

fn exported(store: &Store) -> Vec<u8> {
    let mut lines = Vec::new();
    store.export(&mut lines).unwrap();
    lines
}

#[test]
fn instances_move_from_a_folder_to_a_database_and_back() {
    let Some(server) = shared() else { return };
    let (folder, other_folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let in_folder = Store::open(folder.path()).unwrap();
    fill(&in_folder);
    let lines = exported(&in_folder);

    let (schema, again) = (new_schema(), new_schema());
    let store = connect(server, &schema);
    assert_eq!(store.import(&lines[..]).unwrap(), ["bakery", "shop"]);
    assert_eq!(store.instances(), ["bakery", "shop"]);
    assert!(store.loaded("shop").is_none(), "nobody asked for it");
    assert_eq!(exported(&store), lines);
    let shop = store.existing("shop").unwrap();
    assert_eq!(Image::from(&shop), Image::from(&in_folder.existing("shop").unwrap()));
    assert!(shop.link("1", "later").unwrap());
    let lines = exported(&store);
    let mut one = Vec::new();
    store.export_instance("shop", &mut one).unwrap();
    assert_eq!(connect(server, &again).import(&one[..]).unwrap(), ["shop"]);

    let back = Store::open(other_folder.path()).unwrap();
    back.import(&lines[..]).unwrap();
    assert_eq!(exported(&back), lines);
    assert_eq!(Image::from(&back.existing("shop").unwrap()), Image::from(&shop));
}

#[test]
fn an_import_makes_an_instance_whole_or_not_at_all() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let store = connect(server, &schema);
    fill(&store);
    let lines = exported(&store);
    let refused = store.import(&lines[..]).unwrap_err();
    assert!(refused.to_string().contains("bakery"), "{refused}");
    let count = |table: &str| server.sql(&format!("SELECT count(*) FROM {schema}.{table}"));
    assert_eq!((count("images"), count("leases")), ("0".to_owned(), "0".to_owned()));
    store.remove_instance("shop").unwrap();
    store.remove_instance("bakery").unwrap();
    let cut = &lines[..lines.len() / 2];
    assert!(store.import(cut).is_err());
    assert_eq!(store.instances(), ["bakery"], "it was whole");
    // The rows of a killed import, and those of one in progress.
    server.sql(&format!(
        "INSERT INTO {schema}.leases VALUES (5, 5, now() - interval '1 second'), (6, 6, now() + interval '1 hour');
        INSERT INTO {schema}.images VALUES (5, 1, '', ''), (6, 1, '', '')"
    ));
    store.remove_instance("bakery").unwrap();
    assert_eq!(store.import(&lines[..]).unwrap(), ["bakery", "shop"]);
    assert_eq!(server.sql(&format!("SELECT min(instance) FROM {schema}.images")), "6");
}

#[test]
fn a_bulk_load_becomes_an_instance_that_every_process_has() {
    let Some(server) = shared() else { return };
    let load = || -> BulkLoad {
        let mut load = Options::new().identity(7).bulk_load();
        for chat in 0..2_000 {
            let label = load.ensure_label(format!("Label {}", chat % 90)).unwrap();
            load.chat(format!("chat {}", chat % 700), [label]).unwrap();
        }
        load
    };
    let image = Image::from(&load().finish());
    let schema = new_schema();
    let (store, other) = (connect(server, &schema), connect(server, &schema));
    let shop = store.create_instance("shop", load()).unwrap();
    assert_eq!(Image::from(&shop), image);
    let there = other.existing("shop").unwrap();
    assert_eq!((Image::from(&there), there.identity()), (image, shop.identity()));
    assert!(there.link("1", "later").unwrap());
    shop.catch_up().unwrap();
    assert_eq!(Image::from(&shop), Image::from(&there));

    let taken = Error::InstanceExists { name: "shop".to_owned() };
    assert_eq!(other.create_instance("shop", load()).unwrap_err(), taken);
    let bakery = other.create_instance("bakery", load()).unwrap();
    assert_ne!(bakery.identity(), shop.identity());
    assert_eq!(server.sql(&format!("SELECT count(*) FROM {schema}.leases")), "0");
}

#[test]
fn a_store_is_verified_and_a_read_makes_no_tables() {
    let Some(server) = shared() else { return };
    let (schema, none) = (new_schema(), new_schema());
    fill(&connect(server, &schema));
    let report = options(&schema).verify_connected(server.url()).unwrap();
    assert!(report.is_sound());
    assert_eq!(report.instances[1].contents.as_ref().unwrap().total_rows, 30);
    server.sql(&format!("DELETE FROM {schema}.log WHERE head = 2"));
    let report = options(&schema).verify_connected(server.url()).unwrap();
    assert!(!report.is_sound());
    assert!(matches!(&report.instances[1].contents, Err(Error::Damaged { .. })));
    assert!(report.instances[0].contents.is_ok());
    let schemas = || server.sql(&format!("SELECT count(*) FROM pg_namespace WHERE nspname = '{none}'"));
    assert!(matches!(options(&none).verify_connected(server.url()), Err(Error::UnknownStore { .. })));
    assert!(matches!(options(&none).connect_existing(server.url()).map(drop), Err(Error::UnknownStore { .. })));
    assert_eq!(schemas(), "0");
    assert_eq!(options(&schema).connect_existing(server.url()).unwrap().instances(), ["bakery", "shop"]);
}

#[test]
fn idle_instances_are_unloaded() {
    let Some(server) = shared() else { return };
    let store = connect(server, &new_schema());
    fill(&store);
    let shop = store.existing("shop").unwrap();
    assert_eq!(store.unload_idle(Duration::ZERO).unwrap(), ["bakery"]);
    assert!(store.unload_idle(Duration::from_secs(600)).unwrap().is_empty());
    drop(shop);
    assert_eq!(store.unload_idle(Duration::ZERO).unwrap(), ["shop"]);
    assert_eq!(store.existing("shop").unwrap().total_chats(), 30);
}

#[test]
fn idle_instances_are_unloaded_automatically() {
    let Some(server) = shared() else { return };
    let options =
        options(&new_schema()).poll_interval(Duration::from_millis(5)).unload_after(Duration::from_millis(20));
    let store = options.connect(server.url()).unwrap();
    fill(&store);
    let shop = store.existing("shop").unwrap();
    until("it stays loaded", || store.stats().loaded.len() == 1);
    assert!(store.loaded("shop").is_some(), "somebody has a handle");
    drop(shop);
    until("it stays loaded", || store.stats().loaded.is_empty());
}

#[test]
fn a_position_is_waited_for() {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let (one, other) = (connect(server, &schema), connect(server, &schema));
    let (here, there) = (one.instance("shop").unwrap(), other.instance("shop").unwrap());
    let mut feed = here.subscribe();
    for round in 0..20 {
        here.create_label(format!("Label {round}").as_str()).unwrap();
        let _commit = feed.recv();
        there.wait_for(feed.position().to_string()).unwrap();
        assert_eq!(there.revision(), round + 1);
    }
    let position = feed.position();
    let elsewhere = StoreOptions::new().schema(new_schema()).connect(server.url()).unwrap();
    let index = elsewhere.instance("shop").unwrap();
    assert!(matches!(index.wait_for(position), Err(Error::BadPosition { .. })));
}

/// The program accepts a database wherever it accepts a folder.
#[test]
fn the_program_takes_a_database_in_place_of_a_folder() {
    let Some(server) = shared() else { return };
    let program = |store: &str, command: &[&str], input: &[u8]| {
        let mut program = Command::new(BINARY);
        program.args(command).args(["--store", store]);
        let mut running = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A program that refuses the command line does not read its input.
        let _closed = running.stdin.take().unwrap().write_all(input);
        let output = running.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    server.sql("CREATE DATABASE of_the_program");
    let url = server.url().replace("/postgres?", "/of_the_program?");
    let (code, _, error) = program(&url, &["stats"], b"");
    assert_eq!(code, Some(1), "a question makes no tables");
    assert!(error.contains("there is no store") && !error.contains("s3cret"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().to_str().unwrap();
    let csv = b"chat,label\nana@c.us,VIP\nbob@c.us,VIP\nana@c.us,New\n";
    assert_eq!(program(folder, &["load", "-"], csv).0, Some(0));
    let (_, exported, _) = program(folder, &["export"], b"");
    assert_eq!(program(&url, &["import"], exported.as_bytes()), (Some(0), "imported default\n".into(), String::new()));
    for command in [&["query", "--json"][..], &["verify"], &["export"]] {
        assert_eq!(program(&url, command, b""), program(folder, command, b""), "{command:?}");
    }
    // The bytes of memory depend on how an instance was made.
    let without_bytes = |(code, output, error): (Option<i32>, String, String)| {
        let columns = |line: &str| {
            line.split_whitespace()
                .enumerate()
                .filter(|(at, _)| *at != 4)
                .map(|(_, text)| text.to_owned())
                .collect::<Vec<_>>()
        };
        (code, output.lines().map(columns).collect::<Vec<_>>(), error)
    };
    let [shared, own] = [&url, folder].map(|store| without_bytes(program(store, &["stats"], b"")));
    assert_eq!(shared, own);
    assert_eq!(own.1[0], ["LABELS", "CHATS", "ROWS", "REVISION", "INSTANCE"]);
    assert_eq!(program(&url, &["load", "-"], b"chat,label\neva@c.us,VIP\n").0, Some(0));
    assert!(program(&url, &["stats"], b"").1.contains("3 "), "three chats");
    assert_eq!(program(&url, &["remove", "--instance", "default"], b"").0, Some(0));
    let [shared, own] = [&url, folder].map(|store| program(store, &["load", "-", "--instance", "new"], csv));
    assert_eq!((shared.0, shared.2.as_str()), (Some(0), "committed 3\n"));
    assert_eq!(shared, own);
    assert_eq!(program("postgres://app:s3cret@", &["stats"], b"").0, Some(2));
}
