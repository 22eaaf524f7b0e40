//! How much of a log is read, and how much of it is in memory at a time.

use std::fmt::Write as _;

use label_index::{Delivery, LabelIndex};

use super::process::Processes;
use super::proxy::Proxy;
use super::server::{Server, new_schema, shared};
use super::{connect, options};
use crate::linearizability::make_labels;

/// Writes commits of about `bytes` bytes that do not enlarge the index: they rename a label.
fn rename(index: &LabelIndex, commits: u32, bytes: usize) {
    for commit in 0..commits {
        let mut batch = index.batch();
        for number in 0..bytes / 1_000 {
            // Random, so that the server cannot compress it.
            let mut name = String::new();
            let mut hash = u64::from(commit) << 32 | u64::try_from(number).unwrap();
            while name.len() < 980 {
                hash = (hash ^ hash >> 31).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
                write!(name, "{hash:x}").unwrap();
            }
            name.truncate(980);
            batch.upsert_label("1", &*name).unwrap();
        }
        batch.commit().unwrap();
    }
}

/// A subscriber that is far behind reads each record of the log once, and not the rest of the log for every page.
#[test]
fn the_log_behind_a_subscriber_is_read_once() {
    let Some(server) = shared() else { return };
    let (schema, proxy) = (new_schema(), Proxy::start(server.port));
    let writer = options(&schema).checkpoint_floor(1 << 30).connect(server.url()).unwrap();
    let index = writer.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    for commit in 0..40 {
        let chat = |chat: u32| format!("5511{commit:05}{chat:04}@c.us");
        index.link_all("1", (0..1_000).map(chat)).unwrap();
    }
    let behind = options(&schema).connect(Server::url_of_port(proxy.port)).unwrap();
    let there = behind.existing("shop").unwrap();
    let mut feed = there.subscribe_after(0);
    let log: u64 = server.sql(&format!("SELECT sum(length(commits)) FROM {schema}.log")).parse().unwrap();
    let before = proxy.sent();
    for revision in 1..=there.revision() {
        let next = feed.recv();
        assert!(matches!(&next, Delivery::Commit(commit) if commit.revision == revision), "{next:?}");
    }
    let sent = proxy.sent() - before;
    // The binary format sends `bytea` without a longer encoding.
    assert!(sent > log / 2 && sent < log + log / 2, "{sent} bytes of {log}");
}

/// A store that lost its connection reads the log page by page.
#[test]
fn what_a_store_missed_is_taken_in_page_by_page() {
    let Some(server) = shared() else { return };
    let (schema, proxy) = (new_schema(), Proxy::start(server.port));
    let behind = options(&schema).connect(Server::url_of_port(proxy.port)).unwrap();
    let here = behind.instance("shop").unwrap();
    here.upsert_label("1", "VIP").unwrap();
    let mut feed = here.subscribe();
    proxy.cut();
    let writer = connect(server, &schema);
    let there = writer.existing("shop").unwrap();
    for commit in 0..12 {
        there.link_all("1", (0..1_000).map(|chat| format!("chat {commit} {chat}"))).unwrap();
    }
    proxy.resume();
    assert!(here.link("1", "mine").unwrap(), "planned again on the last page");
    assert_eq!((here.revision(), here.total_chats()), (14, 12_001));
    for revision in 2..=14 {
        let next = feed.recv();
        assert!(matches!(&next, Delivery::Commit(commit) if commit.revision == revision), "{next:?}");
    }
}

/// An instance is built as its rows arrive. The server keeps the rows that the client has not read yet.
#[test]
fn loading_takes_memory_for_what_is_loaded_and_not_for_what_is_read() {
    const COMMITS: u32 = 48;
    if Processes::is_one() {
        return;
    }
    let Some(server) = shared() else { return };
    let name = "postgres::reading::loading_takes_memory_for_what_is_loaded_and_not_for_what_is_read";
    let memory = |commits: u32| {
        let schema = new_schema();
        let store = options(&schema).checkpoint_floor(1 << 30).connect(server.url()).unwrap();
        let index = store.instance("shop").unwrap();
        make_labels(&index);
        rename(&index, commits, 1_000_000);
        let log: u64 = server.sql(&format!("SELECT sum(length(commits)) FROM {schema}.log")).parse().unwrap();
        assert!(log >= u64::from(commits) * 900_000, "{log} bytes");
        Processes::start(name, &[server.url()], &schema).most_memory(0)
    };
    let (small, large) = (memory(1), memory(COMMITS));
    assert!(large < small + (12 << 20), "{small} bytes to load a megabyte, {large} to load {COMMITS}");
}
