//! Instances that are requested without blocking, while other threads unload them or close the store.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use label_index::{Error, LabelIndex, Limits, Loading, Store};
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;

use super::{at_once, close, either, explore, has, open, options, reopened};

/// Loads the instance if it is not, writes, and lets go of it.
fn use_it(store: &Store, label: u32, chat: &str) {
    assert!(block_on(store.existing_async("shop")).unwrap().link(label, chat).unwrap());
    assert!(store.existing_async("shop").wait().unwrap().contains(label, chat), "a write that returned is not there");
}

#[test]
fn an_instance_is_unloaded_between_tasks_that_await_it() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let unload = |store: &Store| {
            // One that nobody awaits to the end.
            let given_up = store.existing_async("shop");
            let unloaded = store.unload("shop").map(drop);
            assert!(unloaded.is_ok() || unloaded == Err(Error::InstanceInUse { name: "shop".into() }));
            drop(given_up);
        };
        let (store, _) = at_once(store, [|store| use_it(store, 1, "bob"), |store| use_it(store, 2, "bob"), unload]);
        let index = store.existing("shop").unwrap();
        let shown = close(store, &index, &disk);
        assert!(shown.revision == 3 && has(&shown, 1, "bob") && has(&shown, 2, "bob"));
    };
    explore(body);
}

/// An instance of a store that is closed takes no write, and what was not loaded by then never is.
fn assert_closed(answer: Result<LabelIndex, Error>) {
    match answer {
        Ok(index) => assert_eq!(index.upsert_label(9, "Late"), Err(Error::StoreClosed)),
        Err(error) => assert_eq!(error, Error::StoreClosed),
    }
}

#[test]
fn a_store_is_closed_while_tasks_await_instances() {
    let body = || {
        let (store, disk) = open(options().durability(either()).limits_by(|_| Limits::default()));
        let [one, other, given_up] = [(); 3].map(|()| store.existing_async("shop"));
        let made = store.instance_async("new");
        let threads = [one, other, made].map(|loading: Loading| thread::spawn(move || block_on(loading)));
        let dropping = thread::spawn(move || drop(given_up));
        drop(store);
        let shop = reopened(disk.bytes());
        assert_eq!(shop.unwrap().revision, 1, "whatever threads still do, they do nothing to the disk");
        for thread in threads {
            assert_closed(thread.join().unwrap());
        }
        dropping.join().unwrap();
    };
    explore(body);
}

#[test]
fn a_panic_of_limits_reaches_every_waiting_task() {
    let body = || {
        let limits = |_: &str| {
            if thread_rng().r#gen() {
                // Without the report that the hook would print for each schedule.
                resume_unwind(Box::new("the host panics"));
            }
            Limits::default()
        };
        let (store, disk) = open(options().limits_by(limits));
        let ask = |store: &Store| {
            let loading = store.existing_async("shop");
            match catch_unwind(AssertUnwindSafe(|| loading.wait())) {
                Ok(index) => assert_eq!(index.unwrap().revision(), 1),
                Err(panic) => {
                    let text = panic.downcast_ref::<&str>().copied();
                    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
                    assert_eq!(text, Some("the host panics"));
                }
            }
        };
        let (store, _) = at_once(store, [ask, ask, ask]);
        drop(store);
        assert_eq!(reopened(disk.bytes()).unwrap().revision, 1);
    };
    explore(body);
}
