//! Checkpoints at the same time as other operations.

use label_index::{Delivery, Limits, Store, StoreOptions};
use shuttle::future::block_on;
use shuttle::thread;

use super::{at_once, close, either, explore, open, options};
use crate::replica::Replica;
use crate::schedules::link;

/// A checkpoint is due after every commit.
fn eager() -> StoreOptions {
    options().checkpoint_floor(0).checkpoint_percent(0)
}

#[test]
fn a_checkpoint_waits_for_no_snapshot_and_no_subscriber() {
    let body = || {
        let mut limits = Limits::default();
        limits.feed_changes = 1;
        let (store, disk) = open(eager().durability(either()).limits(limits));
        let index = store.existing("shop").unwrap();
        let (held, mut slow) = (index.snapshot(), index.subscribe());
        let was = Replica::from(&held);
        let writers = [link(&index, 1, &["bob", "carl"]), link(&index, 2, &["ana"])];
        store.checkpoint().unwrap();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(Replica::from(&held), was);
        assert_eq!(close(store, &index, &disk).revision, 4);
        assert_eq!(slow.try_recv(), Some(Delivery::Closed), "what it did not get is on disk, and that is closed");
    };
    explore(body);
}

/// A task that is behind the feed in memory gets older commits from disk, during writes and checkpoints that trim the
/// log.
#[test]
fn a_task_that_is_behind_reads_beside_checkpoints() {
    let body = || {
        let mut limits = Limits::default();
        limits.feed_changes = 1;
        let (store, disk) = open(eager().durability(either()).limits(limits).retain_changes(4));
        let index = store.existing("shop").unwrap();
        let mut feed = index.subscribe();
        let writer = link(&index, 1, &["bob", "carl", "dora"]);
        let reader = thread::spawn(move || {
            for revision in 2..=4 {
                let delivery = block_on(feed.recv_async());
                assert!(matches!(delivery, Delivery::Commit(commit) if commit.revision == revision));
            }
        });
        store.checkpoint().unwrap();
        writer.join().unwrap();
        reader.join().unwrap();
        assert_eq!(close(store, &index, &disk).revision, 4);
    };
    explore(body);
}

/// A subscriber that reads from the disk when the store is closed gets the commits, or is told that the store is
/// closed.
#[test]
fn a_store_is_closed_while_a_subscriber_is_behind() {
    let body = || {
        let mut limits = Limits::default();
        limits.feed_changes = 1;
        let (store, disk) = open(eager().limits(limits).retain_changes(4));
        let index = store.existing("shop").unwrap();
        let mut feed = index.subscribe();
        link(&index, 1, &["bob", "carl", "dora"]).join().unwrap();
        let reader = thread::spawn(move || {
            loop {
                let expected = feed.revision() + 1;
                match block_on(feed.recv_async()) {
                    Delivery::Commit(commit) => assert_eq!(commit.revision, expected),
                    Delivery::Closed => return feed.revision(),
                    other => panic!("{other:?}"),
                }
            }
        });
        assert_eq!(close(store, &index, &disk).revision, 4);
        assert!(reader.join().unwrap() <= 4);
    };
    explore(body);
}

#[test]
fn checkpoints_asked_for_at_once_go_one_after_the_other() {
    let body = || {
        let (store, disk) = open(eager());
        let index = store.existing("shop").unwrap();
        let writer = link(&index, 1, &["bob"]);
        let (store, _) = at_once(store, [|store| store.checkpoint().unwrap(); 2]);
        writer.join().unwrap();
        assert_eq!(close(store, &index, &disk).revision, 2);
    };
    explore(body);
}

/// A checkpoint in progress is abandoned when its instance is unloaded, and may begin again under the same number.
#[test]
fn an_instance_is_unloaded_beside_its_checkpoint() {
    let body = || {
        let (store, disk) = open(eager());
        assert!(store.existing("shop").unwrap().link(1, "bob").unwrap());
        let go_on = |store: &Store| {
            let _was_loaded = store.unload("shop").unwrap();
            assert!(store.existing("shop").unwrap().link(1, "carl").unwrap());
        };
        let (store, _) = at_once(store, [|store| store.checkpoint().unwrap(), go_on]);
        let index = store.existing("shop").unwrap();
        assert_eq!(close(store, &index, &disk).revision, 3);
    };
    explore(body);
}
