//! Subscribers that begin, end, fall behind and wait.

use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use label_index::{Delivery, Subscriber};
use shuttle::future::block_on;
use shuttle::sync::{Barrier, Mutex, mpsc};
use shuttle::thread;

use super::{MANY, assert_same, drain, explore, index, link};
use crate::replica::Folded;

#[test]
fn the_last_subscriber_goes_and_the_next_comes_while_others_write() {
    let body = || {
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
    };
    explore(body, MANY);
}

#[test]
fn the_last_subscriber_goes_while_others_write() {
    let body = || {
        let index = index(64);
        let last = index.subscribe();
        let writers = [link(&index, 1, &["bob", "carl"]), link(&index, 2, &["dora"])];
        drop(last);
        index.check_invariants().unwrap();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        index.check_invariants().unwrap();
    };
    explore(body, MANY);
}

#[test]
fn a_subscriber_that_fell_behind_goes_on_from_a_snapshot() {
    let body = || {
        let index = index(1);
        let mut feed = index.subscribe();
        let mut copy = Folded::from(&index.snapshot());
        let writers = [link(&index, 1, &["bob", "carl"]), link(&index, 2, &["dora", "ana"])];
        drain(&mut feed, &mut copy, &index);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        drain(&mut feed, &mut copy, &index);
        assert_same(&copy, &index);
    };
    explore(body, MANY);
}

/// Receives until the index is dropped. Returns the received revisions.
pub(super) fn to_the_end(mut next: impl FnMut() -> Delivery) -> Vec<u64> {
    let mut revisions = Vec::new();
    loop {
        match next() {
            Delivery::Commit(commit) => revisions.push(commit.revision),
            Delivery::Closed => return revisions,
            other => panic!("{other:?}"),
        }
    }
}

/// A lost wake-up is a deadlock here, which the scheduler reports.
#[test]
fn a_waiting_thread_is_woken() {
    let body = || {
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
    };
    explore(body, MANY);
}

#[test]
fn a_waiting_task_is_woken() {
    let body = || {
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
    };
    explore(body, MANY);
}

struct Run<F>(F);

impl<F: Fn() + Send + Sync> Wake for Run<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

/// Makes a subscriber wait with a waker that calls `run`.
pub(super) fn wait(subscriber: &mut Subscriber, run: impl Fn() + Send + Sync + 'static) {
    let waker = Waker::from(Arc::new(Run(run)));
    assert!(subscriber.poll_recv(&mut Context::from_waker(&waker)).is_pending());
}

#[test]
fn wakers_that_block_and_call_back_delay_no_write() {
    let body = || {
        let index = index(64);
        let [mut blocking, mut calling, mut honest] = [(); 3].map(|()| index.subscribe());
        let barrier = Arc::new(Barrier::new(2));
        let blocked = Arc::clone(&barrier);
        wait(&mut blocking, move || {
            blocked.wait();
        });
        let (sender, linked) = mpsc::channel();
        let last = Mutex::new(Some((index.clone(), sender)));
        wait(&mut calling, move || {
            let (index, sender) = last.lock().unwrap().take().unwrap();
            let answer = index.link(2, "bob");
            drop(index);
            sender.send(answer).unwrap();
        });
        let reader = thread::spawn(move || to_the_end(|| block_on(honest.recv_async())));
        assert!(index.link(1, "carl").unwrap() && index.link(1, "dora").unwrap());
        assert_eq!(linked.recv().unwrap(), Ok(true));
        drop(index);
        assert_eq!(reader.join().unwrap(), [2, 3, 4]);
        barrier.wait();
    };
    explore(body, MANY);
}
