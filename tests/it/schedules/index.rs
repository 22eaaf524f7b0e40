//! Commits and snapshots.

use label_index::Race;
use shuttle::future::block_on;
use shuttle::thread;

use super::{MANY, assert_same, drain, expect_to_find, explore, ids_of, index, link};
use crate::replica::{Folded, Replica};

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
    explore(writers_reader_subscriber, MANY);
}

#[test]
fn a_subscriber_that_reads_the_revision_too_early_is_found() {
    expect_to_find(Race::EarlySubscriber, writers_reader_subscriber, MANY);
}

#[test]
fn a_snapshot_beside_a_writer_shows_one_revision_for_ever() {
    let body = || {
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
    };
    explore(body, MANY);
}

/// A removal is prepared while others write, and brought up to date with their commits.
#[test]
fn a_label_is_removed_beside_writers() {
    let body = || {
        let index = index(64);
        let mut feed = index.subscribe();
        let mut copy = Folded::from(&index.snapshot());
        let removing = {
            let index = index.clone();
            thread::spawn(move || {
                let removed = index.remove_label(1).unwrap();
                assert!(index.label(1).is_none() && !index.contains(1, "ana"));
                removed.links
            })
        };
        let writing = {
            let index = index.clone();
            thread::spawn(move || {
                let linked = [index.link(1, "bob"), index.link(1, "carl")];
                assert!(index.link(2, "dora").unwrap() && index.link(2, "ana").unwrap());
                assert!(index.unlink(2, "dora").unwrap());
                linked.into_iter().filter(|linked| *linked == Ok(true)).count()
            })
        };
        let links = removing.join().unwrap();
        let linked = u64::try_from(writing.join().unwrap()).unwrap();
        assert_eq!(links, 1 + linked, "a link that was refused came after the removal");
        assert_eq!(index.revision(), 5 + linked);
        assert!(ids_of(&index.snapshot(), "ana").into_iter().eq([2]) && index.total_chats() == 1);
        drain(&mut feed, &mut copy, &index);
        assert_same(&copy, &index);
    };
    explore(body, MANY);
}

/// Each of these may find the writer lock held, and wait in the write queue.
#[test]
fn writes_that_do_not_block_take_turns_with_those_that_do() {
    let body = || {
        let index = index(64);
        let blocking = link(&index, 1, &["bob", "carl"]);
        let awaiting = {
            let index = index.clone();
            thread::spawn(move || {
                let (linked, unlinked) = (index.link_async(2, "bob"), index.unlink_async(2, "bob"));
                // Carried out in the order of the calls, whichever is awaited first.
                assert!(block_on(unlinked).unwrap() && block_on(linked).unwrap());
            })
        };
        let waiting = {
            let index = index.clone();
            thread::spawn(move || {
                drop(index.link_async(2, "eve"));
                assert!(index.link_async(2, "dora").wait().unwrap());
                assert!(index.contains(2, "dora"), "a write that returned is not seen");
            })
        };
        for thread in [blocking, awaiting, waiting] {
            thread.join().unwrap();
        }
        assert!(!index.contains(2, "bob") && index.contains(2, "dora"));
        index.check_invariants().unwrap();
    };
    explore(body, MANY);
}
