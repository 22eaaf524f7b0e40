//! Wakers of hosts that panic, block, call back, and drop the last handle of the store.

use std::sync::Arc;

use label_index::{Delivery, Error, Store};
use shuttle::future::block_on;
use shuttle::sync::{Barrier, Mutex, mpsc};
use shuttle::thread;

use super::{close, either, explore, has, open, options, reopened};
use crate::schedules::feed::wait;

/// A panic without the report that the hook would print for each schedule.
fn panic_quietly() {
    std::panic::resume_unwind(Box::new("a waker of the host panics"));
}

#[test]
fn wakers_that_panic_and_call_back_harm_nobody() {
    let body = || {
        let (store, disk) = open(options().durability(either()).checkpoint_floor(0).checkpoint_percent(0));
        let index = store.existing("shop").unwrap();
        let [mut panicking, mut calling, mut honest] = [(); 3].map(|()| index.subscribe());
        wait(&mut panicking, panic_quietly);
        let writer = index.clone();
        wait(&mut calling, move || {
            let linked = writer.link(2, "bob");
            assert!(linked == Ok(true) || linked == Err(Error::StoreClosed));
        });
        let reader = thread::spawn(move || block_on(honest.recv_async()));
        assert!(index.link(1, "carl").unwrap());
        assert!(matches!(reader.join().unwrap(), Delivery::Commit(_)));
        let shown = close(store, &index, &disk);
        assert!(has(&shown, 1, "carl"));
    };
    explore(body);
}

#[test]
fn a_waker_that_blocks_holds_up_no_commit_no_checkpoint_and_no_removal() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let index = store.existing("shop").unwrap();
        let [mut blocking, mut honest] = [(); 2].map(|()| index.subscribe());
        let barrier = Arc::new(Barrier::new(2));
        let blocked = Arc::clone(&barrier);
        wait(&mut blocking, move || {
            blocked.wait();
        });
        assert!(index.link(1, "bob").unwrap());
        assert!(matches!(block_on(honest.recv_async()), Delivery::Commit(_)));
        let reader = thread::spawn(move || block_on(honest.recv_async()));
        assert!(index.link(1, "carl").unwrap());
        assert!(matches!(reader.join().unwrap(), Delivery::Commit(_)));
        store.checkpoint().unwrap();
        drop((index, blocking));
        store.remove_instance("shop").unwrap();
        drop(store);
        assert!(reopened(disk.bytes()).is_none());
        barrier.wait();
    };
    explore(body);
}

#[test]
fn a_waker_drops_the_last_handle_of_the_store() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let index = store.existing("shop").unwrap();
        let mut feed = index.subscribe();
        let (sender, dropped) = mpsc::channel();
        let last: Mutex<Option<Store>> = Mutex::new(Some(store));
        let sender = Mutex::new(sender);
        wait(&mut feed, move || {
            let store = last.lock().unwrap().take();
            drop(store);
            sender.lock().unwrap().send(()).unwrap();
        });
        assert!(index.link(1, "bob").unwrap());
        dropped.recv().unwrap();
        assert_eq!(index.link(1, "carl"), Err(Error::StoreClosed));
        assert!(has(&reopened(disk.bytes()).unwrap(), 1, "bob"));
    };
    explore(body);
}

#[test]
fn an_instance_is_removed_beside_a_waker_that_asks_for_it() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let store = Arc::new(store);
        let index = store.existing("shop").unwrap();
        let mut feed = index.subscribe();
        let (asking, (sender, asked)) = (Arc::clone(&store), mpsc::channel());
        let sender = Mutex::new(sender);
        wait(&mut feed, move || {
            let names = asking.instances().len();
            sender.lock().unwrap().send((names, asking.instance("shop").map(|index| index.revision()))).unwrap();
        });
        drop(index);
        store.remove_instance("shop").unwrap();
        let (names, revision) = asked.recv().unwrap();
        assert!(names <= 1 && revision == Ok(0), "{names} instances, {revision:?}");
        drop((feed, store));
        assert!(reopened(disk.bytes()).is_none_or(|left| left.revision == 0));
    };
    explore(body);
}
