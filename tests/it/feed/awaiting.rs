//! Waiting for a delivery in async code, with a runtime and without.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use label_index::{Delivery, LabelIndex, Subscriber};

use super::revisions;

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

/// The revision of the next commit, which may be visible before it is delivered.
fn received(feed: &mut Subscriber) -> u64 {
    revision(feed.recv_timeout(Duration::from_secs(60)).expect("a commit"))
}

/// Wakes a thread that runs one future.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A minimal executor.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Counts how often it is woken.
#[derive(Default)]
struct Counter(AtomicUsize);

impl Wake for Counter {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// Waits until a waker on another thread has made a condition true.
fn await_that(is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "it never became so");
        thread::yield_now();
    }
}

/// Calls a closure when it is woken.
struct Busy<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Busy<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn poll(feed: &mut Subscriber, waker: &Waker) -> Poll<Delivery> {
    feed.poll_recv(&mut Context::from_waker(waker))
}

#[test]
fn a_minimal_executor_can_await_the_feed() {
    let index = index();
    let mut feed = index.subscribe();
    let waiting = thread::spawn(move || {
        block_on(async {
            let mut seen = Vec::new();
            loop {
                match feed.recv_async().await {
                    Delivery::Commit(commit) => seen.push(commit.revision),
                    Delivery::Closed => return seen,
                    other => panic!("{other:?}"),
                }
            }
        })
    });
    for chat in 0..100 {
        assert!(index.link("1", chat.to_string()).unwrap());
        if chat % 10 == 0 {
            thread::sleep(Duration::from_millis(1));
        }
    }
    drop(index);
    assert!(waiting.join().unwrap().into_iter().eq(2..=101));
}

#[test]
fn tokio_can_await_the_feed() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
    let index = index();
    let counted = runtime.block_on(async {
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let mut feed = index.subscribe();
                tokio::spawn(async move {
                    let mut expected = 2;
                    while let Delivery::Commit(commit) = feed.recv_async().await {
                        assert_eq!(commit.revision, expected);
                        expected += 1;
                        tokio::task::yield_now().await;
                    }
                    expected
                })
            })
            .collect();
        let writer = tokio::task::spawn_blocking(move || {
            for chat in 0..500 {
                assert!(index.link("1", chat.to_string()).unwrap());
            }
        });
        writer.await.unwrap();
        let mut counted = Vec::new();
        for task in tasks {
            counted.push(task.await.unwrap());
        }
        counted
    });
    assert_eq!(counted, [502; 4]);
}

#[test]
fn tokio_can_select_between_the_feed_and_something_else() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let index = index();
    runtime.block_on(async {
        let mut feed = index.subscribe();
        let nothing = tokio::time::timeout(Duration::from_millis(10), feed.recv_async()).await;
        assert!(nothing.is_err());
        assert!(index.link("1", "ana").unwrap());
        let there = tokio::time::timeout(Duration::from_secs(30), feed.recv_async()).await;
        assert_eq!(there.map(revision), Ok(2), "the future that was dropped took nothing with it");
    });
}

#[test]
fn a_task_is_woken_once_for_each_time_that_it_waited() {
    let index = index();
    let mut feed = index.subscribe();
    let counter = Arc::new(Counter::default());
    let waker = Waker::from(Arc::clone(&counter));
    let woken = || counter.0.load(Ordering::SeqCst);
    assert!(poll(&mut feed, &waker).is_pending());
    assert!(poll(&mut feed, &waker).is_pending());
    assert_eq!(woken(), 0);
    assert!(index.link("1", "ana").unwrap());
    await_that(|| woken() == 1);
    assert!(index.link("1", "bob").unwrap());
    assert_eq!(woken(), 1, "nobody waits");
    assert!(poll(&mut feed, &waker).map(revision) == Poll::Ready(2) && poll(&mut feed, &waker).is_ready());
    assert!(!index.link("1", "bob").unwrap());
    assert_eq!(woken(), 1);
    assert!(poll(&mut feed, &waker).is_pending());
    drop(index);
    await_that(|| woken() == 2);
    assert_eq!(poll(&mut feed, &waker), Poll::Ready(Delivery::Closed));
}

#[test]
fn the_last_waker_given_is_the_one_that_is_called() {
    let index = index();
    let mut feed = index.subscribe();
    let counters = [Arc::new(Counter::default()), Arc::new(Counter::default())];
    for counter in &counters {
        assert!(poll(&mut feed, &Waker::from(Arc::clone(counter))).is_pending());
    }
    assert_eq!(Arc::strong_count(&counters[0]), 1, "the former one is let go");
    assert!(index.link("1", "ana").unwrap());
    await_that(|| counters[1].0.load(Ordering::SeqCst) == 1);
    assert_eq!(counters[0].0.load(Ordering::SeqCst), 0);
}

#[test]
fn a_dropped_subscriber_wakes_nobody() {
    let index = index();
    let (mut feed, _other) = (index.subscribe(), index.subscribe());
    let counter = Arc::new(Counter::default());
    assert!(poll(&mut feed, &Waker::from(Arc::clone(&counter))).is_pending());
    drop(feed);
    assert_eq!(Arc::strong_count(&counter), 1);
    assert!(index.link("1", "ana").unwrap());
    assert_eq!(counter.0.load(Ordering::SeqCst), 0);
}

#[test]
fn a_waker_is_called_without_any_lock() {
    let index = index();
    let mut feed = index.subscribe();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let waker = {
        let (index, seen) = (index.clone(), Arc::clone(&seen));
        Waker::from(Arc::new(Busy(move || {
            let mut inner = index.subscribe();
            assert!(index.link("1", "from the waker").unwrap());
            let snapshot = index.snapshot();
            let ticket = index.begin_refresh().unwrap();
            assert!(index.cancel_refresh());
            drop(ticket);
            seen.lock().unwrap().push((snapshot.revision(), revisions(&mut inner)));
        })))
    };
    assert!(poll(&mut feed, &waker).is_pending());
    assert!(index.link("1", "ana").unwrap());
    await_that(|| !seen.lock().unwrap().is_empty());
    assert_eq!(*seen.lock().unwrap(), [(3, vec![3])]);
    assert_eq!(revisions(&mut feed), [2, 3]);
}

#[test]
fn a_waker_is_called_without_any_lock_after_a_batch_and_a_refresh() {
    let index = index();
    let mut feed = index.subscribe();
    let calls = Arc::new(Counter::default());
    let waker = {
        let (index, calls) = (index.clone(), Arc::clone(&calls));
        Waker::from(Arc::new(Busy(move || {
            let call = calls.0.fetch_add(1, Ordering::SeqCst);
            assert!(index.ensure_label(format!("waker {call}").as_str()).unwrap().changed());
            drop(index.subscribe());
        })))
    };
    assert!(poll(&mut feed, &waker).is_pending());
    let mut batch = index.batch();
    batch.link_all("1", (0..20).map(|chat| chat.to_string())).unwrap();
    assert!(batch.commit().unwrap().changed());
    assert_eq!([received(&mut feed), received(&mut feed)], [2, 3]);
    assert!(poll(&mut feed, &waker).is_pending());
    let ticket = index.begin_refresh().unwrap();
    assert!(ticket.commit_even_if_empty(label_index::FullState::new()).unwrap().changed());
    assert_eq!([received(&mut feed), received(&mut feed)], [4, 5]);
    assert_eq!(calls.0.load(Ordering::SeqCst), 2);
}
