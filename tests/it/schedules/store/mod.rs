//! Stores: writers and their committer, checkpoints, instances that come and go, and disks that fail.
//!
//! A call into the database is one step here, since its locks do not belong to the scheduler, and no write transaction
//! is open when another thread runs. Time does not pass: a committer that may wait for some time continues at a moment
//! that the scheduler chooses, so every length of such a wait is tried.

mod checkpoints;
mod commits;
#[path = "../../store/power/disk.rs"]
#[allow(dead_code, reason = "schedules need less of it")]
mod disk;
mod failing;
mod instances;
mod loading;
mod planted;
#[path = "../../store/power/random.rs"]
#[allow(dead_code, reason = "schedules need less of it")]
mod random;
mod receipts;
mod refresh;
mod removed;
mod wakers;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use disk::Disk;
use label_index::{ChatId, Durability, LabelIndex, Receipt, Store, StoreOptions};
use shuttle::rand::{Rng, thread_rng};
use shuttle::scheduler::RandomScheduler;
use shuttle::thread;

use crate::replica::Replica;

/// The usual number of schedules of a body that takes milliseconds.
const FEW: usize = 2_000;

/// Visible at once, and on disk as soon as the committer runs.
const SOON: Durability = Durability::Within(Duration::ZERO);

/// A closed store with the instance "shop" at revision 1: two labels, and `ana`, who has the first.
static CLOSED: OnceLock<Vec<u8>> = OnceLock::new();

/// Makes the store with which every schedule begins. Its locks need a scheduler.
fn prepare() {
    let make = || {
        let disk = Disk::default();
        let store = StoreOptions::new().open_on(disk.clone()).unwrap();
        let index = store.instance("shop").unwrap();
        let mut batch = index.batch();
        batch.upsert_label(1, "Open").unwrap();
        batch.upsert_label(2, "Done").unwrap();
        batch.link(1, "ana").unwrap();
        assert_eq!(batch.commit().unwrap().revision, 1);
        drop((index, store));
        CLOSED.get_or_init(|| disk.bytes());
    };
    super::run(make, RandomScheduler::new(1));
}

fn explore(body: fn()) {
    prepare();
    super::explore(body, FEW);
}

fn options() -> StoreOptions {
    StoreOptions::new().cache_bytes(1 << 16)
}

/// One of the two modes, chosen by the scheduler.
fn either() -> Durability {
    if thread_rng().r#gen() { Durability::Synced } else { SOON }
}

/// Opens the store that is made by [`prepare`].
fn open(options: StoreOptions) -> (Store, Disk) {
    let disk = Disk::from(CLOSED.get().unwrap().clone());
    (options.open_on(disk.clone()).unwrap(), disk)
}

/// Runs threads that share a store. Returns the store and their results. It uses none of the scheduler's scopes, which
/// wake the thread that opened them even if it waits for something else.
fn at_once<T: Send + 'static, const N: usize>(store: Store, threads: [fn(&Store) -> T; N]) -> (Store, [T; N]) {
    let store = Arc::new(store);
    let threads = threads.map(|run| {
        let store = Arc::clone(&store);
        thread::spawn(move || run(&store))
    });
    let given = threads.map(|thread| thread.join().unwrap());
    (Arc::into_inner(store).unwrap(), given)
}

fn submit(index: &LabelIndex, label: u32, chat: &str) -> Receipt {
    let mut batch = index.batch();
    batch.link(label, chat).unwrap();
    batch.submit()
}

fn has(replica: &Replica, label: u32, chat: &str) -> bool {
    let chat: ChatId = chat.parse().unwrap();
    replica.links.get(&chat).is_some_and(|labels| labels.contains(&label.into()))
}

/// The contents of "shop" when a disk with these bytes is opened; `None` if it does not exist.
fn reopened(bytes: Vec<u8>) -> Option<Replica> {
    let store = options().open_on(Disk::from(bytes)).unwrap();
    store.instances().contains(&"shop".to_owned()).then(|| {
        let index = store.existing("shop").unwrap();
        index.check_invariants().unwrap();
        Replica::from(&index.snapshot())
    })
}

/// Closes the store, and requires that its disk has what the index shows. Returns that.
fn close(store: Store, index: &LabelIndex, disk: &Disk) -> Replica {
    drop(store);
    index.check_invariants().unwrap();
    let shown = Replica::from(&index.snapshot());
    assert_eq!(reopened(disk.bytes()).as_ref(), Some(&shown));
    shown
}
