//! The server or the network fails for a while.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{Error, LabelIndex, StoreOptions};

use super::proxy::Proxy;
use super::server::{Server, new_schema, shared};
use super::writers::{Answers, require_all, until, write};
use super::{connect, options};
use crate::store::Image;

/// The statement is carried out, but its answer and the connection are lost.
#[test]
fn a_lost_answer_counts_once() {
    let Some(server) = shared() else { return };
    let (schema, proxy) = (new_schema(), Proxy::start(server.port));
    let behind = options(&schema).connect(Server::url_of_port(proxy.port)).unwrap();
    let beside = connect(server, &schema);
    let (here, there) = (behind.instance("shop").unwrap(), beside.instance("shop").unwrap());
    here.upsert_label("1", "VIP").unwrap();
    for round in 0..5 {
        let before = here.revision();
        proxy.swallow_answers_to_write();
        let (linked, created) = thread::scope(|scope| {
            let linking = scope.spawn(|| here.link("1", format!("chat {round}")).unwrap());
            let arrived = || {
                there.catch_up().unwrap();
                there.contains("1", format!("chat {round}"))
            };
            until("the statement never arrived", arrived);
            let creating = scope.spawn(|| here.create_label("Same").unwrap().outcome);
            if round % 2 == 1 {
                there.upsert_label("1", format!("VIP {round}").as_str()).unwrap();
            }
            proxy.cut();
            assert!(!here.contains("1", format!("chat {round}")), "not shown before it is known");
            proxy.resume();
            (linking.join().unwrap(), creating.join().unwrap())
        });
        assert!(linked, "it was carried out, once");
        there.catch_up().unwrap();
        assert_eq!(here.revision(), before + 2 + round % 2);
        assert_eq!(created.to_string(), (round + 2).to_string());
        here.catch_up().unwrap();
        assert_eq!(Image::from(&here), Image::from(&there));
    }
}

#[test]
fn without_a_network_reads_continue_and_writes_fail_in_time() {
    let Some(server) = shared() else { return };
    let (schema, proxy) = (new_schema(), Proxy::start(server.port));
    let options = StoreOptions::new().schema(&schema).patience(Duration::from_millis(400));
    let store = options.connect(Server::url_of_port(proxy.port)).unwrap();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    index.link("1", "ana@c.us").unwrap();
    proxy.cut();
    let began = Instant::now();
    let error = index.link("1", "bob@c.us").unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    assert!(!error.to_string().contains("s3cret"));
    assert!(began.elapsed() < Duration::from_secs(20));
    assert!(index.contains("1", "ana@c.us"));
    assert!(matches!(index.catch_up(), Err(Error::Unavailable { .. })));
    assert!(matches!(index.begin_refresh(), Err(Error::Unavailable { .. })));
    assert!(matches!(store.existing("other"), Err(Error::Unavailable { .. })));
    assert!(store.existing("shop").is_ok(), "a loaded instance is given out");
    proxy.resume();
    until("it never came back", || index.catch_up().is_ok());
    assert!(index.link("1", "bob@c.us").unwrap(), "it never got there before");
    assert_eq!(index.revision(), 3);
}

/// The server receives but does not answer.
#[test]
fn a_stalled_connection_is_given_up() {
    let Some(server) = shared() else { return };
    let (schema, proxy) = (new_schema(), Proxy::start(server.port));
    let options = options(&schema).patience(Duration::from_millis(400));
    let store = options.connect(Server::url_of_port(proxy.port)).unwrap();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    proxy.swallow_answers_to_write();
    let error = index.link("1", "ana@c.us").unwrap_err();
    assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    let head = || server.sql(&format!("SELECT head FROM {schema}.instances"));
    until("the statement never arrived", || head() == "2");
    proxy.cut();
    proxy.resume();
    until("it never came back", || index.catch_up().is_ok());
    // The write was carried out, which the caller could not know; so trying again changes nothing.
    assert!(!index.link("1", "ana@c.us").unwrap());
    assert_eq!(index.revision(), 2);
}

/// A pooler in transaction mode may choose a session of the server for each statement, which does not know what was prepared in
/// another.
#[test]
fn a_store_works_without_prepared_statements_that_a_pooler_loses() {
    let Some(server) = shared() else { return };
    let proxy = Proxy::start(server.port);
    let store = options(&new_schema()).connect(Server::url_of_port(proxy.port)).unwrap();
    let indexes = ["shop", "other"].map(|name| store.instance(name).unwrap());
    for index in &indexes {
        index.upsert_label("1", "VIP").unwrap();
    }
    proxy.forget_statements();
    thread::scope(|scope| {
        for index in &indexes {
            scope.spawn(|| (0..10).for_each(|chat| assert!(index.link("1", format!("chat {chat}")).unwrap())));
        }
    });
    assert_eq!(indexes.each_ref().map(LabelIndex::revision), [11, 11]);
}

/// A process or its machine stops in the transaction that has a row locked. The other stores continue to write.
#[test]
fn a_store_that_stops_with_a_row_locked_holds_up_no_other_store() {
    let Some(server) = shared() else { return };
    let (schema, proxy) = (new_schema(), Proxy::start(server.port));
    let stops = options(&schema).patience(Duration::from_millis(400)).connect(Server::url_of_port(proxy.port)).unwrap();
    let goes_on = options(&schema).patience(Duration::from_secs(20)).connect(server.url()).unwrap();
    let (here, there) = (stops.instance("shop").unwrap(), goes_on.instance("shop").unwrap());
    there.upsert_label("1", "VIP").unwrap();
    here.catch_up().unwrap();
    proxy.stop_at("ANY($1) FOR UPDATE");
    thread::scope(|scope| {
        // Both write all the time, so that one of them is not first often enough to lock the row.
        scope.spawn(|| (0..).find(|chat| here.link("1", format!("here {chat}")).is_err() || proxy.is_stopped()));
        let stopped = (0..).find(|chat| {
            assert!(there.link("1", format!("there {chat}")).unwrap());
            proxy.is_stopped()
        });
        for chat in 0..5 {
            assert!(there.link("1", format!("after {stopped:?} {chat}")).unwrap());
        }
        proxy.cut();
    });
}

/// Acknowledged writes are there, and others are there once or not at all.
#[test]
fn killed_servers_lose_nothing_that_was_acknowledged() {
    let Some(server) = Server::start() else { return };
    let schema = new_schema();
    let stores = [connect(&server, &schema), connect(&server, &schema)];
    let indexes: Vec<LabelIndex> = stores.iter().map(|store| store.instance("shop").unwrap()).collect();
    indexes[0].upsert_label("1", "VIP").unwrap();
    indexes.iter().for_each(|index| index.catch_up().unwrap());
    let stop = AtomicBool::new(false);
    let answers: Answers = thread::scope(|scope| {
        let writing: Vec<_> = (0..4)
            .map(|writer| {
                let (index, stop) = (&indexes[writer % 2], &stop);
                scope.spawn(move || write(index, writer, stop))
            })
            .collect();
        for _ in 0..4 {
            thread::sleep(Duration::from_millis(300));
            server.kill();
            assert!(indexes.iter().all(|index| index.label("1").is_some()), "reads go on");
            server.resume();
        }
        thread::sleep(Duration::from_millis(300));
        stop.store(true, Ordering::SeqCst);
        writing.into_iter().flat_map(|writing| writing.join().unwrap()).collect()
    });
    let anew = connect(&server, &schema);
    require_all(&answers, &indexes, &anew.existing("shop").unwrap());
}
