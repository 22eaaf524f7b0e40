//! Receipts that are waited for, awaited and dropped.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use label_index::{Delivery, Error, Receipt, Subscriber};
use shuttle::future::block_on;
use shuttle::thread;

use super::{close, either, explore, has, open, options, submit};
use crate::schedules::link;

/// The last revision among the pending deliveries.
fn newest(feed: &mut Subscriber) -> u64 {
    let mut newest = feed.revision();
    while let Some(Delivery::Commit(commit)) = feed.try_recv() {
        newest = commit.revision;
    }
    newest
}

/// Polls a receipt once, and drops it.
fn look_and_drop(receipt: Receipt) {
    drop(pin!(receipt).poll(&mut Context::from_waker(Waker::noop())));
}

/// Three receipts, and a subscriber that receives when the first is answered.
pub(super) fn waited_awaited_dropped() {
    let (store, disk) = open(options());
    let index = store.existing("shop").unwrap();
    let mut feed = index.subscribe();
    let waited = submit(&index, 1, "bob");
    let waiting = thread::spawn(move || {
        let revision = waited.wait().unwrap().revision;
        assert!(newest(&mut feed) >= revision, "answered, and not in the feed");
        revision
    });
    let awaited = submit(&index, 1, "carl");
    let awaiting = thread::spawn(move || block_on(awaited).unwrap().revision);
    look_and_drop(submit(&index, 1, "dora"));
    assert_eq!((waiting.join().unwrap(), awaiting.join().unwrap()), (2, 3));
    assert!(index.contains(1, "bob") && index.contains(1, "carl"));
    let shown = close(store, &index, &disk);
    assert!(shown.revision == 4 && has(&shown, 1, "dora"));
}

#[test]
fn receipts_are_answered_however_they_are_waited_for() {
    explore(waited_awaited_dropped);
}

/// A receipt of a write that changes nothing waits for the commit on which its answer depends, and may move between
/// tasks.
#[test]
fn a_receipt_of_an_unchanged_pair_waits_for_the_commit_that_made_it() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let index = store.existing("shop").unwrap();
        let (first, again) = (submit(&index, 1, "bob"), submit(&index, 1, "bob"));
        let mut again = Box::pin(again);
        let is_ready = again.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert!(!is_ready || index.contains(1, "bob"));
        let awaiting = {
            let index = index.clone();
            thread::spawn(move || {
                let done = if is_ready { None } else { Some(block_on(again).unwrap()) };
                assert!(index.contains(1, "bob"));
                done.is_none_or(|done| !done.changed())
            })
        };
        assert!(first.wait().unwrap().changed());
        assert!(awaiting.join().unwrap());
        assert_eq!(close(store, &index, &disk).revision, 2);
    };
    explore(body);
}

/// Writes that find no room wait in the write queue, and are carried out in the order of their calls.
#[test]
fn receipts_that_wait_for_room_are_answered() {
    let body = || {
        let (store, disk) = open(options().durability(either()).queued_changes(0));
        let index = store.existing("shop").unwrap();
        let writer = link(&index, 1, &["bob"]);
        let awaiting = {
            let index = index.clone();
            thread::spawn(move || {
                let (linked, unlinked) = (index.link_async(2, "bob"), index.unlink_async(2, "bob"));
                assert!(block_on(unlinked).unwrap() && block_on(linked).unwrap());
            })
        };
        look_and_drop(submit(&index, 2, "eve"));
        let waited = index.link_async(1, "dora");
        assert!(waited.wait().unwrap() && index.contains(1, "dora"));
        writer.join().unwrap();
        awaiting.join().unwrap();
        let shown = close(store, &index, &disk);
        assert!(has(&shown, 1, "bob") && has(&shown, 1, "dora") && !has(&shown, 2, "bob"));
    };
    explore(body);
}

/// Writes in the write queue when the store is dropped are answered.
#[test]
fn receipts_that_wait_for_room_are_told_of_the_end() {
    let body = || {
        let (store, disk) = open(options().durability(either()).queued_changes(0));
        let index = store.existing("shop").unwrap();
        let receipts = [("bob", index.link_async(1, "bob")), ("carl", index.link_async(1, "carl"))];
        let last = index.link_async(1, "dora");
        let waiting = thread::spawn(move || ("dora", last.wait()));
        let awaiting = receipts.map(|(chat, receipt)| thread::spawn(move || (chat, block_on(receipt))));
        let shown = close(store, &index, &disk);
        for thread in awaiting.into_iter().chain([waiting]) {
            match thread.join().unwrap() {
                (chat, Ok(linked)) => assert!(linked && has(&shown, 1, chat)),
                (chat, Err(why)) => assert!(why == Error::StoreClosed && !has(&shown, 1, chat)),
            }
        }
    };
    explore(body);
}
