//! Many threads at once: they open a store, use an instance that is unloaded or removed, and make every kind of call.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, stdin};
use std::process::{Child, Stdio};
use std::sync::Barrier;
use std::time::Duration;
use std::{env, thread};

use label_index::{Durability, Error, Limits, Store, StoreOptions};

use super::power::disk::Disk;
use super::{Folder, Image, fill, in_another_process};
use crate::replica::Replica;
use crate::{linearizability, threads};

/// Everything that the one instance of a disk shows.
fn replica_on(disk: &Disk) -> Replica {
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    let index = store.existing("shop").unwrap();
    index.check_invariants().unwrap();
    Replica::from(&index.snapshot())
}

fn everything_at_once(durability: Durability) {
    let disk = Disk::default();
    let mut limits = Limits::default();
    limits.feed_changes = threads::KEPT;
    let options = StoreOptions::new().durability(durability).limits(limits).checkpoint_floor(4 << 10);
    let store = options.open_on(disk.clone()).unwrap();
    let index = store.instance("shop").unwrap();
    threads::run_on(index.clone());
    store.flush().unwrap();
    let shown = Replica::from(&index.snapshot());
    let (killed, cut) = (Disk::from(disk.bytes()), Disk::from(disk.synced()));
    drop((index, store));
    assert_eq!(replica_on(&killed), shown);
    assert_eq!(replica_on(&cut), shown);
    assert_eq!(replica_on(&disk), shown);
}

#[test]
fn everything_seen_is_the_state_of_one_durable_revision() {
    everything_at_once(Durability::Synced);
}

#[test]
fn everything_seen_is_the_state_of_one_revision_that_will_be_durable() {
    everything_at_once(Durability::Within(Duration::from_millis(4)));
}

fn one_thing_after_the_other(durability: Durability, writes: u32) {
    let disk = Disk::default();
    let mut limits = Limits::default();
    limits.feed_changes = linearizability::KEPT;
    let options = StoreOptions::new().durability(durability).limits(limits).checkpoint_floor(4 << 10);
    let store = options.open_on(disk.clone()).unwrap();
    let index = store.instance("shop").unwrap();
    linearizability::run_on(index.clone(), writes);
    let shown = Replica::from(&index.snapshot());
    drop((index, store));
    assert_eq!(replica_on(&disk), shown);
}

#[test]
fn histories_on_disk_are_linearizable() {
    one_thing_after_the_other(Durability::Synced, 5_000);
}

#[test]
fn histories_on_their_way_to_the_disk_are_linearizable() {
    one_thing_after_the_other(Durability::Within(Duration::from_millis(4)), 20_000);
}

#[test]
fn one_of_several_simultaneous_openers_succeeds() {
    const OPENERS: usize = 4;
    let folder = Folder::new();
    for _ in 0..20 {
        let (begin, end) = (&Barrier::new(OPENERS), &Barrier::new(OPENERS));
        let opened = thread::scope(|scope| {
            let open = || {
                begin.wait();
                let opened = Store::open(folder.path());
                // The store stays open until all have tried.
                end.wait();
                match opened {
                    Ok(_) => 1,
                    Err(Error::StoreInUse { .. }) => 0,
                    Err(other) => panic!("{other}"),
                }
            };
            let openers: Vec<_> = (0..OPENERS).map(|_| scope.spawn(open)).collect();
            openers.into_iter().map(|opener| opener.join().unwrap()).sum::<usize>()
        });
        assert_eq!(opened, 1);
    }
}

/// The folder of the store; set for the processes of [`one_of_two_processes_that_open_at_once_succeeds`].
const FOLDER: &str = "LABEL_INDEX_TEST_TOGETHER";

#[test]
fn one_of_two_processes_that_open_at_once_succeeds() {
    if let Some(folder) = env::var_os(FOLDER) {
        let store = Store::open(folder);
        println!("\nopened {}", store.is_ok());
        assert!(matches!(store, Ok(_) | Err(Error::StoreInUse { .. })));
        stdin().read_line(&mut String::new()).unwrap();
        return;
    }
    let folder = Folder::new();
    let process = || {
        let mut command = in_another_process("store::together::one_of_two_processes_that_open_at_once_succeeds");
        command.env(FOLDER, folder.path()).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    };
    let opened = |process: &mut Child| {
        let lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        lines.map(Result::unwrap).find(|line| line.starts_with("opened")).unwrap()
    };
    for _ in 0..10 {
        let mut processes = [process(), process()];
        let mut told = processes.each_mut().map(opened);
        told.sort();
        assert_eq!(told, ["opened false", "opened true"]);
        for mut process in processes {
            drop(process.stdin.take());
            assert!(process.wait().unwrap().success());
        }
    }
}

#[test]
fn an_instance_is_unloaded_between_its_users_and_never_under_them() {
    const USERS: usize = 3;
    const ROUNDS: usize = 150;
    let store = &StoreOptions::new().open_on(Disk::default()).unwrap();
    store.instance("shop").unwrap().upsert_label("1", "VIP").unwrap();
    let (revisions, unloaded) = thread::scope(|scope| {
        let users: Vec<_> = (0..USERS)
            .map(|user| {
                scope.spawn(move || {
                    let link = |round| {
                        let index = store.existing("shop").unwrap();
                        let mut batch = index.batch();
                        batch.link("1", format!("chat {user} {round}")).unwrap();
                        let done = batch.commit().unwrap();
                        assert!(store.existing("shop").unwrap().contains("1", format!("chat {user} {round}")));
                        done.revision
                    };
                    (0..ROUNDS).map(link).collect::<Vec<u64>>()
                })
            })
            .collect();
        let mut unloaded = 0;
        while unloaded == 0 || !users.iter().all(|user| user.is_finished()) {
            match store.unload("shop") {
                Ok(was_loaded) => unloaded += usize::from(was_loaded),
                Err(error) => assert_eq!(error, Error::InstanceInUse { name: "shop".into() }),
            }
        }
        let revisions: Vec<u64> = users.into_iter().flat_map(|user| user.join().unwrap()).collect();
        (revisions, unloaded)
    });
    assert!(unloaded > 0);
    let written = u64::try_from(USERS * ROUNDS).unwrap();
    assert!(revisions.into_iter().collect::<BTreeSet<_>>().into_iter().eq(2..=written + 1), "each once, without a gap");
    assert_eq!(store.existing("shop").unwrap().total_chats(), written);
}

#[test]
fn an_instance_is_removed_under_its_writers_and_its_snapshots_stay() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    fill(&index);
    let (snapshot, image) = (index.snapshot(), Image::from(&index));
    let unknown = Error::UnknownInstance { name: "shop".into() };
    thread::scope(|scope| {
        let writers: Vec<_> = (0..3)
            .map(|writer| {
                let index = &index;
                scope.spawn(move || {
                    let refused = (0..).find_map(|n| index.link("1", format!("writer {writer}: {n}")).err());
                    refused.unwrap()
                })
            })
            .collect();
        while index.revision() < snapshot.revision() + 10 {
            thread::yield_now();
        }
        store.remove_instance("shop").unwrap();
        for writer in writers {
            assert_eq!(writer.join().unwrap(), unknown);
        }
    });
    assert_eq!(Image::from(&snapshot), image);
    index.check_invariants().unwrap();
    assert_eq!(store.instance("shop").unwrap().revision(), 0, "another one");
    drop((index, snapshot, store));
    assert_eq!(folder.open().existing("shop").unwrap().revision(), 0);
}
