//! Waiting for a delivery in a thread.

use std::thread;
use std::time::{Duration, Instant};

use label_index::{Delivery, FullState, LabelIndex};

use super::revisions;

/// Longer than any wait takes unless something is wrong.
const LONG: Duration = Duration::from_secs(30);

fn index() -> LabelIndex {
    let index = LabelIndex::new();
    assert!(index.upsert_label("1", "VIP").unwrap().changed());
    index
}

fn revision(delivery: Delivery) -> u64 {
    match delivery {
        Delivery::Commit(commit) => commit.revision,
        other => panic!("no commit: {other:?}"),
    }
}

#[test]
fn recv_gives_what_is_there_without_waiting() {
    let index = index();
    let mut feed = index.subscribe();
    assert!(index.link("1", "ana").unwrap());
    assert_eq!(revision(feed.recv()), 2);
}

#[test]
fn recv_waits_for_the_next_commit() {
    let index = index();
    let mut feed = index.subscribe();
    let waiting = thread::spawn(move || (revision(feed.recv()), revision(feed.recv())));
    thread::sleep(Duration::from_millis(20));
    assert!(!waiting.is_finished());
    assert!(index.link("1", "ana").unwrap());
    assert!(index.link("1", "bob").unwrap());
    assert_eq!(waiting.join().unwrap(), (2, 3));
}

#[test]
fn every_waiting_thread_is_woken() {
    let index = index();
    let waiting: Vec<_> = (0..8)
        .map(|_| {
            let mut feed = index.subscribe();
            thread::spawn(move || revision(feed.recv()))
        })
        .collect();
    thread::sleep(Duration::from_millis(20));
    assert!(index.link("1", "ana").unwrap());
    assert!(waiting.into_iter().all(|waiting| waiting.join().unwrap() == 2));
}

#[test]
fn recv_timeout_gives_up_in_time() {
    let index = index();
    let mut feed = index.subscribe();
    let began = Instant::now();
    assert_eq!(feed.recv_timeout(Duration::from_millis(30)), None);
    assert!(began.elapsed() >= Duration::from_millis(30) && began.elapsed() < LONG);
    assert_eq!(feed.recv_timeout(Duration::ZERO), None);
    assert!(index.link("1", "ana").unwrap());
    assert_eq!(feed.recv_timeout(Duration::ZERO).map(revision), Some(2), "nothing was lost");
}

#[test]
fn recv_timeout_gives_the_next_commit() {
    let index = index();
    let mut feed = index.subscribe();
    let waiting =
        thread::spawn(move || (feed.recv_timeout(LONG).map(revision), feed.recv_timeout(Duration::MAX).map(revision)));
    thread::sleep(Duration::from_millis(20));
    assert!(index.link("1", "ana").unwrap());
    thread::sleep(Duration::from_millis(20));
    assert!(index.link("1", "bob").unwrap());
    assert_eq!(waiting.join().unwrap(), (Some(2), Some(3)));
}

#[test]
fn try_recv_never_waits() {
    let index = index();
    let mut feed = index.subscribe();
    assert_eq!(feed.try_recv(), None);
}

#[test]
fn closed_comes_when_the_last_handle_is_gone() {
    let index = index();
    let other = index.clone();
    let mut feed = index.subscribe();
    assert!(index.link("1", "ana").unwrap());
    drop(index);
    assert!(other.link("1", "bob").unwrap());
    drop(other);
    assert_eq!(revisions(&mut feed), [2, 3], "what was committed before is delivered");
    assert_eq!(feed.try_recv(), Some(Delivery::Closed));
    assert_eq!(feed.recv(), Delivery::Closed);
    assert_eq!(feed.recv_timeout(LONG), Some(Delivery::Closed));
}

#[test]
fn closing_wakes_waiting_threads() {
    let index = index();
    let (mut one, mut other) = (index.subscribe(), index.subscribe());
    let waiting = thread::spawn(move || one.recv());
    let waiting_long = thread::spawn(move || other.recv_timeout(LONG));
    thread::sleep(Duration::from_millis(20));
    drop(index);
    assert_eq!(waiting.join().unwrap(), Delivery::Closed);
    assert_eq!(waiting_long.join().unwrap(), Some(Delivery::Closed));
}

#[test]
fn batches_and_tickets_are_handles_and_snapshots_are_not() {
    let index = index();
    let mut feed = index.subscribe();
    let (mut batch, ticket, snapshot) = (index.batch(), index.begin_refresh().unwrap(), index.snapshot());
    drop(index);
    batch.link("1", "ana").unwrap();
    assert!(batch.commit().unwrap().changed());
    assert!(ticket.commit_even_if_empty(FullState::new()).unwrap().changed());
    assert_eq!(revisions(&mut feed), [2, 3]);
    assert_eq!(feed.try_recv(), Some(Delivery::Closed));
    assert_eq!(snapshot.revision(), 1);
}

#[test]
fn a_subscriber_does_not_keep_the_index() {
    let index = index();
    let mut feed = index.subscribe_after(7);
    drop(index);
    assert_eq!(feed.try_recv(), Some(Delivery::Missed { after: 7 }), "first it has to say where it goes on");
    feed.resume_after(1);
    assert_eq!(feed.try_recv(), Some(Delivery::Closed));
}
