//! Loading, unloading and making instances while they are used.

use label_index::{Error, Store};

use super::{at_once, close, either, explore, has, open, options};

/// Loads the instance if it is not loaded, writes, and drops the handle.
fn use_it(store: &Store, label: u32, chat: &str) {
    assert!(store.existing("shop").unwrap().link(label, chat).unwrap());
    assert!(store.existing("shop").unwrap().contains(label, chat), "a write that returned is not there");
}

#[test]
fn an_instance_is_unloaded_between_its_users() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let unload = |store: &Store| {
            for _ in 0..2 {
                let unloaded = store.unload("shop").map(drop);
                assert!(unloaded.is_ok() || unloaded == Err(Error::InstanceInUse { name: "shop".into() }));
            }
        };
        let (store, _) = at_once(store, [|store| use_it(store, 1, "bob"), |store| use_it(store, 2, "bob"), unload]);
        let index = store.existing("shop").unwrap();
        let shown = close(store, &index, &disk);
        assert!(shown.revision == 3 && has(&shown, 1, "bob") && has(&shown, 2, "bob"));
    };
    explore(body);
}

/// Any value of an instance keeps it loaded.
#[test]
fn an_instance_is_not_unloaded_while_a_value_of_it_is_alive() {
    let body = || {
        let (store, disk) = open(options());
        let use_it = |store: &Store| {
            let index = store.existing("shop").unwrap();
            let (mut feed, snapshot) = (index.subscribe(), index.snapshot());
            drop(index);
            assert!(store.existing("shop").unwrap().link(1, "bob").unwrap());
            assert!(!snapshot.contains(1, "bob"));
            drop(snapshot);
            assert!(feed.try_recv().is_some(), "the same index all the time");
        };
        let (store, _) = at_once(store, [use_it, |store| drop(store.unload("shop"))]);
        let index = store.existing("shop").unwrap();
        assert_eq!(close(store, &index, &disk).revision, 2);
    };
    explore(body);
}

fn make_and_use(store: &Store, chat: &str) {
    let index = store.instance("new").unwrap();
    index.upsert_label(1, "Open").unwrap();
    assert!(index.link(1, chat).unwrap());
}

#[test]
fn threads_that_ask_for_an_instance_at_once_get_the_same_one() {
    let body = || {
        let (store, disk) = open(options());
        let look = |store: &Store| {
            store.checkpoint().unwrap();
            assert!(store.instances().len() <= 2);
        };
        let (store, _) =
            at_once(store, [|store| make_and_use(store, "bob"), |store| make_and_use(store, "carl"), look]);
        assert_eq!(store.instance("new").unwrap().total_chats(), 2);
        drop(store);
        let store = options().open_on(disk).unwrap();
        let index = store.existing("new").unwrap();
        index.check_invariants().unwrap();
        assert_eq!((index.total_chats(), index.revision()), (2, 3));
    };
    explore(body);
}

/// Instances that are made at the same time, while others write, are written together or separately, and each exists
/// afterwards.
#[test]
fn instances_are_made_beside_writers_and_removals() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let make = |store: &Store| make_and_use(store, "bob");
        let make_another = |store: &Store| drop(store.instance("another").unwrap());
        let remove = |store: &Store| {
            assert!(store.instance("short").unwrap().upsert_label(1, "Open").unwrap().changed());
            store.remove_instance("short").unwrap();
            assert!(!store.instances().contains(&"short".to_owned()));
        };
        let (store, _) = at_once(store, [make, make_another, remove, |store| use_it(store, 1, "bob")]);
        assert_eq!(store.instances(), ["another", "new", "shop"]);
        drop(store);
        let store = options().open_on(disk).unwrap();
        assert_eq!(store.instances(), ["another", "new", "shop"]);
        assert!(
            store.existing("new").unwrap().contains(1, "bob") && store.existing("shop").unwrap().contains(1, "bob")
        );
    };
    explore(body);
}
