//! Stores: writes, loading, opening and checkpoints, compared with the bare database.
//!
//! `cargo bench --bench store` measures everything and prints a table, `-- writes open` some of it; `cargo test --bench
//! store` runs everything once on small accounts. Stores are in the folder for temporary files: `TMPDIR` selects
//! another disk, `STORE_CHATS` another number of chats.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench is a program that may panic"
)]

mod measures;
mod workload;

use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{Filter, LabelIndex, LabelPatch, Page, Store, StoreOptions};
use redb::{Database, ReadableDatabase, TableDefinition};
use tempfile::{TempDir, tempdir};

use crate::measures::rate;
use crate::workload::{Random, STAGES, Workload, crm};

/// Callers that write at the same time, each to an instance of its own.
const CALLERS: usize = 64;

/// Operations in one batch of a bulk load.
const BATCH: usize = 10_000;

/// Rounds of a short measurement; the median is taken.
const ROUNDS: usize = 5;

struct Sizes {
    /// Chats of the account that is loaded.
    chats: usize,
    /// Single synced writes.
    writes: usize,
    instances: usize,
}

fn main() {
    let sizes = if measures::is_wanted() {
        Sizes { chats: measures::number("STORE_CHATS", 1_000_000), writes: 5_000, instances: 10_000 }
    } else {
        Sizes { chats: 2_000, writes: 20, instances: 20 }
    };
    measures::take(
        "| measure | figure |\n| --- | --- |",
        &[("writes", writes), ("account", account), ("instances", instances), ("checkpoint", checkpoint)],
        &sizes,
    );
}

fn say(measure: &str, figure: f64, unit: &str) {
    println!("| {measure} | {figure:.1} {unit} |");
}

fn timed<T>(run: impl FnOnce() -> T) -> (T, Duration) {
    let began = Instant::now();
    let result = run();
    (result, began.elapsed())
}

/// The median of some rounds, each after its own preparation. The result of a round is dropped outside of the timing.
fn median<T, R>(mut prepare: impl FnMut() -> T, mut run: impl FnMut(T) -> R) -> Duration {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let prepared = prepare();
            timed(|| black_box(run(prepared))).1
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

/// One link a commit, synced.
fn writes(sizes: &Sizes) {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let index = store.instance("one").unwrap();
    index.upsert_label(1, "New").unwrap();
    let (_, one) = timed(|| link(&index, sizes.writes));
    say("synced single writes, one caller", rate(sizes.writes, one), "/s");

    let (_, bare) = timed(|| append(folder.path(), sizes.writes));
    say("bare redb, the same rows", rate(sizes.writes, bare), "/s");

    let indexes: Vec<LabelIndex> = (0..CALLERS)
        .map(|caller| {
            let index = store.instance(&format!("{caller} of many")).unwrap();
            index.upsert_label(1, "New").unwrap();
            index
        })
        .collect();
    let each = sizes.writes * 4 / CALLERS + 1;
    let begin = Barrier::new(CALLERS + 1);
    let many = thread::scope(|scope| {
        let callers: Vec<_> = indexes
            .iter()
            .map(|index| {
                scope.spawn(|| {
                    begin.wait();
                    link(index, each);
                })
            })
            .collect();
        begin.wait();
        timed(|| callers.into_iter().for_each(|caller| caller.join().unwrap())).1
    });
    say("synced single writes, 64 callers of 64 instances", rate(each * CALLERS, many), "/s");
}

/// Links chats, each in a commit of its own.
fn link(index: &LabelIndex, chats: usize) {
    for chat in 0..chats {
        assert!(index.link(1, format!("55119{chat:08}@c.us")).unwrap());
    }
}

/// The same rows written to the bare database: a record and the end of the log, with their seals, synced.
fn append(folder: &Path, commits: usize) {
    const LOG: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("log");
    let database = Database::create(folder.join("bare.redb")).unwrap();
    let key = |record: u64| [0_u64.to_be_bytes(), record.to_be_bytes()].concat();
    for record in (0_u64..).take(commits) {
        let transaction = database.begin_write().unwrap();
        {
            let mut log = transaction.open_table(LOG).unwrap();
            log.insert(&key(record)[..], &[7; 27][..]).unwrap();
            log.insert(&key(u64::MAX)[..], &[7; 25][..]).unwrap();
        }
        transaction.commit().unwrap();
    }
    let transaction = database.begin_read().unwrap();
    assert!(transaction.open_table(LOG).unwrap().get(&key(0)[..]).unwrap().is_some());
}

/// Loads an account in batches, in memory or not.
fn load(index: &LabelIndex, workload: &Workload) {
    for (id, name) in (1_u32..).zip(&workload.names) {
        index.upsert_label(id, LabelPatch::named(name).unwrap()).unwrap();
    }
    for chats in workload.chats.chunks(BATCH) {
        let mut batch = index.batch();
        for chat in chats {
            batch.set_labels(chat.id.as_str(), chat.labels.iter().copied()).unwrap();
        }
        assert!(batch.commit().unwrap().changed());
    }
}

/// Opens a store and asks for a total.
fn first_answer(folder: &Path, instance: &str, chats: usize) -> Store {
    let store = Store::open(folder).unwrap();
    let index = store.existing(instance).unwrap();
    let answer = index.query(&Filter::new(), Page::first(50)).unwrap();
    assert_eq!(answer.total_chats, u64::try_from(chats).unwrap());
    store
}

/// A copy of the store's file as a killed process leaves it.
fn killed(file: &Path) -> TempDir {
    let folder = tempdir().unwrap();
    fs::copy(file, folder.path().join("store.redb")).unwrap();
    folder
}

/// One large account: loaded, closed, killed, opened, and its bytes.
fn account(sizes: &Sizes) {
    let workload = crm(sizes.chats);
    let memory = LabelIndex::new();
    let (_, in_memory) = timed(|| load(&memory, &workload));
    say("bulk load in memory", rate(sizes.chats, in_memory), "chats/s");
    drop(memory);

    let folder = tempdir().unwrap();
    let file = folder.path().join("store.redb");
    let store = Store::open(folder.path()).unwrap();
    let index = store.instance("crm").unwrap();
    let (_, durable) = timed(|| load(&index, &workload));
    say("bulk load, durable", rate(sizes.chats, durable), "chats/s");
    // The file has a checkpoint and some log after it; nothing is written while it is copied.
    store.checkpoint().unwrap();
    drop(index.link_all(STAGES, workload.chats.iter().take(BATCH).map(|chat| chat.id.as_str())).unwrap());
    let left = killed(&file);
    drop(index);
    let (_, closing) = timed(|| drop(store));
    say("closing", closing.as_secs_f64() * 1e3, "ms");

    let clean = median(|| (), |()| first_answer(folder.path(), "crm", sizes.chats));
    say("open and answer after a clean close", rate(sizes.chats, clean), "chats/s");
    let left_file = left.path().join("store.redb");
    let kill = median(|| killed(&left_file), |copy| (first_answer(copy.path(), "crm", sizes.chats), copy));
    say("open and answer after a kill", rate(sizes.chats, kill), "chats/s");
    let walk = median(|| killed(&left_file), |copy| (Database::open(copy.path().join("store.redb")).unwrap(), copy));
    say("of that the database alone", walk.as_secs_f64() * 1e3, "ms");

    let chats = f64::from(u32::try_from(sizes.chats).unwrap());
    let per_chat = |bytes: u64| f64::from(u32::try_from(bytes).unwrap()) / chats;
    say("bytes of the file per chat", per_chat(fs::metadata(&file).unwrap().len()), "");
    let database = Database::open(&file).unwrap();
    let stored = database.begin_write().unwrap().stats().unwrap().stored_bytes();
    say("stored bytes per chat", per_chat(stored), "");
}

/// Many instances, of which one is queried.
fn instances(sizes: &Sizes) {
    const CHATS: usize = 10;
    let folder = tempdir().unwrap();
    let store = StoreOptions::new().open(folder.path()).unwrap();
    for number in 0..sizes.instances {
        let name = number.to_string();
        let index = store.instance(&name).unwrap();
        let mut batch = index.batch();
        let label = batch.create_label("New").unwrap();
        batch.link_all(label, (0..CHATS).map(|chat| format!("55119{chat:08}@c.us"))).unwrap();
        assert!(batch.commit().unwrap().changed());
        drop(index);
        assert!(store.unload(&name).unwrap());
    }
    drop(store);
    let name = (sizes.instances / 2).to_string();
    let first = median(|| (), |()| first_answer(folder.path(), &name, CHATS));
    say("open with many instances and the first answer", first.as_secs_f64() * 1e3, "ms");
}

/// Reads without a checkpoint and during one.
fn checkpoint(sizes: &Sizes) {
    let workload = crm(sizes.chats);
    let folder = tempdir().unwrap();
    let store = StoreOptions::new().checkpoint_floor(u64::MAX).open(folder.path()).unwrap();
    let index = store.instance("crm").unwrap();
    load(&index, &workload);
    let without = AtomicBool::new(false);
    let alone = thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(500));
            without.store(true, Ordering::Relaxed);
        });
        p99(&index, &workload, &without)
    });
    let done = AtomicBool::new(false);
    let beside = thread::scope(|scope| {
        scope.spawn(|| {
            store.checkpoint().unwrap();
            done.store(true, Ordering::Relaxed);
        });
        p99(&index, &workload, &done)
    });
    say("read, p99", alone.as_secs_f64() * 1e6, "µs");
    say("read while a checkpoint runs, p99", beside.as_secs_f64() * 1e6, "µs");
}

/// Reads the labels of random chats and counts a stage until it is stopped; at least once.
fn p99(index: &LabelIndex, workload: &Workload, end: &AtomicBool) -> Duration {
    let mut random = Random(1);
    let mut times = Vec::new();
    while times.is_empty() || !end.load(Ordering::Relaxed) {
        let chat = &workload.chats[random.below(workload.chats.len())];
        let began = Instant::now();
        let labels = index.labels_of(chat.id.as_str());
        let count = index.count(chat.labels[0]);
        times.push(began.elapsed());
        assert!(labels.len() == chat.labels.len() && count > 0 && chat.labels[0] <= STAGES);
    }
    times.sort_unstable();
    times[times.len() * 99 / 100]
}
