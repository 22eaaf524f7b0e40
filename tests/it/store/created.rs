//! Instances that are made of bulk loads.

use std::collections::BTreeSet;

use label_index::{BulkLoad, Error, Limit, Limits, Options, Store, StoreOptions};
use proptest::prelude::*;

use super::power::disk::{Disk, Trouble};
use super::power::random::Random;
use super::{Folder, Image};
use crate::bulk_load::{load_of, rows};
use crate::properties::cases;

fn options() -> Options {
    Options::new().hash_seed(1).identity(7)
}

/// Three labels and a few hundred chats.
fn load() -> BulkLoad {
    let mut load = options().bulk_load();
    for label in 1..=3 {
        load.label(label, format!("Label {label}").as_str()).unwrap();
    }
    for chat in 0..300_u32 {
        load.chat(format!("chat {chat}"), [1 + chat % 3, 1 + chat % 2]).unwrap();
    }
    load
}

proptest! {
    #![proptest_config(cases(20))]

    #[test]
    fn an_instance_has_what_the_index_in_memory_has(rows in rows()) {
        let image = Image::from(&load_of(options(), &rows).finish());
        let disk = Disk::default();
        let store = disk.open(StoreOptions::new()).unwrap();
        let index = store.create_instance("shop", load_of(options(), &rows)).unwrap();
        prop_assert_eq!(&Image::from(&index), &image);
        let mut lines = Vec::new();
        store.export(&mut lines).unwrap();
        drop((index, store));

        let store = disk.open(StoreOptions::new()).unwrap();
        let index = store.existing("shop").unwrap();
        prop_assert_eq!(&Image::from(&index), &image);
        let copy = Disk::default().open(StoreOptions::new()).unwrap();
        copy.import(&lines[..]).unwrap();
        prop_assert_eq!(&Image::from(&copy.existing("shop").unwrap()), &image);
    }
}

#[test]
fn it_is_written_to_and_opened_again_like_any_other() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.create_instance("shop", load()).unwrap();
    let mut feed = index.subscribe_after(1);
    assert!(index.link("1", "later").unwrap());
    assert!(matches!(feed.try_recv(), Some(label_index::Delivery::Commit(commit)) if commit.revision == 2));
    let image = Image::from(&index);
    drop((feed, index));
    store.close().unwrap();
    assert!(Store::verify(folder.path()).unwrap().is_sound());
    let store = folder.open();
    let index = store.existing("shop").unwrap();
    assert_eq!(Image::from(&index), image);
    assert_eq!(index.create_label("next").unwrap().outcome.to_string(), "4");
    let empty = store.create_instance("empty", options().bulk_load()).unwrap();
    assert_eq!((empty.revision(), empty.create_label("VIP").unwrap().revision), (0, 1));
}

#[test]
fn two_instances_of_equal_loads_refuse_the_positions_of_each_other() {
    let store = Folder::new();
    let store = store.open();
    let [a, b] = ["a", "b"].map(|name| store.create_instance(name, load()).unwrap());
    assert_ne!(a.identity(), b.identity());
    assert!(matches!(a.wait_for(b.subscribe().position()), Err(Error::BadPosition { .. })));
}

#[test]
fn what_is_refused_makes_no_instance() {
    let folder = Folder::new();
    let mut limits = Limits::default();
    limits.labels = 2;
    let store = StoreOptions::new().limits(limits).open(folder.path()).unwrap();
    let labels = Error::LimitExceeded { what: Limit::Labels, limit: 2, given: 3 };
    assert_eq!(store.create_instance("shop", load()).unwrap_err(), labels);
    assert_eq!(store.create_instance("", load()).unwrap_err(), Error::InstanceNameRequired);
    assert!(matches!(store.create_instance("a\n", load()), Err(Error::InvalidInstanceName { .. })));
    assert!(store.instances().is_empty());
    store.instance("shop").unwrap();
    let there = Error::InstanceExists { name: "shop".to_owned() };
    assert_eq!(store.create_instance("shop", options().bulk_load()).unwrap_err(), there);
    assert_eq!(store.existing("shop").unwrap().revision(), 0);
}

#[test]
fn of_several_callers_one_makes_the_instance() {
    let folder = Folder::new();
    let store = folder.open();
    let made = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4).map(|_| scope.spawn(|| store.create_instance("shop", load()))).collect();
        callers.into_iter().map(|caller| caller.join().unwrap()).filter_map(Result::ok).count()
    });
    assert_eq!(made, 1);
    assert_eq!(Image::from(&store.existing("shop").unwrap()), Image::from(&load().finish()));
}

/// The calls of the disk that making the instance needs.
fn calls() -> u64 {
    let disk = Disk::default();
    let store = disk.open(StoreOptions::new()).unwrap();
    let before = disk.calls();
    drop(store.create_instance("shop", load()).unwrap());
    disk.calls() - before
}

#[test]
fn it_is_there_whole_or_not_at_all_after_any_failed_call_of_the_disk() {
    let image = Image::from(&load().finish());
    let mut outcomes = BTreeSet::new();
    for (call, trouble) in (0..calls()).flat_map(|call| [(call, Trouble::Once(5)), (call, Trouble::Full)]) {
        let disk = Disk::default();
        let store = disk.open(StoreOptions::new()).unwrap();
        disk.trouble_after(call, trouble);
        let made = store.create_instance("shop", load());
        disk.heal();
        if made.is_err() {
            store.resume().unwrap();
        }
        outcomes.insert((made.is_ok(), store.instances().len()));
        match store.existing("shop") {
            Ok(index) => assert_eq!(Image::from(&index), image, "call {call}"),
            Err(_) => assert_eq!(Image::from(&store.create_instance("shop", load()).unwrap()), image, "call {call}"),
        }
        drop((made, store));
        let store = disk.open(StoreOptions::new()).unwrap();
        assert_eq!(Image::from(&store.existing("shop").unwrap()), image, "call {call}");
    }
    assert!(outcomes.contains(&(false, 0)), "{outcomes:?}");
}

#[test]
fn it_is_there_whole_or_not_at_all_after_the_power_is_cut_at_any_call() {
    let image = Image::from(&load().finish());
    let mut outcomes = BTreeSet::new();
    for call in 0..=calls() {
        let disk = Disk::default();
        let store = disk.open(StoreOptions::new()).unwrap();
        disk.trouble_after(call, Trouble::Off);
        let made = store.create_instance("shop", load());
        let is_made = made.is_ok();
        drop((made, store));
        disk.cut(&mut Random::new(call));
        disk.heal();
        let store = disk.open(StoreOptions::new()).unwrap();
        outcomes.insert((is_made, store.instances().len()));
        match store.existing("shop") {
            Ok(index) => assert_eq!(Image::from(&index), image, "call {call}"),
            Err(_) => assert_eq!(Image::from(&store.create_instance("shop", load()).unwrap()), image, "call {call}"),
        }
    }
    assert!(!outcomes.contains(&(true, 0)), "{outcomes:?}");
    assert!(outcomes.contains(&(false, 0)) && outcomes.contains(&(true, 1)), "{outcomes:?}");
}
