//! Locks, feed, tickets and stores under a scheduler that tries interleavings, some thousand of each kind.
//!
//! Only built with `--cfg label_index_shuttle`. A thread that is never woken is a deadlock here, which the scheduler
//! reports. `LABEL_INDEX_SCHEDULES` is the number of schedules of each kind and body.

mod feed;
mod index;
mod refresh;
#[cfg(feature = "store")]
mod store;

use std::collections::BTreeSet;
use std::env;
use std::panic::catch_unwind;
use std::sync::{PoisonError, RwLock};

use label_index::{Delivery, LabelIndex, Options, Race, Snapshot, Subscriber, plant_race};
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::{Config, Runner, thread};

use crate::replica::{Folded, Replica};

/// The usual number of schedules of a body that takes a few hundred microseconds.
const MANY: usize = 20_000;

/// The preemptions in a schedule of the second kind.
const DEPTH: usize = 3;

/// The stack of each thread, which is as large as the database of a store needs.
const STACK: usize = 1 << 20;

/// The planted race is global, so a test that plants one takes this lock for writing.
static PLANTED: RwLock<()> = RwLock::new(());

/// The number of schedules in the environment, or the usual one.
fn schedules(usually: usize) -> usize {
    env::var("LABEL_INDEX_SCHEDULES").map_or(usually, |number| number.parse().unwrap())
}

fn run(body: fn(), scheduler: impl Scheduler + 'static) {
    let mut config = Config::new();
    config.stack_size = STACK;
    Runner::new(scheduler, config).run(body);
}

/// Tries that many random schedules, and as many with few preemptions.
fn explore(body: fn(), usually: usize) {
    let _shared = PLANTED.read().unwrap_or_else(PoisonError::into_inner);
    let schedules = schedules(usually);
    run(body, RandomScheduler::new(schedules));
    run(body, PctScheduler::new(DEPTH, schedules));
}

/// Tries schedules with a race in the crate, one of which has to fail, and without the race.
fn expect_to_find(race: Race, body: fn(), usually: usize) {
    let _alone = PLANTED.write().unwrap_or_else(PoisonError::into_inner);
    let is_found = || catch_unwind(|| run(body, RandomScheduler::new(schedules(usually)))).is_err();
    plant_race(Some(race));
    let found = is_found();
    plant_race(None);
    assert!(found, "{race:?} is there, and no schedule shows it");
    assert!(!is_found(), "found without having been planted");
}

/// An index with two labels and one chat that has the first.
fn index(feed_changes: usize) -> LabelIndex {
    let index = Options::new().hash_seed(1).feed_change_limit(feed_changes).build();
    let mut batch = index.batch();
    batch.upsert_label(1, "Open").unwrap();
    batch.upsert_label(2, "Done").unwrap();
    batch.link(1, "ana").unwrap();
    assert_eq!(batch.commit().unwrap().revision, 1);
    index
}

fn link(index: &LabelIndex, label: u32, chats: &'static [&'static str]) -> thread::JoinHandle<()> {
    let index = index.clone();
    thread::spawn(move || {
        for &chat in chats {
            assert!(index.link(label, chat).unwrap());
            assert!(index.contains(label, chat), "a write that returned is not seen");
        }
    })
}

fn ids_of(snapshot: &Snapshot, chat: &str) -> BTreeSet<u32> {
    snapshot.labels_of(chat).iter().filter_map(|label| label.id().decimal()).collect()
}

/// Applies all pending commits; those that are older than the copy are skipped.
fn drain(feed: &mut Subscriber, copy: &mut Folded, index: &LabelIndex) {
    while let Some(delivery) = feed.try_recv() {
        match delivery {
            Delivery::Commit(commit) if commit.revision <= copy.revision() => {}
            Delivery::Commit(commit) => copy.apply(&commit),
            Delivery::Missed { .. } => {
                let snapshot = index.snapshot();
                *copy = Folded::from(&snapshot);
                feed.resume_after(snapshot.revision());
            }
            other => panic!("{other:?}"),
        }
    }
}

fn assert_same(copy: &Folded, index: &LabelIndex) {
    copy.assert_is(Replica::from(&index.snapshot()));
    index.check_invariants().unwrap();
}
