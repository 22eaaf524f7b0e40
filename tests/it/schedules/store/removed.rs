//! Instances that are removed while they are used.

use label_index::{Error, LabelIndex, Store};
use shuttle::future::block_on;
use shuttle::thread;

use super::{at_once, either, explore, open, options, reopened, submit};
use crate::replica::Replica;

fn unknown() -> Error {
    Error::UnknownInstance { name: "shop".into() }
}

/// Writes until a write is refused. Returns the number of writes before that.
fn write_until_removed(index: LabelIndex) -> thread::JoinHandle<u64> {
    thread::spawn(move || {
        let mut written = 0;
        for chat in ["bob", "carl"] {
            match index.link(1, chat) {
                Ok(changed) => written += u64::from(changed),
                Err(error) => assert_eq!(error, unknown()),
            }
        }
        index.check_invariants().unwrap();
        written
    })
}

#[test]
fn an_instance_is_removed_under_its_writers_and_another_takes_its_name() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let index = store.existing("shop").unwrap();
        let (held, receipt) = (index.snapshot(), submit(&index, 2, "ana"));
        let was = Replica::from(&held);
        let awaiting = thread::spawn(move || block_on(receipt).map(|done| done.revision));
        let writer = write_until_removed(index.clone());
        store.remove_instance("shop").unwrap();
        let answer = awaiting.join().unwrap();
        assert_eq!(answer.is_ok(), index.contains(2, "ana"));
        assert!(answer == Ok(2) || answer == Err(unknown()));
        assert!(index.total_rows() > writer.join().unwrap());
        assert_eq!(index.link(1, "late"), Err(unknown()));
        assert_eq!(Replica::from(&held), was);
        let other = store.instance("shop").unwrap();
        assert_eq!(other.revision(), 0, "another one");
        drop((index, held, other, store));
        assert_eq!(reopened(disk.bytes()).unwrap().revision, 0);
    };
    explore(body);
}

/// Threads use an instance, unload it and write checkpoints, while another thread removes it.
#[test]
fn an_instance_is_removed_beside_everything_else() {
    let body = || {
        let (store, disk) = open(options().checkpoint_floor(0).checkpoint_percent(0));
        let use_it = |store: &Store| {
            let linked = store.existing("shop").and_then(|index| index.link(1, "bob"));
            assert!(linked == Ok(true) || linked == Err(unknown()));
        };
        let unload = |store: &Store| {
            let in_use = Error::InstanceInUse { name: "shop".into() };
            let unloaded = store.unload("shop").map(drop);
            assert!(unloaded.is_ok() || unloaded == Err(unknown()) || unloaded == Err(in_use));
        };
        let remove = |store: &Store| store.remove_instance("shop").unwrap();
        let (store, _) = at_once(store, [use_it, unload, |store| store.checkpoint().unwrap(), remove]);
        assert_eq!(store.remove_instance("shop"), Err(unknown()));
        assert!(store.instances().is_empty());
        drop(store);
        assert_eq!(reopened(disk.bytes()), None);
    };
    explore(body);
}

/// A thread that makes an instance while another thread removes it gets the removed one, or a new one that stays.
#[test]
fn an_instance_is_made_while_it_is_removed() {
    let body = || {
        let (store, disk) = open(options());
        let make = |store: &Store| {
            let index = store.instance("shop").unwrap();
            let before = index.revision();
            Some((before, index.upsert_label(3, "New").map(|made| made.revision)))
        };
        let remove = |store: &Store| {
            store.remove_instance("shop").unwrap();
            None
        };
        let (store, [made, _]) = at_once(store, [make, remove]);
        let made = made.unwrap();
        let is_gone = made.0 > 0;
        match made {
            (0, made) => assert_eq!(made, Ok(1), "a new one"),
            (_, Err(error)) => assert_eq!(error, unknown()),
            (before, made) => assert_eq!((before, made), (1, Ok(2)), "written before the end"),
        }
        let there = store.instances();
        assert_eq!(there.is_empty(), is_gone, "made after the end, or before");
        drop(store);
        let left = reopened(disk.bytes()).map(|left| left.revision);
        assert_eq!(left, (!there.is_empty()).then_some(1));
    };
    explore(body);
}
