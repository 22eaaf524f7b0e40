//! Writers that share syncs, and wait for each other's changes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread;

use label_index::StoreOptions;

use super::power::disk::Disk;
use super::{Folder, Image};

#[test]
fn writers_of_all_instances_share_commits() {
    const WRITERS: usize = 16;
    let disk = Disk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    let indexes: Vec<_> = (0..WRITERS).map(|n| store.instance(&n.to_string()).unwrap()).collect();
    for index in &indexes {
        index.upsert_label("1", "VIP").unwrap();
    }
    let alone = {
        let before = disk.syncs();
        indexes[0].upsert_label("2", "Alone").unwrap();
        disk.syncs() - before
    };
    let before = disk.syncs();
    // All are queued before the first is waited for.
    let receipts: Vec<_> = indexes
        .iter()
        .flat_map(|index| {
            (0..50).map(|chat| {
                let mut batch = index.batch();
                batch.link("1", format!("chat {chat}")).unwrap();
                batch.submit()
            })
        })
        .collect();
    for receipt in receipts {
        assert!(receipt.wait().unwrap().changed());
    }
    let shared = disk.syncs() - before;
    assert!(alone > 0 && shared < WRITERS * 50 * alone / 2, "{shared} syncs, {alone} for one alone");
    assert!(indexes.iter().all(|index| index.total_chats() == 50));
}

/// What a small commit costs does not depend on what was committed before it, here and in the next instance.
#[test]
fn a_small_commit_beside_large_ones_writes_few_bytes() {
    let disk = Disk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    let indexes = ["a", "b", "c"].map(|name| store.instance(name).unwrap());
    for index in &indexes {
        index.upsert_label("1", "VIP").unwrap();
        index.link_all("1", (0..20_000).map(|chat| format!("chat {chat}"))).unwrap();
    }
    for number in 0..200 {
        for index in &indexes {
            let before = disk.written();
            index.link("1", format!("late {number}")).unwrap();
            let written = disk.written() - before;
            assert!(written < 100_000, "{written} bytes for a link, the {number}th");
        }
    }
}

#[test]
fn acknowledged_writes_of_every_thread_are_there_again() {
    let folder = Folder::new();
    let store = folder.open();
    thread::scope(|scope| {
        for thread in 0..4 {
            let index = store.instance(["a", "b"][thread % 2]).unwrap();
            scope.spawn(move || {
                drop(index.ensure_label("VIP").unwrap());
                for n in 0..100 {
                    // Another thread links half of them too: its links change nothing, but are durable when they
                    // return.
                    index.link("1", format!("chat {}", n + 50 * (thread / 2))).unwrap();
                    assert!(index.contains("1", format!("chat {}", n + 50 * (thread / 2))));
                }
            });
        }
    });
    let images = ["a", "b"].map(|name| Image::from(&store.existing(name).unwrap()));
    drop(store);
    let store = folder.open();
    assert_eq!(["a", "b"].map(|name| Image::from(&store.existing(name).unwrap())), images);
    assert!(images.iter().all(|image| image.chats.len() == 150 && image.revision == 151));
}

/// A waker of a host that panics.
struct Bomb;

impl Wake for Bomb {
    fn wake(self: Arc<Self>) {
        panic!("this is meant to be seen");
    }
}

#[test]
fn a_waker_that_panics_stops_nobody() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    let mut batch = index.batch();
    batch.upsert_label("1", "VIP").unwrap();
    let mut receipt = batch.submit();
    let bomb = Waker::from(Arc::new(Bomb));
    let polled = Pin::new(&mut receipt).poll(&mut Context::from_waker(&bomb));
    assert!(index.link("1", "ana").unwrap(), "the committer goes on");
    assert!(polled.is_ready() || receipt.is_ready());
}
