//! Instances that are asked for without blocking.

use std::collections::BTreeSet;
use std::fs;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{Error, LabelIndex, Limits, Loading, Store, StoreOptions};

use super::held_disk::HeldDisk;
use super::power::disk::{Disk, Trouble};
use super::{Folder, Image, fill, in_a_process_of_its_own};

/// The longest time that a test waits for what has to come.
const LONG: Duration = Duration::from_secs(60);

/// A function of the host that blocks for some names until it is let go.
#[derive(Clone, Default)]
struct Plans(Arc<(Mutex<Held>, Condvar)>);

#[derive(Default)]
struct Held {
    is_open: bool,
    /// The names that it was asked for, in order.
    asked: Vec<String>,
}

impl Plans {
    fn limits_of(&self, name: &str) -> Limits {
        let (held, changed) = &*self.0;
        let mut held = held.lock().unwrap();
        held.asked.push(name.to_owned());
        changed.notify_all();
        if name.starts_with("stuck") {
            drop(changed.wait_while(held, |held| !held.is_open).unwrap());
        }
        Limits::default()
    }

    /// Options of a store that asks this.
    fn options(&self) -> StoreOptions {
        let plans = self.clone();
        StoreOptions::new().limits_by(move |name| plans.limits_of(name))
    }

    /// Waits until so many names were asked for.
    fn await_calls(&self, calls: usize) {
        let (held, changed) = &*self.0;
        let (held, time_out) =
            changed.wait_timeout_while(held.lock().unwrap(), LONG, |held| held.asked.len() < calls).unwrap();
        assert!(!time_out.timed_out(), "asked for {:?}", held.asked);
    }

    fn asked(&self) -> Vec<String> {
        self.0.0.lock().unwrap().asked.clone()
    }

    fn open(&self) {
        self.0.0.lock().unwrap().is_open = true;
        self.0.1.notify_all();
    }
}

/// A closed store of instances with a label each.
fn cold<N: AsRef<str>>(names: impl IntoIterator<Item = N>) -> Folder {
    let folder = Folder::new();
    let store = folder.open();
    for name in names {
        store.instance(name.as_ref()).unwrap().upsert_label("1", "VIP").unwrap();
    }
    store.close().unwrap();
    folder
}

fn polled(loading: &mut Loading) -> Poll<Result<LabelIndex, Error>> {
    Pin::new(loading).poll(&mut Context::from_waker(Waker::noop()))
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < LONG, "{what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// How many threads of this process load instances.
fn loaders() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok);
    // The system keeps 15 bytes of a name.
    tasks
        .filter(|task| fs::read_to_string(task.path().join("comm")).is_ok_and(|name| name == "label-index loa\n"))
        .count()
}

#[tokio::test(flavor = "current_thread")]
async fn the_blocking_and_the_async_form_answer_alike() {
    let folder = Folder::new();
    let store = folder.open();
    let bad = ["", "a\nb", &"é".repeat(65)];
    for name in bad {
        for loading in [store.instance_async(name), store.existing_async(name)] {
            assert!(loading.is_ready(), "{name:?}");
            assert_eq!(loading.await.unwrap_err(), store.existing(name).unwrap_err());
        }
    }
    let unknown = store.existing_async("shop");
    assert!(unknown.is_ready(), "the folder has a list of all");
    assert_eq!(unknown.await.unwrap_err(), Error::UnknownInstance { name: "shop".into() });

    let made = store.instance_async("shop").await.unwrap();
    let same = store.instance("shop").unwrap();
    made.upsert_label("1", "VIP").unwrap();
    assert_eq!((same.revision(), same.identity()), (1, made.identity()));
    for loading in [store.instance_async("shop"), store.existing_async("shop")] {
        assert!(loading.is_ready(), "it is loaded");
        assert!(loading.wait().unwrap().link("1", "ana").is_ok());
    }
    assert_eq!(made.revision(), 2, "one index, whoever asks");
    drop((made, same));
    assert!(store.unload("shop").unwrap());
    let (again, same) = (store.existing_async("shop").await.unwrap(), store.existing("shop").unwrap());
    assert!(same.link("1", "bob").unwrap() && again.contains("1", "bob"));
}

/// Neither the loader thread nor the shared load keeps a handle once the requests have theirs.
#[tokio::test(flavor = "current_thread")]
async fn an_instance_can_be_unloaded_once_its_handles_are_dropped() {
    let folder = cold(["shop"]);
    let store = folder.open();
    for round in 0..200 {
        let (first, second, third) =
            (store.existing_async("shop"), store.existing_async("shop"), store.existing_async("shop"));
        let (one, two) = (first.await.unwrap(), second.wait().unwrap());
        assert_eq!(store.unload("shop"), Err(Error::InstanceInUse { name: "shop".into() }));
        drop((one, two, third));
        assert_eq!(store.unload("shop"), Ok(true), "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_requests_for_many_instances_get_one_index_each() {
    const INSTANCES: usize = 100;
    let folder = cold((0..INSTANCES).map(|number| number.to_string()));
    let store = Arc::new(folder.open());
    let tasks: Vec<_> = (0..INSTANCES * 20)
        .map(|request: usize| {
            let (store, name) = (Arc::clone(&store), (request % INSTANCES).to_string());
            tokio::spawn(async move {
                let index = match request % 3 {
                    0 => store.instance_async(&name).await,
                    1 => store.existing_async(&name).await,
                    _ => tokio::task::spawn_blocking(move || store.existing(&name)).await.unwrap(),
                };
                let index = index.unwrap();
                assert!(index.link_async("1", format!("chat {request}")).await.unwrap());
                (request % INSTANCES, index.identity())
            })
        })
        .collect();
    let mut identities = BTreeSet::new();
    for task in tasks {
        identities.insert(task.await.unwrap());
    }
    assert_eq!(identities.len(), INSTANCES);
    assert!((0..INSTANCES).all(|number| store.existing(&number.to_string()).unwrap().total_chats() == 20));
}

#[test]
fn requests_for_one_instance_share_its_load_and_delay_no_other() {
    let folder = cold(["stuck", "free"]);
    let plans = Plans::default();
    let store = plans.options().open(folder.path()).unwrap();
    let loading: Vec<Loading> = (0..1_000).map(|_| store.existing_async("stuck")).collect();
    plans.await_calls(1);
    assert_eq!(store.existing_async("free").wait().unwrap().revision(), 1);
    assert!(loading.iter().all(|one| !one.is_ready()));
    plans.open();
    let identities: BTreeSet<u64> = loading.into_iter().map(|one| one.wait().unwrap().identity()).collect();
    assert_eq!((identities.len(), plans.asked()), (1, vec!["stuck".to_owned(), "free".to_owned()]));
}

#[test]
fn limits_that_block_delay_no_other_instance() {
    let names = (0..12).map(|number| format!("stuck {number}"));
    let folder = cold(names.clone().chain((0..50).map(|number| format!("free {number}"))));
    let plans = Plans::default();
    let store = plans.options().open(folder.path()).unwrap();
    let mut stuck: Vec<Loading> = names.map(|name| store.existing_async(&name)).collect();
    let free: Vec<Loading> = (0..50).map(|number| store.existing_async(&format!("free {number}"))).collect();
    for index in free {
        assert_eq!(index.wait().unwrap().revision(), 1);
    }
    plans.await_calls(62);
    assert!(stuck.iter_mut().all(|one| polled(one).is_pending()));
    plans.open();
    assert!(stuck.into_iter().all(|one| one.wait().is_ok()));
}

#[test]
#[cfg(target_os = "linux")]
fn a_few_threads_load_any_number_of_instances_and_end() {
    if in_a_process_of_its_own("store::loading::a_few_threads_load_any_number_of_instances_and_end").is_some() {
        return;
    }
    let disk = HeldDisk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    assert_eq!(loaders(), 0);
    disk.hold();
    let loading: Vec<Loading> = (0..2_000).map(|number| store.instance_async(&format!("new {number}"))).collect();
    disk.await_sync();
    thread::sleep(Duration::from_millis(50));
    let busy = loaders();
    assert!((2..=4).contains(&busy), "{busy} threads wait for the disk");
    disk.release();
    assert!(loading.into_iter().all(|one| one.wait().is_ok()));
    until("the threads do not end", || loaders() == 0);
    assert_eq!(store.instances().len(), 2_000);

    // Inside of the host's code there are more, and not as many as it likes.
    let plans = Plans::default();
    let folder = cold((0..100).map(|number| format!("stuck {number}")));
    let store = plans.options().open(folder.path()).unwrap();
    let loading: Vec<Loading> = store.instances().iter().map(|name| store.existing_async(name)).collect();
    plans.await_calls(32);
    thread::sleep(Duration::from_millis(50));
    assert_eq!((loaders(), plans.asked().len()), (32, 32));
    plans.open();
    assert!(loading.into_iter().all(|one| one.wait().is_ok()));
    until("the threads do not end", || loaders() == 0);
}

#[test]
fn limits_that_panic_panic_where_the_instance_is_awaited() {
    let folder = cold(["shop", "other"]);
    let fails = Arc::new(AtomicBool::new(true));
    let is_failing = Arc::clone(&fails);
    let limits = move |name: &str| {
        assert!(name == "other" || !is_failing.load(Ordering::SeqCst), "no plan for {name}");
        Limits::default()
    };
    let store = StoreOptions::new().limits_by(limits).open(folder.path()).unwrap();
    let mut loading = store.existing_async("shop");
    until("no end", || loading.is_ready());
    for _ in 0..2 {
        let panic = catch_unwind(AssertUnwindSafe(|| polled(&mut loading))).unwrap_err();
        assert_eq!(panic.downcast_ref::<String>().unwrap(), "no plan for shop");
        assert!(loading.is_ready());
    }
    let waiting = store.instance_async("shop");
    assert!(catch_unwind(|| waiting.wait()).is_err());
    let new = store.instance_async("new");
    assert!(catch_unwind(|| new.wait()).is_err(), "and it is not made");
    assert_eq!(store.instances(), ["other", "shop"]);
    assert!(catch_unwind(|| store.instance("shop")).is_err(), "as in the sibling that blocks");
    assert_eq!(store.existing_async("other").wait().unwrap().revision(), 1);
    fails.store(false, Ordering::SeqCst);
    assert_eq!(store.existing_async("shop").wait().unwrap().revision(), 1);
    assert_eq!(store.instance_async("new").wait().unwrap().revision(), 0);
}

/// What a host panics with, whose destructor must not run on a thread of the store.
struct Payload(Arc<AtomicUsize>);

impl Drop for Payload {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn one_future_gets_the_payload_of_a_panic_and_the_others_its_text() {
    let folder = cold(["shop"]);
    let (plans, dropped) = (Plans::default(), Arc::new(AtomicUsize::new(0)));
    let (asked, counter) = (plans.clone(), Arc::clone(&dropped));
    let limits = move |_: &str| -> Limits {
        asked.limits_of("stuck");
        panic_any(Payload(Arc::clone(&counter)))
    };
    let store = StoreOptions::new().limits_by(limits).open(folder.path()).unwrap();
    let loading: Vec<Loading> = (0..5).map(|_| store.existing_async("shop")).collect();
    plans.open();
    let ends: Vec<_> = loading.into_iter().map(|one| catch_unwind(|| one.wait()).unwrap_err()).collect();
    assert_eq!(ends.iter().filter(|end| end.is::<Payload>()).count(), 1);
    let texts = ends.iter().filter_map(|end| end.downcast_ref::<String>());
    assert_eq!(texts.collect::<Vec<_>>(), ["a panic without a text"; 4]);
    drop(ends);
    assert_eq!(dropped.load(Ordering::SeqCst), 1, "by the host");

    let begun = store.existing_async("shop");
    plans.await_calls(2);
    drop(begun);
    let last = store.existing_async("shop");
    until("no end", || last.is_ready());
    drop((last, store));
    assert_eq!(dropped.load(Ordering::SeqCst), 1, "nobody else does");
}

#[test]
fn an_abandoned_load_is_not_started() {
    let disk = HeldDisk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    for name in ["given up", "wanted", "begun"] {
        drop(store.instance(name).unwrap());
        store.unload(name).unwrap();
    }
    disk.hold();
    // More than there are threads, so that what comes behind them is not begun.
    let first: Vec<Loading> = (0..8).map(|number| store.instance_async(&format!("new {number}"))).collect();
    disk.await_sync();
    let given_up: Vec<Loading> = (0..3).map(|_| store.existing_async("given up")).collect();
    let [one, other] = [(); 2].map(|()| store.existing_async("wanted"));
    drop((given_up, one));
    disk.release();
    assert!(first.into_iter().all(|one| one.wait().is_ok()));
    assert_eq!(other.wait().unwrap().revision(), 0);
    // The threads that are there take loads in the order of the requests.
    store.existing_async("begun").wait().unwrap();
    assert!(store.loaded("given up").is_none() && store.loaded("wanted").is_some());
    assert_eq!(store.existing_async("given up").wait().unwrap().revision(), 0);
}

#[test]
fn a_started_load_continues_when_its_futures_are_dropped() {
    let folder = cold(["stuck"]);
    let plans = Plans::default();
    let store = plans.options().open(folder.path()).unwrap();
    let mut loading = store.existing_async("stuck");
    assert!(polled(&mut loading).is_pending());
    plans.await_calls(1);
    drop(loading);
    let joined = store.existing_async("stuck");
    plans.open();
    assert_eq!(joined.wait().unwrap().revision(), 1);
    assert_eq!(plans.asked().len(), 1, "who came later joined it");
}

#[test]
fn closing_ends_queued_loads_and_waits_for_started_ones() {
    let disk = HeldDisk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    disk.hold();
    let mut loading: Vec<Loading> = (0..100).map(|number| store.instance_async(&format!("new {number:02}"))).collect();
    disk.await_sync();
    let (told, closed) = mpsc::channel();
    thread::spawn(move || told.send(store.close()).unwrap());
    // The disk is stuck, and so are those that were begun.
    let ended = |loading: &[Loading]| loading.iter().filter(|one| one.is_ready()).count();
    until("what is queued does not end", || ended(&loading) >= 96);
    assert!(ended(&loading) < 100 && closed.try_recv().is_err());
    for one in &mut loading {
        let ended = polled(one);
        let is_closed = matches!(ended, Poll::Ready(Err(Error::StoreClosed)));
        assert!(is_closed || ended.is_pending());
    }
    disk.release();
    closed.recv_timeout(LONG).unwrap().unwrap();
    let mut made = Vec::new();
    for (number, one) in loading.into_iter().enumerate() {
        match one.wait() {
            Ok(index) => {
                assert_eq!(index.upsert_label("1", "VIP"), Err(Error::StoreClosed));
                made.push(format!("new {number:02}"));
            }
            Err(error) => assert_eq!(error, Error::StoreClosed),
        }
    }
    assert!((1..=4).contains(&made.len()), "{made:?}");
    let store = StoreOptions::new().open_on(disk).unwrap();
    assert!(made.iter().all(|name| store.instances().contains(name)));
}

#[test]
fn closing_does_not_wait_for_limits_that_block() {
    let folder = cold(["stuck 1", "stuck 2", "stuck 3"]);
    for closes in [true, false] {
        let plans = Plans::default();
        let store = plans.options().open(folder.path()).unwrap();
        let loading = ["stuck 1", "stuck 2", "stuck 3"].map(|name| store.existing_async(name));
        plans.await_calls(3);
        if closes {
            store.close().unwrap();
        } else {
            drop(store);
        }
        // While they are still in it.
        let again = folder.open();
        assert_eq!(again.existing("stuck 1").unwrap().revision(), 1);
        assert!(loading.iter().all(|one| !one.is_ready()));
        plans.open();
        for one in loading {
            assert_eq!(one.wait().unwrap_err(), Error::StoreClosed);
        }
        again.close().unwrap();
    }
}

#[test]
fn limits_may_ask_for_other_instances_and_drop_the_last_handle_of_the_store() {
    let folder = cold(["shop", "other"]);
    let last: Arc<Mutex<Option<Arc<Store>>>> = Arc::default();
    let held = Arc::clone(&last);
    let limits = move |name: &str| {
        if name == "shop" {
            let store = held.lock().unwrap().take().unwrap();
            assert_eq!(store.existing_async("other").wait().unwrap().revision(), 1);
            drop(store);
        }
        Limits::default()
    };
    let store = Arc::new(StoreOptions::new().limits_by(limits).open(folder.path()).unwrap());
    *last.lock().unwrap() = Some(Arc::clone(&store));
    let loading = store.existing_async("shop");
    drop(store);
    assert!(matches!(loading.wait(), Ok(_) | Err(Error::StoreClosed)));
    until("the store is not closed", || Store::open(folder.path()).is_ok());
}

#[test]
fn failed_loads_give_the_error_of_the_blocking_form() {
    let folder = Folder::new();
    let store = folder.open();
    fill(&store.instance("shop").unwrap());
    store.instance("other").unwrap().upsert_label("1", "Pagamento pendente").unwrap();
    drop(store);
    let mut bytes = fs::read(folder.file()).unwrap();
    let name = b"Pagamento pendente";
    let places: Vec<usize> = (0..bytes.len()).filter(|&place| bytes[place..].starts_with(name)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|place| bytes[place] ^= 1);
    fs::write(folder.file(), bytes).unwrap();
    let store = folder.open();
    let error = store.existing_async("other").wait().unwrap_err();
    assert!(matches!(&error, Error::Damaged { instance: Some(name), .. } if name == "other"), "{error}");
    assert_eq!(store.instance_async("other").wait().unwrap_err(), error);
    assert_eq!(store.existing("other").unwrap_err(), error);
    store.existing_async("shop").wait().unwrap().check_invariants().unwrap();

    let disk = Disk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    let cold = store.instance("cold").unwrap();
    fill(&cold);
    let image = Image::from(&cold);
    drop(cold);
    store.unload("cold").unwrap();
    disk.trouble_after(0, Trouble::Full);
    let Err(failure @ Error::StoreFailed { .. }) = store.instance_async("new").wait() else { panic!("made nowhere") };
    assert_eq!(store.instance("new").unwrap_err(), failure);
    assert_eq!(Image::from(&store.existing_async("cold").wait().unwrap()), image, "reads go on");
}

#[test]
fn an_instance_that_is_removed_before_its_load_is_unknown_or_made_again() {
    let folder = cold(["stuck"]);
    let plans = Plans::default();
    let store = plans.options().open(folder.path()).unwrap();
    let (existing, making) = (store.existing_async("stuck"), store.instance_async("stuck"));
    plans.await_calls(2);
    store.remove_instance("stuck").unwrap();
    plans.open();
    assert_eq!(existing.wait().unwrap_err(), Error::UnknownInstance { name: "stuck".into() });
    let made = making.wait().unwrap();
    assert_eq!((made.revision(), store.instances().len()), (0, 1), "another one of its name");
    assert_eq!(store.existing("stuck").unwrap().identity(), made.identity());
}
