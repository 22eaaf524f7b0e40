//! What a subscriber of `tracing` is told of a store in a database.

use std::time::Duration;

use label_index::{Delivery, Error};
use tracing::subscriber::set_global_default;

use super::proxy::Proxy;
use super::server::{Server, new_schema, shared};
use super::writers::until;
use super::{connect, options};
use crate::store::in_a_process_of_its_own;
use crate::tracing::collector::Collector;

const LABEL: &str = "Pagamento pendente";
const PHONE: &str = "5511987654321";

/// A subscriber of all threads of this process.
fn collector() -> Collector {
    let collector = Collector::default();
    set_global_default(collector.clone()).unwrap();
    collector
}

/// Neither the password is told, nor anything of a label or a chat.
#[track_caller]
fn assert_discreet(told: &[String]) {
    let leaks = |line: &&String| [LABEL, PHONE, "s3cret"].iter().any(|secret| line.contains(secret));
    assert_eq!(told.iter().find(leaks), None);
}

#[test]
fn an_outage_of_the_database_and_its_end_are_reported_once_each() {
    let test = "postgres::tracing::an_outage_of_the_database_and_its_end_are_reported_once_each";
    if in_a_process_of_its_own(test).is_some() {
        return;
    }
    let Some(server) = shared() else { return };
    let (collector, proxy) = (collector(), Proxy::start(server.port));
    let options = options(&new_schema()).patience(Duration::from_millis(400));
    let store = options.connect(Server::url_of_port(proxy.port)).unwrap();
    let opened = collector.take();
    let shown = "postgres://127.0.0.1/postgres";
    assert_eq!(opened[0], format!("INFO begin open store={shown}"));
    assert_eq!(opened[1..], ["enter open", "exit open", "close open"]);

    let index = store.instance("shop").unwrap();
    assert_eq!(collector.take(), ["DEBUG begin load instance=\"shop\"", "enter load", "exit load", "close load"]);
    index.upsert_label("1", LABEL).unwrap();
    index.link("1", PHONE).unwrap();
    assert_eq!(collector.take(), [""; 0], "reads and writes are not told");

    for round in 0..2 {
        proxy.cut();
        assert!(matches!(index.link("1", format!("{PHONE}{round}")), Err(Error::Unavailable { .. })));
        let gone = collector.wait_for("not available");
        assert_eq!(gone.len(), 1, "{gone:#?}");
        let begins = format!("WARN the database is not available store={shown:?} cause=\"");
        assert!(gone[0].starts_with(&begins), "{gone:#?}");
        assert!(matches!(index.link("1", PHONE), Err(Error::Unavailable { .. })));
        assert_eq!(collector.take(), [""; 0], "once");
        // A load finds it out on a connection of its own, and has a code.
        assert!(matches!(store.existing("other"), Err(Error::Unavailable { .. })));
        let refused = [
            "DEBUG begin load instance=\"other\"",
            "enter load",
            "load error=\"unavailable\"",
            "exit load",
            "close load",
        ];
        assert_eq!(collector.take(), refused);
        proxy.resume();
        let back = collector.wait_for("available again");
        assert_eq!(back, [format!("INFO the database is available again store={shown:?}")]);
        until("it takes no writes", || index.link("1", format!("{PHONE}{round}")).is_ok());
        assert_eq!(collector.take(), [""; 0]);
        assert_discreet(&[opened.clone(), gone, back].concat());
    }
    drop(index);
    store.close().unwrap();
    assert_eq!(collector.open_spans(), [""; 0]);
}

#[test]
fn missed_commits_are_reported_with_their_instance() {
    let test = "postgres::tracing::missed_commits_are_reported_with_their_instance";
    if in_a_process_of_its_own(test).is_some() {
        return;
    }
    let Some(server) = shared() else { return };
    let collector = collector();
    let schema = new_schema();
    let store = options(&schema).retain_changes(0).connect(server.url()).unwrap();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", LABEL).unwrap();
    index.link("1", PHONE).unwrap();
    collector.take();
    store.checkpoint().unwrap();
    let told = collector.wait_for("close checkpoint");
    assert!(told.contains(&"DEBUG a checkpoint is in force instance=\"shop\"".to_owned()), "{told:#?}");
    assert_discreet(&told);
    // Another store has none of it in memory, and the database not any more.
    let other = connect(server, &schema);
    let there = other.existing("shop").unwrap();
    collector.take();
    let mut feed = there.subscribe_after(1);
    for _ in 0..3 {
        assert_eq!(feed.recv(), Delivery::Missed { after: 1 });
    }
    assert_eq!(collector.take(), ["WARN a subscriber missed commits instance=\"shop\" after=1"], "once");
    drop((feed, there));
    assert_eq!(other.unload("shop"), Ok(true));
    assert_eq!(collector.take(), ["DEBUG unloaded instance=\"shop\" reason=\"call\""]);
}

#[test]
fn damage_is_reported_when_loading_and_when_following() {
    let test = "postgres::tracing::damage_is_reported_when_loading_and_when_following";
    if in_a_process_of_its_own(test).is_some() {
        return;
    }
    let Some(server) = shared() else { return };
    let collector = collector();
    let schema = new_schema();
    let (writing, proxy) = (connect(server, &schema), Proxy::start(server.port));
    let following = options(&schema).connect(Server::url_of_port(proxy.port)).unwrap();
    let (here, there) = (writing.instance("shop").unwrap(), following.instance("shop").unwrap());
    here.upsert_label("1", LABEL).unwrap();
    there.catch_up().unwrap();
    // The one who follows is not to see it before it is damaged.
    proxy.cut();
    here.link("1", PHONE).unwrap();
    server.sql(&format!("UPDATE {schema}.log SET commits = set_byte(commits, 12, 255) WHERE head = 2"));
    let loading = connect(server, &schema);
    collector.take();
    assert!(matches!(loading.existing("shop"), Err(Error::Damaged { .. })));
    let told: Vec<String> = collector.take().into_iter().filter(|line| !line.contains("not available")).collect();
    let damaged = "ERROR what was read is damaged instance=\"shop\"";
    let loaded = ["DEBUG begin load instance=\"shop\"", "enter load", "load error=\"damaged\"", damaged, "exit load"];
    assert_eq!(told[..5], loaded);
    proxy.resume();
    assert!(matches!(there.link("1", "late"), Err(Error::Damaged { .. })));
    let followed = collector.wait_for("damaged");
    assert_eq!(followed.last().unwrap(), damaged);
    assert_discreet(&[told, followed].concat());
    assert!(here.contains("1", PHONE), "who wrote it has it in memory");
}
