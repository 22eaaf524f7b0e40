//! The memory of many small accounts in one process: as they were written, unloaded, and loaded again.
//!
//! `cargo bench --bench accounts` measures 5,000 accounts of 300 chats; `cargo test --bench accounts` runs everything once
//! on few. Resident memory is that of the whole process, with the database's cache, less what it was before the accounts;
//! it is read on Linux alone.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench is a program that may panic"
)]

#[allow(dead_code, reason = "other benches use more of it")]
mod measures;
#[allow(dead_code, reason = "other benches use more of it")]
mod workload;

use std::env;
use std::fs;
use std::process::Command;
use std::time::Duration;

use label_index::{Durability, LabelIndex, Store, StoreOptions};
use tempfile::tempdir;

use crate::workload::{Workload, crm};

/// The most bytes of the file that the database keeps in memory, so that they are not taken for those of accounts.
const CACHE: usize = 16 << 20;

/// The variable that tells a child process how to write. Each way has a process of its own: memory that an allocator keeps
/// would otherwise be counted for the next way.
const WAY: &str = "ACCOUNTS_WAY";

/// How an account is written.
type Write = fn(&LabelIndex, &Workload);

fn main() {
    let (accounts, chats) = if measures::is_wanted() { (5_000, 300) } else { (5, 20) };
    let ways = [("in one batch", in_one_batch as Write), ("chat by chat", chat_by_chat)];
    if let Ok(name) = env::var(WAY) {
        let (way, write) = ways.into_iter().find(|(way, _)| *way == name).unwrap();
        return measure(way, write, accounts, &crm(chats));
    }
    println!("| {accounts} accounts of {chats} chats | KiB an account in the index | KiB an account resident |");
    println!("| --- | --- | --- |");
    for (way, _) in ways {
        let status =
            Command::new(env::current_exe().unwrap()).args(env::args().skip(1)).env(WAY, way).status().unwrap();
        assert!(status.success());
    }
}

fn in_one_batch(index: &LabelIndex, workload: &Workload) {
    let mut batch = index.batch();
    for (id, name) in (1_u32..).zip(&workload.names) {
        batch.upsert_label(id, name).unwrap();
    }
    for chat in &workload.chats {
        batch.set_labels(chat.id.as_str(), chat.labels.iter().copied()).unwrap();
    }
    assert!(batch.commit().unwrap().changed());
}

fn chat_by_chat(index: &LabelIndex, workload: &Workload) {
    for (id, name) in (1_u32..).zip(&workload.names) {
        assert!(index.upsert_label(id, name).unwrap().changed());
    }
    for chat in &workload.chats {
        assert!(index.set_labels(chat.id.as_str(), chat.labels.iter().copied()).unwrap().changed());
    }
}

fn measure(way: &str, write: Write, accounts: usize, workload: &Workload) {
    let folder = tempdir().unwrap();
    let options = StoreOptions::new().durability(Durability::Within(Duration::from_millis(200))).cache_bytes(CACHE);
    let before = resident();
    let store = options.open(folder.path()).unwrap();
    let names: Vec<String> = (0..accounts).map(|number| format!("account {number}")).collect();
    for name in &names {
        write(&store.instance(name).unwrap(), workload);
    }
    store.flush().unwrap();
    say(&format!("written {way}"), &store, before, accounts);
    for name in &names {
        assert!(store.unload(name).unwrap());
    }
    say("unloaded", &store, before, accounts);
    for name in &names {
        assert_eq!(store.existing(name).unwrap().total_chats(), u64::try_from(workload.chats.len()).unwrap());
    }
    say("loaded again", &store, before, accounts);
}

fn say(state: &str, store: &Store, before: usize, accounts: usize) {
    let loaded = store.stats().loaded;
    let index: usize = loaded.values().map(|stats| stats.bytes.total()).sum();
    println!("| {state} | {} | {} |", (index / accounts) >> 10, (resident().saturating_sub(before) / accounts) >> 10);
}

/// Bytes of the process in physical memory; 0 where the system does not say.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok()).unwrap_or_default() << 10
}
