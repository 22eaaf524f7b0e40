//! Stores in PostgreSQL, on loopback, compared with `pgbench` with the same statement.
//!
//! `cargo bench --features postgres --bench postgres` starts a server of its own, measures, and prints a table, `-- link batch`
//! some of it; `cargo test --features postgres --bench postgres` runs everything once for moments. `BENCH_CHATS` is the number of
//! chats of the instance that is loaded.
//!
//! Each row has the aim and whether it was reached. A row about writes ends with the cost of a link: bytes of the
//! server's log, and processor time of this process, callers included, and of the server. The load of the machine is
//! printed before and after.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench is a program that may panic"
)]

mod effort;
mod measures;
mod process;
#[path = "../tests/it/postgres/server.rs"]
#[expect(dead_code, reason = "tests use more of it")]
mod server;

use std::env;
use std::fmt::Write as _;
use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{ChatId, LabelId, LabelIndex, Store, StoreOptions};

use crate::effort::Effort;
use crate::measures::rate;
use crate::server::Server;

/// Callers that write at the same time, each to an instance of its own.
const CALLERS: usize = 64;

/// Bytes of the record of a link, and of a batch of 100.
const LINK: usize = 40;
const BATCH: usize = 1_082;

/// The server that is measured, and for how long.
struct Bench {
    server: Server,
    /// The setting that the server lacks, as a part of the names of measures.
    without: &'static str,
    time: Duration,
    chats: usize,
}

/// Set for the process whose memory is measured: the URL of the store whose instance it loads.
const LOADS: &str = "BENCH_LOADS";

fn main() {
    if let Ok(url) = env::var(LOADS) {
        return load_and_tell(&url);
    }
    let (time, chats) = if measures::is_wanted() {
        (Duration::from_secs(5), measures::number("BENCH_CHATS", 1_000_000))
    } else {
        (Duration::from_secs(1), 2_000)
    };
    let Some(server) = Server::start() else { return };
    println!("{}\n", effort::machine());
    measures::take(
        "| measure | label-index | pgbench | ratio | aim |\n| --- | --- | --- | --- | --- |",
        &[
            ("link", link),
            ("callers", callers),
            ("batch", batch),
            ("unsynced", unsynced),
            ("seen", seen),
            ("reads", reads),
            ("load", load),
        ],
        &Bench { server, without: "", time, chats },
    );
    println!("\n{}", effort::machine());
}

/// The least value that a measure should have.
enum Aim {
    None,
    Rate(f64),
    /// So many times the rate of `pgbench`.
    OfPeer(f64),
    /// So many times another rate.
    Of(&'static str, f64, f64),
}

impl Bench {
    fn store(&self, schema: &str) -> Store {
        StoreOptions::new().schema(schema).accept_loss(!self.without.is_empty()).connect(self.server.url()).unwrap()
    }

    fn say(&self, measure: &str, ours: f64, peer: Option<f64>, unit: &str, aim: &Aim) {
        let ratio = peer.map(|peer| ours / peer);
        let (aim, reached) = match *aim {
            Aim::None => (String::new(), None),
            Aim::Rate(least) => (format!("{least:.0} {unit}"), Some(ours / least)),
            Aim::OfPeer(least) => (format!("{least}x"), ratio.map(|ratio| ratio / least)),
            Aim::Of(what, of, least) => (format!("{least}x {what}: {:.2}x", ours / of), Some(ours / of / least)),
        };
        let verdict = match reached {
            Some(1.0..) => ", reached",
            Some(_) => ", missed",
            None => "",
        };
        let peer = peer.map_or(" | ".to_owned(), |peer| format!("{peer:.0} {unit} | {:.2}x", ours / peer));
        println!("| {measure}{} | {ours:.0} {unit} | {peer} | {aim}{verdict} |", self.without);
    }

    /// Runs a closure again and again for each caller, each on a thread of its own, with an increasing number. Returns
    /// the calls a second of all callers, and prints the resources.
    fn rate_of(&self, callers: &[LabelIndex], weight: usize, run: impl Fn(&LabelIndex, u64) + Sync) -> f64 {
        let before = Effort::now(&self.server);
        let (done, began) = (AtomicUsize::new(0), Instant::now());
        thread::scope(|scope| {
            for index in callers {
                let (done, run) = (&done, &run);
                scope.spawn(move || {
                    for number in 0.. {
                        if began.elapsed() >= self.time {
                            break;
                        }
                        run(index, number);
                        done.fetch_add(weight, Ordering::Relaxed);
                    }
                });
            }
        });
        let time = began.elapsed();
        let done = done.load(Ordering::Relaxed);
        println!("| {} | | | | |", Effort::now(&self.server).since(&before, done));
        rate(done, time)
    }

    /// Transactions a second of the statement with which a store writes, from `clients` clients to a row each, with
    /// `bytes` bytes.
    fn pgbench(&self, clients: usize, bytes: usize) -> f64 {
        drop(self.store("bench"));
        let mut rows = "TRUNCATE bench.instances, bench.log".to_owned();
        for client in 0..clients {
            write!(rows, "; INSERT INTO bench.instances VALUES ({client}, 'client {client}', 1, 0, 0, 0, 0, 0)")
                .unwrap();
        }
        self.server.sql(&rows);
        let script = tempfile::NamedTempFile::new().unwrap();
        let statement = format!(
            "WITH held AS (
                SELECT instance, head FROM bench.instances WHERE instance = :client_id FOR UPDATE
            ), moved AS (
                UPDATE bench.instances i SET head = h.head + 1, chain = :number FROM held h
                WHERE i.instance = h.instance RETURNING i.instance, i.head
            )
            INSERT INTO bench.log (instance, head, group_id, chain, changes, written, commits)
            SELECT instance, head, :number, :number, 1, 1, decode(repeat('ab', {bytes}), 'hex') FROM moved RETURNING instance"
        );
        fs::write(script.path(), format!("\\set number random(1, 1000000000)\n{};\n", statement.replace('\n', " ")))
            .unwrap();
        let mut pgbench = self.server.client("pgbench");
        pgbench.args(["-n", "-j", "2", "-c", &clients.to_string(), "-T", &self.time.as_secs().max(1).to_string()]);
        let output = pgbench.arg("-f").arg(script.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        let rate = said.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
        rate.unwrap_or(f64::NAN)
    }
}

/// A chat with a phone number.
fn phone(number: u64) -> String {
    format!("{}@c.us", 5_511_900_000_000 + number)
}

/// Instances with a label, each of which has one writer.
fn instances(store: &Store, count: usize) -> Vec<LabelIndex> {
    (0..count).map(|number| instance(store, number)).collect()
}

fn instance(store: &Store, number: usize) -> LabelIndex {
    let index = store.instance(&format!("shop {number}")).unwrap();
    index.upsert_label("1", "VIP").unwrap();
    index
}

fn link_one(index: &LabelIndex, number: u64) {
    assert!(index.link("1", phone(number)).unwrap());
}

fn link(bench: &Bench) {
    let store = bench.store("one");
    let ours = bench.rate_of(&instances(&store, 1), 1, link_one);
    bench.say("acknowledged link, one caller", ours, Some(bench.pgbench(1, LINK)), "/s", &Aim::OfPeer(0.75));
}

fn callers(bench: &Bench) {
    let store = bench.store("many");
    let one = bench.rate_of(&instances(&store, CALLERS), 1, link_one);
    drop(store);
    let peer = bench.pgbench(16, LINK);
    bench.say("links, 64 callers over 64 instances, beside 16 clients", one, Some(peer), "/s", &Aim::OfPeer(3.0));
    let stores = [bench.store("both"), bench.store("both")];
    let halves: Vec<LabelIndex> = (0..CALLERS).map(|number| instance(&stores[number % 2], number)).collect();
    let two = bench.rate_of(&halves, 1, link_one);
    bench.say("the same from two stores, 32 instances each", two, None, "/s", &Aim::Of("one store", one, 1.7));
}

fn batch(bench: &Bench) {
    const LINKS: u64 = 100;
    let store = bench.store("batches");
    let run = |index: &LabelIndex, number: u64| {
        let mut batch = index.batch();
        for chat in number * LINKS..(number + 1) * LINKS {
            batch.link("1", phone(chat)).unwrap();
        }
        batch.commit().unwrap();
    };
    let rate = bench.rate_of(&instances(&store, 16), usize::try_from(LINKS).unwrap(), run);
    let peer = bench.pgbench(16, BATCH) * 100.0;
    let measure = "links in batches of 100, 16 callers, beside 16 clients";
    bench.say(measure, rate, Some(peer), "/s", &Aim::Rate(500_000.0));
}

/// The same writes to a server that does not wait for its disk.
fn unsynced(bench: &Bench) {
    let Some(server) = Server::start() else { return };
    server.sql("ALTER SYSTEM SET fsync = off");
    server.sql("SELECT pg_reload_conf()");
    let bench = Bench { server, without: ", without syncs", ..*bench };
    link(&bench);
    callers(&bench);
    batch(&bench);
}

/// The time from the answer of one store until another store shows the write.
fn seen(bench: &Bench) {
    let stores = [bench.store("seen"), bench.store("seen")];
    let [here, there] = [0, 1].map(|number: usize| stores[number].instance("shop").unwrap());
    here.upsert_label("1", "VIP").unwrap();
    let (began, mut times) = (Instant::now(), Vec::new());
    for number in 0_u64.. {
        if began.elapsed() >= bench.time {
            break;
        }
        here.link("1", phone(number)).unwrap();
        let answered = Instant::now();
        while there.revision() < here.revision() {
            thread::yield_now();
        }
        times.push(answered.elapsed());
        thread::sleep(Duration::from_millis(5));
    }
    times.sort_unstable();
    for (percent, aim) in [(50, 1.0), (99, 5.0)] {
        let at = times[(times.len() - 1) * percent / 100].as_secs_f64() * 1e3;
        let verdict = if at <= aim { "reached" } else { "missed" };
        println!("| visible in another store after the answer, p{percent} | {at:.2} ms | | | {aim} ms, {verdict} |");
    }
}

/// Reads of a store in a folder, of a connected one, and of that one while its server is away.
fn reads(bench: &Bench) {
    let folder = tempfile::tempdir().unwrap();
    let Some(server) = Server::start() else { return };
    let stores = [Store::open(folder.path()).unwrap(), Store::connect(server.url()).unwrap()];
    let [local, connected] = stores.each_ref().map(|store| {
        let index = instance(store, 0);
        let mut batch = index.batch();
        for chat in 0..10_000 {
            batch.link("1", phone(chat)).unwrap();
        }
        batch.commit().unwrap();
        index
    });
    let chats: Vec<ChatId> = (0..10_000).map(|chat| phone(chat).parse().unwrap()).collect();
    let vip: LabelId = "1".parse().unwrap();
    let reads = |index: &LabelIndex| {
        let (mut done, began) = (0, Instant::now());
        while began.elapsed() < bench.time / 4 {
            assert!(chats.iter().all(|chat| index.contains(&vip, chat)));
            done += chats.len();
        }
        rate(done, began.elapsed())
    };
    let of_folder = reads(&local);
    bench.say("reads (`contains`) of a store in a folder", of_folder, None, "/s", &Aim::None);
    let aim = Aim::Of("a folder", of_folder, 0.9);
    bench.say("reads of a connected store", reads(&connected), None, "/s", &aim);
    server.kill();
    bench.say("reads while PostgreSQL is away", reads(&connected), None, "/s", &aim);
}

fn load(bench: &Bench) {
    let store = bench.store("load");
    let index = store.instance("shop").unwrap();
    for label in 0..20 {
        index.upsert_label(label.to_string(), format!("Label {label}").as_str()).unwrap();
    }
    for first in (0..bench.chats).step_by(10_000) {
        let mut batch = index.batch();
        for chat in first..bench.chats.min(first + 10_000) {
            batch.link(format!("{}", chat % 20), phone(u64::try_from(chat).unwrap())).unwrap();
        }
        batch.commit().unwrap();
    }
    let rates = |what: &str| {
        let another = bench.store("load");
        let began = Instant::now();
        let loaded = another.existing("shop").unwrap();
        let chats = usize::try_from(loaded.total_chats()).unwrap();
        let measure = format!("load {chats} chats, {what}");
        bench.say(&measure, rate(chats, began.elapsed()), None, "chats/s", &Aim::Rate(1e6));
    };
    rates("from what checkpoints left of the log");
    memory(bench);
    store.checkpoint().unwrap();
    rates("from a checkpoint");
    memory(bench);
}

/// The memory of a process that loads the instance: the maximum, and at the end.
fn memory(bench: &Bench) {
    let output = Command::new(env::current_exe().unwrap()).env(LOADS, bench.server.url()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("| memory of a process that does | {} | | | |", String::from_utf8(output.stdout).unwrap().trim());
}

fn load_and_tell(url: &str) {
    let store = StoreOptions::new().schema("load").connect(url).unwrap();
    let before = process::memory("VmRSS:");
    let index = store.existing("shop").unwrap();
    let [peak, rest] = ["VmHWM:", "VmRSS:"].map(|name| (process::memory(name) - before) >> 10);
    assert!(index.total_chats() > 0);
    println!("{peak} MiB at most, {rest} MiB in the end");
}
