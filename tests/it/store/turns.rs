//! Which thread waits for which at the disk, counted in syncs of a simulated disk.

use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use label_index::{Durability, Error, LabelIndex, Store, StoreOptions};

use super::held_disk::HeldDisk;

/// The longest time that a test waits for an answer that has to come.
const LONG: Duration = Duration::from_secs(60);

/// The time in which a thread should reach the disk and wait there. If it needs longer, more syncs are counted.
const A_WHILE: Duration = Duration::from_millis(100);

/// Longer than any test.
const HOURS: Duration = Duration::from_secs(100_000);

/// Options without automatic checkpoints.
fn options() -> StoreOptions {
    StoreOptions::new().checkpoint_floor(u64::MAX)
}

fn labelled(store: &Store, name: &str) -> LabelIndex {
    let index = store.instance(name).unwrap();
    index.upsert_label(1, "VIP").unwrap();
    index
}

/// Links chats with long ids, which take about `bytes` bytes in the log and in a checkpoint.
fn link_bytes(index: &LabelIndex, bytes: usize) {
    const ID: usize = 250;
    drop(index.link_all(1, (0..bytes / ID).map(|n| format!("{n:>0width$}", width = ID))).unwrap());
}

/// Runs a closure in a thread of its own, which sends the result.
fn apart<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> Receiver<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || drop(sender.send(run())));
    receiver
}

/// A store whose file has free space for later writes: growing a file takes a sync as well.
fn roomy(disk: &HeldDisk) -> Store {
    let store = options().open_on(disk.clone()).unwrap();
    link_bytes(&labelled(&store, "former"), 32 << 20);
    store.remove_instance("former").unwrap();
    store
}

/// Counts the syncs that are permitted before `run` returns, while a checkpoint of eight pieces is written. The
/// checkpoint is in its second sync when `run` begins.
fn syncs_beside_a_checkpoint(store: &Store, disk: &HeldDisk, run: impl FnOnce() + Send) -> usize {
    thread::scope(|scope| {
        disk.hold();
        let checkpoint = scope.spawn(|| store.checkpoint().unwrap());
        disk.await_sync();
        disk.permit_one();
        disk.await_sync();
        let running = scope.spawn(run);
        let mut syncs = 0;
        thread::sleep(A_WHILE);
        while !running.is_finished() {
            disk.permit_one();
            syncs += 1;
            thread::sleep(A_WHILE);
        }
        assert!(!checkpoint.is_finished(), "the checkpoint was over, so this says nothing");
        disk.release();
        syncs
    })
}

/// A thread that comes while a piece is written gets the disk next, before the other pieces of the checkpoint.
#[test]
fn a_write_waits_for_one_piece_of_a_checkpoint() {
    let disk = HeldDisk::default();
    let store = roomy(&disk);
    let (large, other) = (labelled(&store, "large"), labelled(&store, "other"));
    drop(labelled(&store, "idle"));
    link_bytes(&large, 8 << 20);
    let before = disk.syncs();
    assert!(other.link(1, "ana").unwrap());
    assert_eq!(disk.syncs() - before, 1);
    // The piece that is being written, and the commit itself.
    assert_eq!(syncs_beside_a_checkpoint(&store, &disk, || assert!(other.link(1, "bob").unwrap())), 2);
    large.unlink_all(1, large.snapshot().iter().map(|chat| chat.chat_id)).unwrap();
    link_bytes(&large, 8 << 20);
    assert_eq!(syncs_beside_a_checkpoint(&store, &disk, || assert!(store.unload("idle").unwrap())), 1);
}

/// A loaded instance can be opened and read whatever happens at the disk.
#[test]
fn a_loaded_instance_is_given_out_while_the_disk_is_stuck() {
    type Act = fn(&Store);
    let acts: [Act; 5] = [
        |store| drop(store.instance("new").unwrap()),
        |store| store.remove_instance("other").unwrap(),
        |store| assert!(store.instance("other").unwrap().link(1, "bob").unwrap()),
        |store| store.checkpoint().unwrap(),
        |store| drop(store.import(&b"{\"export\":{\"version\":1}}\n{\"instance\":"[..])),
    ];
    for act in acts {
        let disk = HeldDisk::default();
        let store = std::sync::Arc::new(options().open_on(disk.clone()).unwrap());
        let other = labelled(&store, "other");
        assert!(labelled(&store, "shop").link(1, "ana").unwrap());
        disk.hold();
        let acting = std::sync::Arc::clone(&store);
        let acted = apart(move || act(&acting));
        let needs_the_disk = acted.recv_timeout(A_WHILE).is_err();
        let asking = std::sync::Arc::clone(&store);
        let asked = apart(move || {
            let index = asking.instance("shop").unwrap();
            assert!(asking.instances().len() <= 3 && asking.existing("shop").is_ok());
            assert_eq!(asking.existing("none").unwrap_err(), Error::UnknownInstance { name: "none".into() });
            index.contains(1, "ana")
        });
        assert_eq!(asked.recv_timeout(LONG), Ok(true));
        disk.release();
        if needs_the_disk {
            acted.recv_timeout(LONG).unwrap();
        }
        drop(other);
    }
}

/// Instances that are requested while another one is made wait, and are made together.
#[test]
fn instances_that_are_made_at_once_share_syncs() {
    let disk = HeldDisk::default();
    let store = options().open_on(disk.clone()).unwrap();
    let before = disk.syncs();
    store.instance("one").unwrap();
    let each = disk.syncs() - before;
    disk.hold();
    let before = disk.syncs();
    thread::scope(|scope| {
        scope.spawn(|| store.instance("first").unwrap());
        disk.await_sync();
        for number in 0..16 {
            let store = &store;
            scope.spawn(move || store.instance(&format!("shop {number}")).unwrap().upsert_label(1, "VIP").map(drop));
        }
        thread::sleep(A_WHILE);
        disk.release();
    });
    // One sync for the first, one for the others, and one for their labels; each group may be split a few times.
    let syncs = disk.syncs() - before;
    assert!(syncs <= 8 * each, "{syncs} syncs for 17 instances and 16 labels");
    assert_eq!(store.instances().len(), 18);
    drop(store);
    let store = options().open_on(disk).unwrap();
    assert!((0..16).all(|number| store.existing(&format!("shop {number}")).unwrap().labels().len() == 1));
}

#[test]
fn a_store_of_many_instances_is_closed_in_few_syncs() {
    const INSTANCES: usize = 200;
    let disk = HeldDisk::default();
    let store = options().open_on(disk.clone()).unwrap();
    for number in 0..INSTANCES {
        link_bytes(&labelled(&store, &number.to_string()), 80 << 10);
    }
    let before = disk.syncs();
    drop(store);
    let syncs = disk.syncs() - before;
    assert!(syncs < INSTANCES / 4, "{syncs} syncs for {INSTANCES} checkpoints of 80 KiB");
    let store = options().open_on(disk).unwrap();
    for number in 0..INSTANCES {
        let index = store.existing(&number.to_string()).unwrap();
        index.check_invariants().unwrap();
        assert_eq!(index.total_chats(), (80 << 10) / 250);
    }
}

/// A store that may keep commits in memory for hours writes them at once when a caller waits for it.
#[test]
fn no_caller_waits_for_the_interval_of_commits() {
    let store = options().durability(Durability::Within(HOURS)).queued_changes(2).open_on(HeldDisk::default()).unwrap();
    let index = labelled(&store, "shop");
    let written = apart(move || {
        // Two changes may be queued, so most of these wait for room.
        for chat in 0..50 {
            assert!(index.link(1, format!("chat {chat}")).unwrap());
        }
        store.flush().unwrap();
        assert!(index.link(1, "before the checkpoint").unwrap());
        store.checkpoint().unwrap();
        assert!(index.link(1, "before the instance is unloaded").unwrap());
        drop(index);
        assert!(store.unload("shop").unwrap());
        let index = store.existing("shop").unwrap();
        assert!(index.link(1, "before the store is closed").unwrap());
        drop(store);
        index.total_chats()
    });
    assert_eq!(written.recv_timeout(LONG), Ok(53));
}
