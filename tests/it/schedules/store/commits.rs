//! Writers, readers and subscribers at the same time as the committer.

use label_index::{Change, Delivery, LabelIndex, Place, Subscriber};
use shuttle::future::block_on;
use shuttle::thread;

use super::disk::Disk;
use super::{SOON, close, either, explore, has, open, options, reopened};
use crate::schedules::feed::to_the_end;
use crate::schedules::link;

/// Reads twice while writers add one row with each commit.
fn read_twice(index: &LabelIndex) -> thread::JoinHandle<()> {
    let index = index.clone();
    thread::spawn(move || {
        let (first, second) = (index.snapshot(), index.snapshot());
        assert!(first.revision() <= second.revision());
        assert!(first.total_rows() == first.revision() && second.total_rows() == second.revision());
    })
}

/// Links. Returns the bytes that a power cut after each write would have left.
fn link_and_cut(index: &LabelIndex, disk: &Disk) -> thread::JoinHandle<Vec<u8>> {
    let (index, disk) = (index.clone(), disk.clone());
    thread::spawn(move || {
        assert!(index.link(1, "bob").unwrap());
        assert!(index.contains(1, "bob") && index.link(1, "carl").unwrap());
        disk.synced()
    })
}

/// The place of the next linked chat among the pending deliveries.
fn next_place(feed: &mut Subscriber) -> Option<Place> {
    while let Some(Delivery::Commit(commit)) = feed.try_recv() {
        for change in &*commit.changes {
            if let Change::ChatLinked { place, .. } = change {
                return Some(*place);
            }
        }
    }
    None
}

/// Two writers, a reader, and a thread that flushes.
pub(super) fn writers_reader_flush() {
    let (store, disk) = open(options());
    let index = store.existing("shop").unwrap();
    let (writer, other) = (link_and_cut(&index, &disk), link(&index, 2, &["bob"]));
    let reader = read_twice(&index);
    store.flush().unwrap();
    let left = reopened(writer.join().unwrap()).unwrap();
    assert!(has(&left, 1, "bob") && has(&left, 1, "carl"), "a write had returned, and was not on disk");
    other.join().unwrap();
    reader.join().unwrap();
    assert_eq!(close(store, &index, &disk).revision, 4);
}

#[test]
fn a_write_that_returned_is_on_disk_and_seen() {
    explore(writers_reader_flush);
}

#[test]
fn what_was_flushed_is_on_disk() {
    let body = || {
        let (store, disk) = open(options().durability(SOON));
        let index = store.existing("shop").unwrap();
        let writers = [link(&index, 1, &["bob", "carl"]), link(&index, 2, &["bob"])];
        let reader = read_twice(&index);
        assert!(index.link(2, "ana").unwrap());
        let before = index.revision();
        store.flush().unwrap();
        let left = reopened(disk.synced()).unwrap();
        assert!(left.revision >= before && has(&left, 2, "ana"));
        for thread in writers.into_iter().chain([reader]) {
            thread.join().unwrap();
        }
        assert_eq!(close(store, &index, &disk).revision, 5);
    };
    explore(body);
}

/// No reader sees a commit before it would survive a power cut.
#[test]
fn what_is_seen_is_on_disk() {
    let body = || {
        let (store, disk) = open(options());
        let index = store.existing("shop").unwrap();
        let writers = [link(&index, 1, &["bob", "carl"]), link(&index, 2, &["bob"])];
        let mut feed = index.subscribe();
        let seen = index.revision();
        let left = reopened(disk.synced()).unwrap().revision;
        assert!(seen <= left, "{seen} is seen, and {left} is on disk");
        if let Some(Delivery::Commit(commit)) = feed.try_recv() {
            assert!(commit.revision <= reopened(disk.synced()).unwrap().revision);
        }
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(close(store, &index, &disk).revision, 4);
    };
    explore(body);
}

/// The place of `ana` is the first, and becomes free before readers see that. A snapshot may be taken at any moment of
/// the write that needs a place.
pub(super) fn end_and_beginning_beside_a_snapshot() {
    let (store, disk) = open(options());
    let index = store.existing("shop").unwrap();
    let mut feed = index.subscribe();
    let mut batch = index.batch();
    batch.unlink(1, "ana").unwrap();
    let unlinked = batch.submit();
    let writer = link(&index, 1, &["bob"]);
    let held = index.snapshot();
    assert!(unlinked.wait().unwrap().changed());
    writer.join().unwrap();
    let place = next_place(&mut feed).unwrap();
    assert!(place > 0 || !held.contains(1, "ana"), "given away, and a held snapshot shows ana there");
    assert_eq!(close(store, &index, &disk).revision, 3);
}

#[test]
fn a_place_that_a_held_snapshot_shows_is_not_used_again() {
    explore(end_and_beginning_beside_a_snapshot);
}

#[test]
fn writers_that_wait_for_room_go_on() {
    let body = || {
        let (store, disk) = open(options().durability(either()).queued_changes(0));
        let index = store.existing("shop").unwrap();
        let writers = [link(&index, 1, &["bob", "carl"]), link(&index, 2, &["bob", "ana"])];
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(close(store, &index, &disk).revision, 5);
    };
    explore(body);
}

/// Writers of two instances share the committer.
#[test]
fn instances_go_to_disk_together_or_apart() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let index = store.existing("shop").unwrap();
        let other = store.instance("other").unwrap();
        other.upsert_label(1, "Open").unwrap();
        let writers = [link(&index, 1, &["bob", "carl"]), link(&other, 1, &["bob", "carl"])];
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!((other.revision(), close(store, &index, &disk).revision), (3, 3));
        let store = options().open_on(disk).unwrap();
        assert_eq!(store.existing("other").unwrap().revision(), 3);
    };
    explore(body);
}

#[test]
fn a_subscriber_gets_every_commit_and_is_woken() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let index = store.existing("shop").unwrap();
        let (mut one, mut other) = (index.subscribe(), index.subscribe());
        let waiting = [
            thread::spawn(move || to_the_end(|| one.recv())),
            thread::spawn(move || to_the_end(|| block_on(other.recv_async()))),
        ];
        let writers = [link(&index, 1, &["bob"]), link(&index, 2, &["bob", "ana"])];
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(close(store, &index, &disk).revision, 4);
        drop(index);
        assert!(waiting.into_iter().all(|waiting| waiting.join().unwrap() == [2, 3, 4]));
    };
    explore(body);
}
