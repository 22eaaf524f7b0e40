//! Instances that are asked for without blocking.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{Error, Limits, Loading, Store, StoreOptions};

use super::proxy::Proxy;
use super::server::{Server, new_schema, shared};
use super::writers::until;
use super::{connect, options};

/// The longest time that a test waits for what has to come.
const LONG: Duration = Duration::from_secs(60);

/// Instances with a label each, in a store that is closed.
fn cold(server: &Server, names: impl IntoIterator<Item = String>) -> String {
    let schema = new_schema();
    let store = connect(server, &schema);
    for name in names {
        store.instance(&name).unwrap().upsert_label("1", "VIP").unwrap();
    }
    schema
}

#[test]
fn the_blocking_and_the_async_form_answer_alike() {
    let Some(server) = shared() else { return };
    let store = connect(server, &new_schema());
    for name in ["", "a\nb", &"é".repeat(65)] {
        for loading in [store.instance_async(name), store.existing_async(name)] {
            assert!(loading.is_ready(), "{name:?}");
            assert_eq!(loading.wait().unwrap_err(), store.existing(name).unwrap_err());
        }
    }
    let unknown = store.existing_async("shop").wait().unwrap_err();
    assert_eq!(unknown, Error::UnknownInstance { name: "shop".into() });
    let made = store.instance_async("shop").wait().unwrap();
    let same = store.instance("shop").unwrap();
    made.upsert_label("1", "VIP").unwrap();
    assert_eq!((same.revision(), same.identity()), (1, made.identity()));
    let loaded = [store.instance_async("shop"), store.existing_async("shop")];
    assert!(loaded.iter().all(Loading::is_ready));
    assert_eq!(store.unload("shop"), Err(Error::InstanceInUse { name: "shop".into() }));
    drop((made, same, loaded));
    for _ in 0..20 {
        assert_eq!(store.unload("shop"), Ok(true));
        assert_eq!(store.existing_async("shop").wait().unwrap().revision(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_requests_for_many_instances_get_one_index_each() {
    const INSTANCES: usize = 30;
    let Some(server) = shared() else { return };
    let schema = cold(server, (0..INSTANCES).map(|number| number.to_string()));
    let store = Arc::new(connect(server, &schema));
    let tasks: Vec<_> = (0..INSTANCES * 10)
        .map(|request: usize| {
            let (store, name) = (Arc::clone(&store), (request % INSTANCES).to_string());
            tokio::spawn(async move {
                let index =
                    if request.is_multiple_of(2) { store.instance_async(&name) } else { store.existing_async(&name) };
                let index = index.await.unwrap();
                assert!(index.link_async("1", format!("chat {request}")).await.unwrap());
                index.identity()
            })
        })
        .collect();
    let mut identities = BTreeSet::new();
    for task in tasks {
        identities.insert(task.await.unwrap());
    }
    assert_eq!(identities.len(), INSTANCES);
    assert!((0..INSTANCES).all(|number| store.existing(&number.to_string()).unwrap().total_chats() == 10));
}

/// The time in the queue counts towards `patience`, so concurrent requests fail at about the same time.
#[test]
fn without_a_network_every_request_fails_in_time() {
    let Some(server) = shared() else { return };
    let schema = cold(server, (0..100).map(|number| number.to_string()));
    let proxy = Proxy::start(server.port);
    let options = options(&schema).patience(Duration::from_millis(400));
    let store = options.connect(Server::url_of_port(proxy.port)).unwrap();
    let loaded = store.existing_async("0").wait().unwrap();
    proxy.cut();
    let began = Instant::now();
    let loading: Vec<Loading> = (1..100).map(|number| store.existing_async(&number.to_string())).collect();
    assert!(store.existing_async("0").is_ready(), "a loaded instance is given out");
    for one in loading {
        let error = one.wait().unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error}");
    }
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    proxy.resume();
    until("it never came back", || store.existing_async("1").wait().is_ok());
    assert!(loaded.link("1", "ana").unwrap());
}

#[test]
fn limits_that_block_or_panic_delay_no_other_instance() {
    let Some(server) = shared() else { return };
    let schema = cold(server, ["stuck 1", "stuck 2", "stuck 3", "bad", "free"].map(str::to_owned));
    let (go, goes) = mpsc::channel::<()>();
    let (goes, fails) = (Mutex::new(goes), Mutex::new(true));
    let limits = move |name: &str| {
        if name.starts_with("stuck") {
            let _dropped = goes.lock().unwrap().recv();
        }
        assert!(name != "bad" || !std::mem::replace(&mut *fails.lock().unwrap(), false), "no plan for {name}");
        Limits::default()
    };
    let store = options(&schema).limits_by(limits).connect(server.url()).unwrap();
    let stuck = ["stuck 1", "stuck 2", "stuck 3"].map(|name| store.existing_async(name));
    let bad = store.existing_async("bad");
    assert_eq!(store.existing_async("free").wait().unwrap().revision(), 1);
    let panic = catch_unwind(|| bad.wait()).unwrap_err();
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "no plan for bad");
    assert_eq!(store.existing_async("bad").wait().unwrap().revision(), 1);
    assert!(stuck.iter().all(|one| !one.is_ready()));
    drop(go);
    assert!(stuck.into_iter().all(|one| one.wait().is_ok()));
}

#[test]
fn closing_while_the_database_is_away_ends_every_load() {
    let Some(server) = shared() else { return };
    let schema = cold(server, (0..50).map(|number| number.to_string()));
    let proxy = Proxy::start(server.port);
    let options: StoreOptions = options(&schema).patience(Duration::from_millis(400));
    let store: Store = options.connect(Server::url_of_port(proxy.port)).unwrap();
    proxy.stall();
    let loading: Vec<Loading> = (0..50).map(|number| store.existing_async(&number.to_string())).collect();
    let (told, closed) = mpsc::channel();
    thread::spawn(move || told.send(store.close()).unwrap());
    let mut refused = 0;
    for one in loading {
        let error = one.wait().unwrap_err();
        assert!(matches!(error, Error::StoreClosed | Error::Unavailable { .. }), "{error}");
        refused += usize::from(error == Error::StoreClosed);
    }
    assert!(refused >= 46, "{refused} were queued");
    closed.recv_timeout(LONG).unwrap().unwrap();
    proxy.release();
}
