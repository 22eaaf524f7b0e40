//! Histories of several stores of one database, in one process and in several, checked like those of one store: every
//! answer is that of one revision, each revision comes once and without a gap, all stores publish the same, and end
//! with the same.

use std::thread;
use std::time::Duration;

use label_index::{LabelIndex, Store};

use super::disturb::{Random, disturb, rounds};
use super::process::{LEASE, Processes, options};
use super::proxy::Proxy;
use super::server::{Server, new_schema, shared};
use super::writers::until;
use crate::linearizability::site::{Home, Indexes};
use crate::linearizability::{make_labels, run_at};
use crate::store::Image;

/// An instance with the labels of a history, and their revision.
fn make_shop(server: &Server, schema: &str) -> u64 {
    let store = options(schema).connect(server.url()).unwrap();
    make_labels(&store.instance("shop").unwrap())
}

fn open(stores: &[Store], first: u64) -> Vec<LabelIndex> {
    let indexes: Vec<LabelIndex> = stores.iter().map(|store| store.existing("shop").unwrap()).collect();
    assert!(indexes.iter().all(|index| index.revision() == first));
    indexes
}

/// The contents of the instance as a new store loads it.
fn loaded(server: &Server, schema: &str) -> String {
    let store = options(schema).connect(server.url()).unwrap();
    format!("{:?}", Image::from(&store.existing("shop").unwrap()))
}

/// The writes of each writer; more if the faults take longer.
const WRITES: u32 = 100;

#[test]
fn histories_of_stores_in_one_process_are_linearizable() {
    let Some(server) = shared() else { return };
    for count in 2..=4 {
        let schema = new_schema();
        let first = make_shop(server, &schema);
        let stores: Vec<Store> = (0..count).map(|_| options(&schema).connect(server.url()).unwrap()).collect();
        let image = run_at(&Indexes(open(&stores, first), true), first, 150, || ());
        assert_eq!(loaded(server, &schema), image, "{count} stores");
    }
}

#[test]
fn histories_with_cut_connections_and_killed_servers_are_linearizable() {
    const STORES: u32 = 3;
    let Some(server) = Server::start() else { return };
    let (schema, mut random) = (new_schema(), Random::new());
    let first = make_shop(&server, &schema);
    let proxies: Vec<Proxy> = (0..STORES).map(|_| Proxy::start(server.port)).collect();
    let connect = |proxy: &Proxy| options(&schema).connect(Server::url_of_port(proxy.port)).unwrap();
    let stores: Vec<Store> = proxies.iter().map(connect).collect();
    let image = run_at(&Indexes(open(&stores, first), false), first, WRITES, || {
        (0..rounds()).for_each(|_| disturb(&mut random, &proxies, &server, |_| ()));
    });
    assert_eq!(loaded(&server, &schema), image);
}

#[test]
fn histories_of_processes_that_are_killed_and_stopped_are_linearizable() {
    const STORES: u32 = 3;
    if Processes::is_one() {
        return;
    }
    let Some(server) = shared() else { return };
    let (schema, mut random) = (new_schema(), Random::new());
    let first = make_shop(server, &schema);
    let name = "postgres::histories::histories_of_processes_that_are_killed_and_stopped_are_linearizable";
    let processes = Processes::start(name, &vec![server.url(); STORES as usize], &schema);
    let image = run_at(&processes, first, WRITES, || {
        for _ in 0..rounds() {
            let process = random.below(STORES) as usize;
            if random.below(2) == 0 {
                processes.kill(process);
            } else {
                processes.stop(process);
                random.pause(400);
                processes.go_on(process);
            }
            random.pause(200);
        }
    });
    assert_eq!(loaded(server, &schema), image);
}

/// A process stops for longer than its lease while it writes a checkpoint. Another process writes the checkpoint, and
/// the first changes nothing when it continues.
#[test]
fn a_process_that_stops_in_a_checkpoint_is_replaced() {
    if Processes::is_one() {
        return;
    }
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let first = make_shop(server, &schema);
    let beside = options(&schema).checkpoint_floor(1 << 20).retain_changes(0).connect(server.url()).unwrap();
    let index = beside.existing("shop").unwrap();
    let proxy = Proxy::start(server.port);
    let processes = Processes::start(
        "postgres::histories::a_process_that_stops_in_a_checkpoint_is_replaced",
        &[Server::url_of_port(proxy.port)],
        &schema,
    );
    let count = |what: &str| server.sql(&format!("SELECT count(DISTINCT {what}"));
    let images = || count(&format!("image) FROM {schema}.images"));
    proxy.stop_at("images (instance, image, id, payload)");
    thread::scope(|scope| {
        let writing = scope.spawn(|| processes.checkpoint(0));
        until("it writes no checkpoint", || proxy.is_stopped() && images() == "1");
        processes.stop(0);
        assert!(index.link("1", "meanwhile").unwrap(), "writes go on");
        beside.checkpoint().unwrap();
        assert_eq!(beside.stats().checkpoints, 0, "the lease is that of the other");
        thread::sleep(LEASE + Duration::from_millis(100));
        beside.checkpoint().unwrap();
        assert_eq!(beside.stats().checkpoints, 1);
        proxy.release();
        processes.go_on(0);
        assert_eq!(writing.join().unwrap(), 0, "it wrote none");
    });
    assert_eq!((images(), count(&format!("instance) FROM {schema}.leases"))), ("1".to_owned(), "0".to_owned()));
    assert_eq!(server.sql(&format!("SELECT image_head FROM {schema}.instances")), (first + 1).to_string());
    let mut site = processes.site(0);
    // It may have to notice first that its connections are lost.
    while site.write(1, 7, true).is_err() {}
    index.catch_up().unwrap();
    assert_eq!(site.image().unwrap().1, loaded(server, &schema));
    assert_eq!(format!("{:?}", Image::from(&index)), loaded(server, &schema));
    assert_eq!(processes.checkpoint(0), 1, "the next one is its own");
}
