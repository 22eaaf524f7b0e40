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
mod process;
#[allow(dead_code, reason = "other benches use more of it")]
mod workload;

use std::env;
use std::process::Command;
use std::time::Duration;

use label_index::{Durability, LabelIndex, Store, StoreOptions};
use tempfile::tempdir;

use crate::workload::{Workload, crm};

/// The most bytes of the file that the database keeps in memory, so that they are not taken for those of accounts.
const CACHE: usize = 16 << 20;

/// The name of the memory of a process that is in physical memory.
const RESIDENT: &str = "VmRSS:";

/// The variable that tells a child process how to write. Each method has a process of its own: memory that an allocator keeps
/// would otherwise be counted for the next one.
const METHOD: &str = "ACCOUNTS_METHOD";

/// How an account is written.
type Write = fn(&LabelIndex, &Workload);

fn main() {
    let (accounts, chats) = if measures::is_wanted() { (5_000, 300) } else { (5, 20) };
    let methods = [("in one batch", in_one_batch as Write), ("chat by chat", chat_by_chat)];
    if let Ok(name) = env::var(METHOD) {
        let (method, write) = methods.into_iter().find(|(method, _)| *method == name).unwrap();
        return measure(method, write, accounts, &crm(chats));
    }
    println!("| {accounts} accounts of {chats} chats | KiB an account in the index | KiB an account resident |");
    println!("| --- | --- | --- |");
    for (method, _) in methods {
        let status =
            Command::new(env::current_exe().unwrap()).args(env::args().skip(1)).env(METHOD, method).status().unwrap();
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

fn measure(method: &str, write: Write, accounts: usize, workload: &Workload) {
    let folder = tempdir().unwrap();
    let options = StoreOptions::new().durability(Durability::Within(Duration::from_millis(200))).cache_bytes(CACHE);
    let before = process::memory(RESIDENT);
    let store = options.open(folder.path()).unwrap();
    let names: Vec<String> = (0..accounts).map(|number| format!("account {number}")).collect();
    for name in &names {
        write(&store.instance(name).unwrap(), workload);
    }
    store.flush().unwrap();
    say(&format!("written {method}"), &store, before, accounts);
    for name in &names {
        assert!(store.unload(name).unwrap());
    }
    say("unloaded", &store, before, accounts);
    for name in &names {
        assert_eq!(store.existing(name).unwrap().total_chats(), u64::try_from(workload.chats.len()).unwrap());
    }
    say("loaded again", &store, before, accounts);
}

/// `before` is the resident memory of the process before the store was opened, in KiB.
fn say(state: &str, store: &Store, before: u64, accounts: usize) {
    let index: usize = store.stats().loaded.values().map(|stats| stats.bytes.total()).sum();
    let resident = process::memory(RESIDENT).saturating_sub(before) / u64::try_from(accounts).unwrap();
    println!("| {state} | {} | {resident} |", (index / accounts) >> 10);
}
