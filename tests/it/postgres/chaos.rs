//! Faults at random moments, while several stores write: every acknowledged write is there once, and all stores show
//! the same.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use label_index::{Delivery, Error, LabelIndex, Store, Subscriber};

use super::disturb::{Random, disturb, rounds};
use super::options;
use super::proxy::Proxy;
use super::server::{Server, new_schema, shared};
use super::writers::{Answers, require_all, write};
use crate::program::BINARY;

/// Reads commits up to a revision. None is left out, and none comes twice.
fn follow(feed: &mut Subscriber, up_to: u64) {
    while feed.revision() < up_to {
        let before = feed.revision();
        match feed.recv() {
            Delivery::Commit(commit) => assert_eq!(commit.revision, before + 1),
            Delivery::Failed(Error::Unavailable { .. }) => {}
            other => panic!("{other:?} after {before}"),
        }
    }
}

#[test]
fn faults_at_random_lose_nothing_that_was_acknowledged() {
    const STORES: usize = 3;
    let Some(server) = Server::start() else { return };
    let (schema, mut random) = (new_schema(), Random::new());
    let proxies: Vec<Proxy> = (0..STORES).map(|_| Proxy::start(server.port)).collect();
    let connect = |proxy: &Proxy| {
        let options = options(&schema).patience(Duration::from_secs(2)).poll_interval(Duration::from_millis(50));
        options.checkpoint_floor(4_000).connect(Server::url_of_port(proxy.port)).unwrap()
    };
    let stores: Vec<Store> = proxies.iter().map(connect).collect();
    let indexes: Vec<LabelIndex> = stores.iter().map(|store| store.instance("shop").unwrap()).collect();
    indexes[0].upsert_label("1", "VIP").unwrap();
    indexes.iter().for_each(|index| index.catch_up().unwrap());
    let mut feeds: Vec<Subscriber> = indexes.iter().map(|index| index.subscribe_after(0)).collect();
    let stop = AtomicBool::new(false);
    let answers: Answers = thread::scope(|scope| {
        let start = |writer: usize| {
            let (index, stop) = (&indexes[writer], &stop);
            scope.spawn(move || write(index, writer, stop))
        };
        let writing: Vec<_> = (0..STORES).map(start).collect();
        for _ in 0..rounds() {
            disturb(&mut random, &proxies, &server, |random| {
                if random.below(2) == 0 {
                    // It may fail, or another store may have the lease.
                    drop(random.one_of(&stores).checkpoint());
                }
                assert!(indexes.iter().all(|index| index.label("1").is_some()), "reads go on");
            });
        }
        stop.store(true, Ordering::SeqCst);
        writing.into_iter().flat_map(|writing| writing.join().unwrap()).collect()
    });
    let anew = options(&schema).connect(server.url()).unwrap().existing("shop").unwrap();
    require_all(&answers, &indexes, &anew);
    feeds.iter_mut().for_each(|feed| follow(feed, anew.revision()));
}

/// The last complete line of an output.
fn last_line(mut said: impl Read) -> Option<String> {
    let mut text = String::new();
    said.read_to_string(&mut text).unwrap();
    text.rsplit_once('\n')?.0.lines().last().map(str::to_owned)
}

/// A process that loads a file is killed at some moment: the batches that it reported are there, and a second load
/// completes them.
#[test]
fn killed_processes_lose_nothing_that_they_acknowledged() {
    const ROWS: usize = 3_000;
    let Some(server) = shared() else { return };
    let mut random = Random::new();
    server.sql("CREATE DATABASE of_killed_processes");
    let url = server.url().replace("/postgres?", "/of_killed_processes?");
    let csv: String = (0..ROWS).map(|row| format!("chat {row},Label {}\n", row % 7)).collect();
    let csv = format!("chat,label\n{csv}");
    let load = |instance: &str| {
        let mut load = Command::new(BINARY);
        load.args(["load", "-", "--batch", "20", "--store", &url, "--instance", instance]);
        load.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    for round in 0..rounds() {
        let instance = format!("shop {round}");
        let mut loading = load(&instance);
        let (mut input, errors) = (loading.stdin.take().unwrap(), loading.stderr.take().unwrap());
        let said = thread::scope(|scope| {
            // A killed process does not read.
            scope.spawn(|| input.write_all(csv.as_bytes()));
            let said = scope.spawn(|| last_line(errors));
            random.pause(300);
            loading.kill().unwrap();
            said.join().unwrap()
        });
        loading.wait().unwrap();
        let committed: usize = match said.as_deref() {
            Some(line) => line.strip_prefix("committed ").unwrap().parse().unwrap(),
            None => 0,
        };
        let store = options("label_index").connect(&url).unwrap();
        let index = store.instance(&instance).unwrap();
        let there = |row: usize| !index.labels_of(format!("chat {row}")).is_empty();
        assert!((0..committed).all(there), "{committed} rows were acknowledged");
        let mut again = load(&instance);
        again.stdin.take().unwrap().write_all(csv.as_bytes()).unwrap();
        assert!(again.wait_with_output().unwrap().status.success());
        index.catch_up().unwrap();
        assert_eq!(usize::try_from(index.total_rows()), Ok(ROWS), "after {said:?}");
        assert_eq!(index.labels().len(), 7, "no label twice");
    }
}
