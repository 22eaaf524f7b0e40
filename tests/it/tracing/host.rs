//! A subscriber of `tracing` is code of the host: one that panics, blocks or calls back affects no write and no store.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, mpsc};
use std::time::Duration;

use label_index::{Error, LabelIndex, Store, StoreOptions};
use tracing::subscriber::set_global_default;

use super::collector::{Collector, Doing, listen};
use super::{fetched, in_a_process_of_its_own};
use crate::store::Folder;
use crate::store::power::disk::{Disk, Trouble};

/// The longest time that a test waits for a thread that has to answer.
const LONG: Duration = Duration::from_secs(60);

/// Makes every call that is traced, and checks each answer.
fn session(disk: &Disk) {
    let opened = disk.clone();
    let store = StoreOptions::new().open_by(move || Ok(opened.clone())).unwrap();
    let index = store.instance("shop").unwrap();
    let refused = index.begin_refresh().unwrap();
    assert_eq!(index.begin_refresh().unwrap_err(), Error::RefreshInProgress);
    assert!(refused.commit(fetched()).unwrap().changed());
    store.checkpoint().unwrap();
    drop(index);
    assert!(store.unload("shop").unwrap());
    let index = store.existing("shop").unwrap();
    assert!(index.link("7", "ana").unwrap());
    disk.trouble_after(0, Trouble::Full);
    assert!(matches!(index.link("7", "bob"), Err(Error::StoreFailed { .. })));
    disk.heal();
    store.resume().unwrap();
    let linked = index.link("7", "bob").unwrap() || index.contains("7", "bob");
    assert!(linked && index.link("7", "carl").unwrap());
    index.check_invariants().unwrap();
    drop(index);
    store.close().unwrap();
}

#[test]
fn a_subscriber_that_panics_at_every_call_changes_no_answer() {
    if in_a_process_of_its_own("host::a_subscriber_that_panics_at_every_call_changes_no_answer").is_some() {
        return;
    }
    // If a span cannot begin, there are no further calls for it.
    static BEGINS: AtomicBool = AtomicBool::new(true);
    let panics = Arc::new(AtomicUsize::new(0));
    let act = {
        let panics = Arc::clone(&panics);
        move |call: &str| {
            if call != "new_span" || !BEGINS.load(Ordering::SeqCst) {
                panics.fetch_add(1, Ordering::SeqCst);
                panic!("the subscriber panics in {call}");
            }
        }
    };
    let collector = Collector::default();
    set_global_default(Doing { collector: collector.clone(), act }).unwrap();
    session(&Disk::default());
    collector.wait_for("takes no more");
    let in_spans = panics.swap(0, Ordering::SeqCst);
    BEGINS.store(false, Ordering::SeqCst);
    session(&Disk::default());
    collector.wait_for("takes no more");
    let in_others = panics.load(Ordering::SeqCst);
    assert!(in_spans > 20 && in_others > 10, "{in_spans} and {in_others}");
}

/// A span that ends while its thread unwinds calls the subscriber, whose panic must not be a second one.
#[test]
fn a_subscriber_that_panics_while_a_host_panics_does_not_end_the_process() {
    let act = |call: &str| assert!(call == "new_span", "the subscriber panics in {call}");
    let (folder, collector) = (Folder::new(), Collector::default());
    let panics = |_: &str| -> label_index::Limits { panic!("the host panics") };
    listen(Doing { collector: collector.clone(), act }, || {
        let store = StoreOptions::new().limits_by(panics).open(folder.path()).unwrap();
        let load = std::panic::AssertUnwindSafe(|| store.instance("shop").map(drop));
        assert!(std::panic::catch_unwind(load).is_err());
    });
    assert!(collector.take().iter().any(|line| line == "close load"));
}

#[test]
fn a_subscriber_that_calls_back_is_answered() {
    if in_a_process_of_its_own("host::a_subscriber_that_calls_back_is_answered").is_some() {
        return;
    }
    static STORE: OnceLock<Store> = OnceLock::new();
    static INDEX: OnceLock<LabelIndex> = OnceLock::new();
    let answers = Arc::new(AtomicUsize::new(0));
    let act = {
        let answers = Arc::clone(&answers);
        move |_: &str| {
            let Some(store) = STORE.get() else { return };
            // All of this takes locks: of the store, of an instance, or the writer lock.
            let _stats = store.stats();
            let _others = store.instances();
            let _unloaded = store.unload("other");
            let _checkpoint = store.checkpoint();
            if let Some(index) = INDEX.get() {
                let _refused = index.upsert_label("9", "written by a subscriber");
                let _ticket = index.begin_refresh();
            }
            let _loaded = store.instance("other").unwrap();
            answers.fetch_add(1, Ordering::SeqCst);
        }
    };
    set_global_default(Doing { collector: Collector::default(), act }).unwrap();
    let (told, done) = mpsc::channel();
    std::thread::spawn(move || {
        let folder = Folder::new();
        let options = StoreOptions::new().checkpoint_floor(0).checkpoint_percent(0);
        let store = STORE.get_or_init(|| options.unload_after(Duration::from_millis(10)).open(folder.path()).unwrap());
        let index = INDEX.get_or_init(|| store.instance("shop").unwrap());
        assert!(index.begin_refresh().unwrap().commit(fetched()).unwrap().changed());
        for number in 0..50 {
            assert!(index.link("7", number.to_string()).unwrap());
            drop(store.instance("third").unwrap());
            let _in_use = store.unload("third");
        }
        store.checkpoint().unwrap();
        index.check_invariants().unwrap();
        told.send(()).unwrap();
    });
    done.recv_timeout(LONG).unwrap();
    assert!(answers.load(Ordering::SeqCst) > 100);
}

#[test]
fn a_subscriber_that_blocks_holds_up_no_write_and_no_read() {
    if in_a_process_of_its_own("host::a_subscriber_that_blocks_holds_up_no_write_and_no_read").is_some() {
        return;
    }
    let blocks = Arc::new(AtomicBool::new(false));
    let act = {
        let blocks = Arc::clone(&blocks);
        move |_: &str| {
            while blocks.load(Ordering::SeqCst) {
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    };
    let collector = Collector::default();
    set_global_default(Doing { collector: collector.clone(), act }).unwrap();
    let disk = Disk::default();
    let store = StoreOptions::new().checkpoint_floor(0).checkpoint_percent(0).open_on(disk.clone()).unwrap();
    let store = Arc::new(store);
    let (shop, other) = (store.instance("shop").unwrap(), store.instance("other").unwrap());
    drop(store.instance("third").unwrap());
    store.unload("third").unwrap();
    shop.upsert_label("7", "VIP").unwrap();
    other.upsert_label("7", "VIP").unwrap();
    collector.wait_for("close checkpoint");
    blocks.store(true, Ordering::SeqCst);
    // These threads are inside the subscriber and stay there: a load, a refresh, and the store's thread for
    // checkpoints.
    let threads = [
        std::thread::spawn({
            let store = Arc::clone(&store);
            move || drop(store.existing("third").unwrap())
        }),
        std::thread::spawn({
            let other = other.clone();
            move || drop(other.begin_refresh())
        }),
    ];
    collector.wait_for("begin load");
    let (told, done) = mpsc::channel();
    std::thread::spawn(move || {
        for number in 0..50 {
            assert!(shop.link("7", number.to_string()).unwrap() && other.link("7", number.to_string()).unwrap());
        }
        // The failure is traced on another thread, where the subscriber blocks too.
        disk.trouble_after(0, Trouble::Full);
        assert!(matches!(shop.link("7", "bob"), Err(Error::StoreFailed { .. })));
        told.send(shop.count("7")).unwrap();
    });
    assert_eq!(done.recv_timeout(LONG), Ok(50));
    collector.wait_for("takes no more");
    assert!(threads.iter().all(|thread| !thread.is_finished()));
    blocks.store(false, Ordering::SeqCst);
    for thread in threads {
        thread.join().unwrap();
    }
}

#[test]
fn a_subscriber_may_drop_the_last_handle_of_a_store_on_a_thread_of_it() {
    if in_a_process_of_its_own("host::a_subscriber_may_drop_the_last_handle_of_a_store_on_a_thread_of_it").is_some() {
        return;
    }
    let last: Arc<Mutex<Option<Store>>> = Arc::default();
    let (told, dropped) = mpsc::channel();
    let act = {
        let (last, told) = (Arc::clone(&last), Mutex::new(told));
        move |call: &str| {
            let is_of_the_store = std::thread::current().name() == Some("label-index checkpoints");
            if call == "exit" && is_of_the_store {
                let store = last.lock().unwrap().take();
                if store.is_some() {
                    drop(store);
                    told.lock().unwrap().send(()).unwrap();
                }
            }
        }
    };
    set_global_default(Doing { collector: Collector::default(), act }).unwrap();
    let folder = Folder::new();
    let store = StoreOptions::new().checkpoint_floor(0).checkpoint_percent(0).open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    *last.lock().unwrap() = Some(store);
    assert!(index.upsert_label("1", "VIP").unwrap().changed());
    dropped.recv_timeout(LONG).unwrap();
    assert_eq!(index.link("1", "ana"), Err(Error::StoreClosed));
    let store = folder.open();
    assert_eq!(store.existing("shop").unwrap().labels().len(), 1);
}
