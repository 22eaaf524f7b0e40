//! Operating a store: idle instances, limits of single instances, and closing.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{Delivery, Durability, Error, Limit, Limits, Store, StoreOptions};

use super::held_disk::HeldDisk;
use super::power::disk::{Disk, Trouble};
use super::{Folder, Image, fill};

const LONG: Duration = Duration::from_secs(100_000);

#[test]
fn instances_that_nobody_uses_are_unloaded() {
    let folder = Folder::new();
    let store = folder.open();
    for name in ["a", "b", "c", "d"] {
        store.instance(name).unwrap().upsert_label("1", name).unwrap();
    }
    store.remove_instance("d").unwrap();
    let (used, snapshot) = (store.instance("a").unwrap(), store.instance("b").unwrap().snapshot());
    assert_eq!(store.unload_idle(LONG).unwrap(), [""; 0], "they were used just now");
    assert_eq!(store.unload_idle(Duration::ZERO).unwrap(), ["c"]);
    assert!(store.loaded("a").is_some() && store.loaded("b").is_some());
    assert!(store.loaded("c").is_none() && store.loaded("d").is_none() && store.loaded("e").is_none());
    assert!(store.loaded("").is_none() && store.loaded("a\n").is_none());
    drop((used, snapshot));
    assert_eq!(store.unload_idle(LONG).unwrap(), [""; 0], "they were used until now");
    assert_eq!(store.unload_idle(Duration::ZERO).unwrap(), ["a", "b"]);
    assert_eq!(store.existing("c").unwrap().label("1").unwrap().name().unwrap().as_str(), "c");
}

#[test]
fn a_handle_counts_as_use_until_it_was_seen_to_be_gone() {
    const SHORT: Duration = Duration::from_millis(50);
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    thread::sleep(SHORT);
    assert_eq!(store.unload_idle(SHORT).unwrap(), [""; 0]);
    drop(index);
    thread::sleep(SHORT);
    assert_eq!(store.unload_idle(SHORT).unwrap(), ["shop"]);
}

#[test]
fn what_an_idle_instance_has_queued_goes_to_disk_in_one_sync() {
    let disk = HeldDisk::default();
    let store = StoreOptions::new().durability(Durability::Within(LONG)).open_on(disk.clone()).unwrap();
    let names: Vec<String> = (0..20).map(|number| format!("shop {number:02}")).collect();
    for name in &names {
        store.instance(name).unwrap();
    }
    for name in &names {
        store.instance(name).unwrap().upsert_label("1", "VIP").unwrap();
    }
    let before = disk.syncs();
    store.flush().unwrap();
    let one_commit = disk.syncs() - before;
    for name in &names {
        store.instance(name).unwrap().upsert_label("2", "New").unwrap();
    }
    let before = disk.syncs();
    assert_eq!(store.unload_idle(Duration::ZERO).unwrap(), names);
    assert_eq!(disk.syncs() - before, one_commit);
    assert!(names.iter().all(|name| store.existing(name).unwrap().labels().len() == 2));
}

#[test]
fn a_store_unloads_by_itself() {
    let folder = Folder::new();
    let options = StoreOptions::new().unload_after(Duration::from_millis(40));
    let store = options.open(folder.path()).unwrap();
    let used = store.instance("used").unwrap();
    store.instance("idle").unwrap().upsert_label("1", "VIP").unwrap();
    // `loaded` counts as use, so this asks at longer and longer intervals.
    let mut pause = Duration::from_millis(100);
    while store.loaded("idle").is_some() {
        thread::sleep(pause);
        pause *= 2;
    }
    assert!(store.loaded("used").is_some());
    drop(used);
    assert_eq!(store.existing("idle").unwrap().revision(), 1);
    let began = Instant::now();
    store.close().unwrap();
    assert!(began.elapsed() < LONG);
}

/// Closing does not wait for the pause of the thread that unloads.
#[test]
fn a_store_that_unloads_after_a_day_closes_at_once() {
    let folder = Folder::new();
    let store = StoreOptions::new().unload_after(Duration::MAX).open(folder.path()).unwrap();
    let (closed, is_closed) = mpsc::channel();
    thread::spawn(move || closed.send(store.close()).unwrap());
    is_closed.recv_timeout(Duration::from_secs(30)).unwrap().unwrap();
}

#[test]
fn a_loaded_instance_is_given_out_whatever_the_disk_does() {
    let disk = HeldDisk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    let index = store.instance("shop").unwrap();
    disk.hold();
    let writing = thread::spawn(move || index.upsert_label("1", "VIP").unwrap());
    disk.await_sync();
    assert_eq!(store.loaded("shop").unwrap().revision(), 0);
    disk.release();
    writing.join().unwrap();
}

#[test]
fn a_failed_store_unloads_nothing_and_says_so() {
    let disk = Disk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    store.instance("idle").unwrap();
    let shop = store.instance("shop").unwrap();
    disk.trouble_after(0, Trouble::Full);
    let Err(failure @ Error::StoreFailed { .. }) = shop.upsert_label("1", "VIP") else { panic!("written nowhere") };
    assert_eq!(store.unload_idle(Duration::ZERO), Err(failure.clone()));
    assert!(store.loaded("idle").is_some());
    assert_eq!(store.close(), Err(failure), "closing says it again");
}

#[test]
fn closing_says_what_could_not_be_written() {
    let disk = Disk::default();
    let store = StoreOptions::new().durability(Durability::Within(LONG)).open_on(disk.clone()).unwrap();
    let shop = store.instance("shop").unwrap();
    shop.upsert_label("1", "VIP").unwrap();
    store.flush().unwrap();
    shop.link("1", "ana").unwrap();
    let mut feed = shop.subscribe();
    disk.trouble_after(0, Trouble::Full);
    let Err(Error::StoreFailed { durable, .. }) = store.close() else { panic!("written nowhere") };
    assert_eq!(*durable, [("shop".to_owned(), 1)]);
    assert_eq!(feed.try_recv(), Some(Delivery::Closed));
    assert!(shop.contains("1", "ana") && shop.link("1", "bob").is_err());
    disk.heal();
    let store = StoreOptions::new().open_on(disk).unwrap();
    assert!(store.existing("shop").unwrap().revision() >= 1);
}

#[test]
fn a_closed_store_can_be_opened_at_once_beside_its_handles() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    fill(&index);
    let image = Image::from(&index);
    store.close().unwrap();
    assert_eq!(index.link("1", "ana"), Err(Error::StoreClosed));
    let again = Store::open(folder.path()).unwrap();
    assert_eq!(Image::from(&again.existing("shop").unwrap()), image);
}

fn labels(most: usize) -> Limits {
    let mut limits = Limits::default();
    limits.labels = most;
    limits
}

#[test]
fn limits_are_those_of_the_instance_when_it_is_loaded() {
    let folder = Folder::new();
    let paid = Arc::new(AtomicBool::new(false));
    let limits_of = {
        let paid = Arc::clone(&paid);
        move |name: &str| labels(if name == "shop" && !paid.load(Ordering::SeqCst) { 1 } else { 3 })
    };
    let store = StoreOptions::new().limits(labels(2)).limits_by(limits_of).open(folder.path()).unwrap();
    let refused = |index: &label_index::LabelIndex| match index.create_label("one more").unwrap_err() {
        Error::LimitExceeded { what: Limit::Labels, limit, .. } => limit,
        other => panic!("{other}"),
    };
    let shop = store.instance("shop").unwrap();
    shop.create_label("VIP").unwrap();
    assert_eq!(refused(&shop), 1);
    paid.store(true, Ordering::SeqCst);
    assert_eq!(refused(&shop), 1, "it is loaded");
    drop(shop);
    store.unload("shop").unwrap();
    let shop = store.instance("shop").unwrap();
    shop.create_label("New").unwrap();
    shop.create_label("Won").unwrap();
    assert_eq!(refused(&shop), 3);
    paid.store(false, Ordering::SeqCst);
    drop(shop);
    store.unload("shop").unwrap();
    let shop = store.existing("shop").unwrap();
    assert_eq!((shop.labels().len(), refused(&shop)), (3, 1), "what is there stays");
    assert!(shop.link("1", "ana").unwrap());
}

#[test]
fn limits_that_panic_or_ask_the_store_harm_nobody() {
    let folder = Folder::new();
    let asked: Arc<std::sync::Mutex<Option<Arc<Store>>>> = Arc::default();
    let limits_of = {
        let asked = Arc::clone(&asked);
        move |name: &str| {
            let store = asked.lock().unwrap().clone();
            if let Some(store) = store.filter(|_| name == "curious") {
                assert_eq!(store.instances(), ["shop"]);
                assert!(store.existing("shop").is_ok());
            }
            assert_ne!(name, "cursed");
            Limits::default()
        }
    };
    let store = Arc::new(StoreOptions::new().limits_by(limits_of).open(folder.path()).unwrap());
    store.instance("shop").unwrap();
    *asked.lock().unwrap() = Some(Arc::clone(&store));
    assert!(store.instance("curious").is_ok());
    assert!(catch_unwind(AssertUnwindSafe(|| store.instance("cursed"))).is_err());
    assert!(store.instance("other").is_ok());
    assert_eq!(store.instances(), ["curious", "other", "shop"]);
    asked.lock().unwrap().take();
}

#[test]
fn numbers_of_a_store_are_there_whatever_the_disk_does() {
    let disk = HeldDisk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    let shop = store.instance("shop").unwrap();
    store.instance("idle").unwrap();
    shop.upsert_label("1", "VIP").unwrap();
    let before = store.stats();
    assert_eq!((before.instances, before.loaded.len(), before.queued_changes), (2, 2, 0));
    assert!(before.last_sync.is_some() && before.syncs >= 3 && before.checkpoints == 0);
    disk.hold();
    let linking = shop.link_async("1", "ana");
    disk.await_sync();
    let stuck = store.stats();
    let of_shop = stuck.loaded["shop"];
    assert_eq!((stuck.queued_changes, stuck.syncs), (1, before.syncs));
    assert_eq!((of_shop.queued_changes, of_shop.revision, of_shop.durable_revision), (1, 1, 1));
    disk.release();
    linking.wait().unwrap();
    store.checkpoint().unwrap();
    let after = store.stats();
    assert_eq!((after.checkpoints, after.queued_changes, after.loaded["shop"].revision), (1, 0, 2));
    assert_eq!(store.unload_idle(Duration::ZERO).unwrap(), ["idle"], "asking for numbers is no use");
    assert_eq!((store.stats().instances, store.stats().loaded.len()), (2, 1));
}

#[test]
fn numbers_tell_why_nothing_is_written() {
    let disk = Disk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    let shop = store.instance("shop").unwrap();
    assert_eq!(store.stats().failure, None);
    disk.trouble_after(0, Trouble::Full);
    let failure = shop.upsert_label("1", "VIP").unwrap_err();
    assert_eq!(store.stats().failure, Some(failure));
    let folder = Folder::new();
    assert!(folder.open().stats().file_bytes > 0);
}
