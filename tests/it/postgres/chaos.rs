//! Faults at random moments, while several stores write: whatever was acknowledged is there, once, and everybody sees the same.
//!
//! `LABEL_INDEX_POSTGRES_ROUNDS` is the number of faults of each kind of test, `LABEL_INDEX_POSTGRES_SEED` where they begin.

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use label_index::{Delivery, Error, LabelIndex, Store, Subscriber};

use super::options;
use super::proxy::Proxy;
use super::server::{Server, new_schema, shared};
use crate::program::BINARY;
use crate::store::Image;

fn number(variable: &str, default: u64) -> u64 {
    env::var(variable).map_or(default, |number| number.parse().unwrap())
}

fn rounds() -> u64 {
    number("LABEL_INDEX_POSTGRES_ROUNDS", 8)
}

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let seed = number("LABEL_INDEX_POSTGRES_SEED", 1);
        eprintln!("LABEL_INDEX_POSTGRES_SEED={seed}");
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn pause(&mut self, up_to: u64) {
        thread::sleep(Duration::from_millis(self.below(up_to)));
    }
}

/// Links chats of its own until it is stopped. Gives each chat, and whether the link was acknowledged.
fn write(index: &LabelIndex, writer: usize, stop: &AtomicBool) -> BTreeMap<String, bool> {
    let mut answers = BTreeMap::new();
    for chat in 0.. {
        if stop.load(Ordering::SeqCst) {
            break;
        }
        let chat = format!("chat {writer} {chat}");
        let acknowledged = match index.link("1", &*chat) {
            Ok(linked) => {
                assert!(linked, "{chat} was linked by nobody else");
                true
            }
            Err(Error::Unavailable { .. }) => false,
            Err(other) => panic!("{other}"),
        };
        answers.insert(chat, acknowledged);
    }
    answers
}

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
    let answers: BTreeMap<String, bool> = thread::scope(|scope| {
        let start = |writer: usize| {
            let (index, stop) = (&indexes[writer], &stop);
            scope.spawn(move || write(index, writer, stop))
        };
        let writing: Vec<_> = (0..STORES).map(start).collect();
        for _ in 0..rounds() {
            let proxy = &proxies[usize::try_from(random.below(3)).unwrap()];
            let fault = random.below(4);
            match fault {
                0 => proxy.cut(),
                1 => proxy.swallow_answers(),
                2 => server.kill(),
                // A checkpoint may fail, or be another store's.
                _ => drop(stores[usize::try_from(random.below(3)).unwrap()].checkpoint()),
            }
            random.pause(400);
            assert!(indexes.iter().all(|index| index.label("1").is_some()), "reads go on");
            if fault == 2 {
                server.resume();
            }
            proxy.cut();
            proxy.resume();
            random.pause(200);
        }
        stop.store(true, Ordering::SeqCst);
        writing.into_iter().flat_map(|writing| writing.join().unwrap()).collect()
    });
    let anew = options(&schema).connect(server.url()).unwrap().existing("shop").unwrap();
    for index in &indexes {
        index.catch_up().unwrap();
    }
    let whole = Image::from(&anew);
    assert!(indexes.iter().all(|index| Image::from(index) == whole), "everybody sees the same");
    for (chat, was_acknowledged) in &answers {
        assert!(anew.contains("1", chat.as_str()) || !was_acknowledged, "{chat} was acknowledged");
    }
    assert_eq!(anew.revision(), anew.total_chats() + 1, "no write counts twice");
    assert!(answers.values().filter(|acknowledged| **acknowledged).count() > 20, "hardly anything was written");
    feeds.iter_mut().for_each(|feed| follow(feed, anew.revision()));
}

/// A process that loads a file is killed at some moment: what it said is there, and a second load completes it.
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
            let said = scope.spawn(|| BufReader::new(errors).lines().map_while(Result::ok).last());
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

/// A process that is stopped while it writes to an instance, perhaps with its row locked, does not stop the others.
#[test]
fn a_stopped_process_holds_nobody_up() {
    const ROWS: usize = 4_000;
    let Some(server) = shared() else { return };
    let mut random = Random::new();
    server.sql("CREATE DATABASE of_stopped_processes");
    let url = server.url().replace("/postgres?", "/of_stopped_processes?");
    let store = options("label_index").patience(Duration::from_secs(60)).connect(&url).unwrap();
    let index = store.instance("shop").unwrap();
    let own = index.create_label("Own").unwrap().outcome;
    let mut load = Command::new(BINARY);
    load.args(["load", "-", "--batch", "1", "--store", &url, "--instance", "shop"]);
    let mut loading = load.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let rows: String = (0..ROWS).map(|row| format!("chat {row},VIP\n")).collect();
    let mut input = loading.stdin.take().unwrap();
    let signal = |name: &str| {
        let pid = loading.id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    };
    thread::scope(|scope| {
        scope.spawn(|| input.write_all(format!("chat,label\n{rows}").as_bytes()));
        for round in 0..rounds().min(20) {
            // Both want to write all the time, so that the other one locks the row at times.
            for chat in 0..random.below(30) {
                assert!(index.link(&own, format!("before {round} {chat}")).unwrap());
            }
            signal("-STOP");
            for chat in 0..5 {
                assert!(index.link(&own, format!("meanwhile {round} {chat}")).unwrap());
            }
            signal("-CONT");
        }
        signal("-KILL");
    });
    loading.wait().unwrap();
}
