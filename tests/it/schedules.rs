//! The locks, the feed and the tickets under a scheduler that tries interleavings, some thousand of each kind.
//!
//! Only built with `--cfg label_index_shuttle`.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{PoisonError, RwLock};

use label_index::{Delivery, Error, FullState, LabelIndex, Options, RefreshState, Snapshot, Subscriber, plant_race};
use shuttle::future::block_on;
use shuttle::thread;

use crate::replica::{Folded, Replica};

/// Schedules of each kind and body.
const RANDOM: usize = 20_000;
const PCT: usize = 20_000;

/// Preemptions in a schedule of the second kind.
const DEPTH: usize = 3;

/// The planted race is everybody's: who plants it takes this alone.
static PLANTED: RwLock<()> = RwLock::new(());

fn explore(body: fn()) {
    let _shared = PLANTED.read().unwrap_or_else(PoisonError::into_inner);
    shuttle::check_random(body, RANDOM);
    shuttle::check_pct(body, PCT, DEPTH);
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

/// Takes in everything that is there; what came before the copy is skipped.
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
            Delivery::Closed => panic!("closed"),
        }
    }
}

fn assert_same(copy: &Folded, index: &LabelIndex) {
    copy.assert_is(Replica::from(&index.snapshot()));
    index.check_invariants().unwrap();
}

/// Two writers, a reader, and a subscriber that comes while they write.
fn writers_reader_subscriber() {
    let index = index(64);
    let writers = [link(&index, 1, &["bob", "carl"]), link(&index, 2, &["bob", "dora"])];
    let reader = {
        let index = index.clone();
        thread::spawn(move || {
            let first = index.snapshot();
            let second = index.snapshot();
            assert!(first.revision() <= second.revision());
            assert!(first.total_rows() == first.revision() && second.total_rows() == second.revision());
            assert!(index.revision() >= second.revision());
        })
    };
    let mut feed = index.subscribe();
    let snapshot = index.snapshot();
    assert!(feed.revision() <= snapshot.revision());
    let mut copy = Folded::from(&snapshot);
    drain(&mut feed, &mut copy, &index);
    for thread in writers.into_iter().chain([reader]) {
        thread.join().unwrap();
    }
    drain(&mut feed, &mut copy, &index);
    assert_eq!((index.revision(), feed.revision()), (5, 5));
    assert_same(&copy, &index);
}

#[test]
fn commits_are_whole_in_order_and_without_a_gap() {
    explore(writers_reader_subscriber);
}

#[test]
fn the_planted_race_is_found() {
    let _alone = PLANTED.write().unwrap_or_else(PoisonError::into_inner);
    let is_found =
        || catch_unwind(AssertUnwindSafe(|| shuttle::check_random(writers_reader_subscriber, RANDOM))).is_err();
    plant_race(true);
    let found = is_found();
    plant_race(false);
    assert!(found, "a gap in the feed, and no schedule shows it");
    assert!(!is_found(), "found without having been planted");
}

#[test]
fn a_snapshot_beside_a_writer_shows_one_revision_for_ever() {
    explore(|| {
        let index = index(64);
        let writer = {
            let index = index.clone();
            thread::spawn(move || {
                for (to, from) in [(2, 1), (1, 2)] {
                    let mut batch = index.batch();
                    batch.link(to, "ana").unwrap();
                    batch.unlink(from, "ana").unwrap();
                    assert!(batch.commit().unwrap().changed());
                }
                assert!(index.unlink(1, "ana").unwrap());
                assert!(index.link(2, "eve").unwrap());
            })
        };
        let snapshots: Vec<_> = (0..3).map(|_| index.snapshot()).map(|one| (Replica::from(&one), one)).collect();
        writer.join().unwrap();
        for (was, snapshot) in &snapshots {
            assert_eq!(Replica::from(snapshot), *was);
            let (ana, eve) = (ids_of(snapshot, "ana"), ids_of(snapshot, "eve"));
            let expected = match snapshot.revision() {
                1 | 3 => (vec![1], vec![]),
                2 => (vec![2], vec![]),
                4 => (vec![], vec![]),
                _ => (vec![], vec![2]),
            };
            assert!(ana.into_iter().eq(expected.0) && eve.into_iter().eq(expected.1));
            snapshot.check_invariants().unwrap();
        }
        index.check_invariants().unwrap();
    });
}

/// What the network has: the first label on `ana`, and on `77@lid`.
fn fetched() -> FullState {
    let mut state = FullState::new();
    state.label(1, "Open").unwrap();
    state.label(2, "Done").unwrap();
    state.link(1, "ana").unwrap();
    state.link(1, "77@lid").unwrap();
    state
}

#[test]
fn a_write_beside_a_refresh_wins() {
    explore(|| {
        let index = index(64);
        let mut feed = index.subscribe();
        let mut copy = Folded::from(&index.snapshot());
        let ticket = index.begin_refresh().unwrap();
        let writer = {
            let index = index.clone();
            thread::spawn(move || {
                assert!(index.unlink(1, "ana").unwrap());
                assert!(!index.unlink(2, "ana").unwrap());
                assert!(index.link(2, "bob").unwrap());
                assert!(index.link(2, "ana").unwrap());
            })
        };
        assert!(ticket.commit(fetched()).unwrap().changed());
        let between = ids_of(&index.snapshot(), "77@lid");
        writer.join().unwrap();
        let snapshot = index.snapshot();
        assert!(between.into_iter().eq([1]) && ids_of(&snapshot, "77@lid").into_iter().eq([1]));
        assert!(ids_of(&snapshot, "ana").into_iter().eq([2]) && ids_of(&snapshot, "bob").into_iter().eq([2]));
        drain(&mut feed, &mut copy, &index);
        assert_same(&copy, &index);
    });
}

#[test]
fn an_alias_learnt_beside_a_refresh_is_applied() {
    explore(|| {
        let index = index(64);
        let ticket = index.begin_refresh().unwrap();
        let writer = {
            let index = index.clone();
            thread::spawn(move || {
                assert!(index.merge_chats("77@lid", "bob").unwrap().changed());
                assert!(index.link(2, "77@lid").unwrap());
                assert!(index.remove_label(2).unwrap().changed());
            })
        };
        assert!(ticket.commit(fetched()).unwrap().changed());
        writer.join().unwrap();
        let snapshot = index.snapshot();
        assert!(ids_of(&snapshot, "bob").into_iter().eq([1]) && snapshot.label(2).is_none());
        assert_eq!(snapshot.iter().len(), 2, "nothing is left of the alias");
        index.check_invariants().unwrap();
    });
}

#[test]
fn a_refresh_is_cancelled_or_done() {
    explore(|| {
        let index = index(64);
        let ticket = index.begin_refresh().unwrap();
        let cancelling = {
            let index = index.clone();
            thread::spawn(move || index.cancel_refresh())
        };
        let beginning = {
            let index = index.clone();
            thread::spawn(move || match index.begin_refresh() {
                Ok(ticket) => drop(ticket),
                Err(refused) => assert_eq!(refused, Error::RefreshInProgress),
            })
        };
        let committed = ticket.commit(fetched()).map_err(|refused| refused.cause);
        let is_cancelled = cancelling.join().unwrap();
        beginning.join().unwrap();
        match committed {
            Ok(done) => assert_eq!(index.refresh_state(), RefreshState::Done { revision: done.revision }),
            Err(cause) => {
                assert!(is_cancelled && cause == Error::TicketCancelled);
                assert_eq!((index.refresh_state(), index.revision()), (RefreshState::Never, 1));
            }
        }
        assert!(index.begin_refresh().is_ok(), "none is open");
    });
}

#[test]
fn the_last_subscriber_goes_and_the_next_comes_while_others_write() {
    explore(|| {
        let index = index(64);
        let last = index.subscribe();
        let writers = [link(&index, 1, &["bob", "carl"]), link(&index, 2, &["dora"])];
        let going = thread::spawn(move || drop(last));
        let snapshot = index.snapshot();
        let mut feed = index.subscribe_after(snapshot.revision());
        let mut copy = Folded::from(&snapshot);
        drain(&mut feed, &mut copy, &index);
        for thread in writers.into_iter().chain([going]) {
            thread.join().unwrap();
        }
        drain(&mut feed, &mut copy, &index);
        assert_same(&copy, &index);
    });
}

#[test]
fn a_subscriber_that_fell_behind_goes_on_from_a_snapshot() {
    explore(|| {
        let index = index(1);
        let mut feed = index.subscribe();
        let mut copy = Folded::from(&index.snapshot());
        let writers = [link(&index, 1, &["bob", "carl"]), link(&index, 2, &["dora", "ana"])];
        drain(&mut feed, &mut copy, &index);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        drain(&mut feed, &mut copy, &index);
        assert_same(&copy, &index);
    });
}

/// Receives until the index is gone, and gives the revisions received.
fn to_the_end(mut next: impl FnMut() -> Delivery) -> Vec<u64> {
    let mut revisions = Vec::new();
    loop {
        match next() {
            Delivery::Commit(commit) => revisions.push(commit.revision),
            Delivery::Closed => return revisions,
            Delivery::Missed { after } => panic!("missed after {after}"),
        }
    }
}

/// A lost wake-up is a dead-lock here, and the scheduler reports it.
#[test]
fn who_waits_in_a_thread_is_woken() {
    explore(|| {
        let index = index(64);
        let (mut one, mut other) = (index.subscribe(), index.subscribe());
        let waiting = [
            thread::spawn(move || to_the_end(|| one.recv())),
            thread::spawn(move || to_the_end(|| other.recv_timeout(std::time::Duration::from_secs(1)).unwrap())),
        ];
        let writers = [link(&index, 1, &["bob"]), link(&index, 2, &["bob", "dora"])];
        drop(index);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert!(waiting.into_iter().all(|waiting| waiting.join().unwrap() == [2, 3, 4]));
    });
}

#[test]
fn who_waits_in_async_code_is_woken() {
    explore(|| {
        let index = index(64);
        let (mut one, mut other) = (index.subscribe(), index.subscribe());
        let waiting = [
            thread::spawn(move || to_the_end(|| block_on(one.recv_async()))),
            thread::spawn(move || to_the_end(|| block_on(other.recv_async()))),
        ];
        let writers = [link(&index, 1, &["bob"]), link(&index, 2, &["bob", "dora"])];
        drop(index);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert!(waiting.into_iter().all(|waiting| waiting.join().unwrap() == [2, 3, 4]));
    });
}
