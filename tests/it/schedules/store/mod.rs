//! Stores: writers and their committer, checkpoints, instances that come and go, and disks that fail.
//!
//! A call into the database is one step here, since nothing in it belongs to the scheduler, and no write transaction is
//! open when another thread gets its turn. Time does not pass: a committer that may wait for some time goes on at
//! whatever moment the scheduler chooses, which is all that such a time can amount to.

mod checkpoints;
mod commits;
#[path = "../../store/power/disk.rs"]
#[allow(dead_code, reason = "schedules need less of it")]
mod disk;
mod failing;
mod instances;
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

/// The usual number of schedules for what takes milliseconds.
const FEW: usize = 2_000;

/// Visible at once, and on disk as soon as the committer gets its turn.
const SOON: Durability = Durability::Within(Duration::ZERO);

/// A closed store with the instance "shop" at revision 1: two labels, and `ana`, who has the first.
static CLOSED: OnceLock<Vec<u8>> = OnceLock::new();

/// Makes what every schedule begins with. Locks need a scheduler.
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

/// One mode or the other, as the scheduler chooses.
fn either() -> Durability {
    if thread_rng().r#gen() { Durability::Synced } else { SOON }
}

/// Opens the store that is made by [`prepare`].
fn open(options: StoreOptions) -> (Store, Disk) {
    let disk = Disk::from(CLOSED.get().unwrap().clone());
    (options.open_on(disk.clone()).unwrap(), disk)
}

/// Runs threads that share a store, and gives it back with what each gives. The scheduler's own scopes wake who opened
/// them whatever that one waits for, so this is none.
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

/// What "shop" is when a disk with these bytes is opened, if it is there.
fn reopened(bytes: Vec<u8>) -> Option<Replica> {
    let store = options().open_on(Disk::from(bytes)).unwrap();
    store.instances().contains(&"shop".to_owned()).then(|| {
        let index = store.existing("shop").unwrap();
        index.check_invariants().unwrap();
        Replica::from(&index.snapshot())
    })
}

/// Closes the store. What is on its disk then is what the index shows, which is given.
fn close(store: Store, index: &LabelIndex, disk: &Disk) -> Replica {
    drop(store);
    index.check_invariants().unwrap();
    let shown = Replica::from(&index.snapshot());
    assert_eq!(reopened(disk.bytes()).as_ref(), Some(&shown));
    shown
}
