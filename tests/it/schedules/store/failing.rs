//! Stores that are dropped while others write, and disks that fail once.

use label_index::{Delivery, Error, LabelIndex, Store};
use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use super::disk::{Disk, Trouble};
use super::{CLOSED, SOON, at_once, close, explore, has, open, options, reopened, submit};
use crate::replica::Replica;

/// Input or output error.
const EIO: i32 = 5;

/// The pairs of a label that were acknowledged, and why others were not.
type Told = (u32, Vec<&'static str>, Vec<Error>);

/// Links chats. Returns the answers.
fn try_to_link(index: &LabelIndex, label: u32, chats: &'static [&'static str]) -> JoinHandle<Told> {
    let index = index.clone();
    thread::spawn(move || {
        let (mut linked, mut refused) = (Vec::new(), Vec::new());
        for &chat in chats {
            match index.link(label, chat) {
                Ok(_) => linked.push(chat),
                Err(why) => refused.push(why),
            }
        }
        assert!(linked.iter().all(|&chat| index.contains(label, chat)), "a write that returned is not seen");
        (label, linked, refused)
    })
}

/// A batch that is submitted here and awaited in a thread of its own.
fn try_to_await(index: &LabelIndex, label: u32, chat: &'static str) -> JoinHandle<Told> {
    let receipt = submit(index, label, chat);
    thread::spawn(move || match block_on(receipt) {
        Ok(_) => (label, vec![chat], vec![]),
        Err(why) => (label, vec![], vec![why]),
    })
}

fn has_all(replica: &Replica, (label, linked, _): &Told) -> bool {
    linked.iter().all(|chat| has(replica, *label, chat))
}

#[test]
fn a_store_that_is_dropped_answers_everybody() {
    let body = || {
        let (store, disk) = open(options());
        let index = store.existing("shop").unwrap();
        let writers = [
            try_to_await(&index, 1, "bob"),
            try_to_link(&index, 1, &["carl", "dora"]),
            try_to_link(&index, 2, &["ana"]),
        ];
        drop(store);
        let left = reopened(disk.bytes()).unwrap();
        let told = writers.map(|writer| writer.join().unwrap());
        assert_eq!(told[0].1, ["bob"], "queued before the end");
        assert!(told.iter().all(|told| has_all(&left, told)));
        assert!(told.iter().flat_map(|told| &told.2).all(|why| *why == Error::StoreClosed));
        let acknowledged: usize = told.iter().map(|told| told.1.len()).sum();
        assert_eq!(left.revision, 1 + u64::try_from(acknowledged).unwrap(), "what was refused is not there");
        assert_eq!(Replica::from(&index.snapshot()), left);
        index.check_invariants().unwrap();
    };
    explore(body);
}

#[test]
fn a_store_that_is_dropped_writes_what_was_visible() {
    let body = || {
        let (store, disk) = open(options().durability(SOON).queued_changes(0));
        let index = store.existing("shop").unwrap();
        let writers = [try_to_link(&index, 1, &["bob", "carl"]), try_to_link(&index, 2, &["ana"])];
        let shown = close(store, &index, &disk);
        let told = writers.map(|writer| writer.join().unwrap());
        assert!(told.iter().all(|told| has_all(&shown, told)));
        assert!(told.iter().flat_map(|told| &told.2).all(|why| *why == Error::StoreClosed));
        assert_eq!(index.snapshot().revision(), shown.revision);
    };
    explore(body);
}

/// One call of the disk fails: one for a writer, or for a checkpoint, or none.
#[test]
fn a_disk_that_fails_once_fails_every_waiting_call() {
    let body = || {
        let (store, disk) = open(options().checkpoint_floor(0).checkpoint_percent(0));
        let index = store.existing("shop").unwrap();
        let mut feed = index.subscribe();
        disk.trouble_after(thread_rng().gen_range(0..24), Trouble::Once(EIO));
        let writers = [
            try_to_await(&index, 1, "bob"),
            try_to_link(&index, 1, &["carl"]),
            try_to_link(&index, 2, &["ana", "bob"]),
        ];
        let flushed = store.flush();
        let told = writers.map(|writer| writer.join().unwrap());
        let errors: Vec<&Error> = told.iter().flat_map(|told| &told.2).chain(flushed.as_ref().err()).collect();
        let late = index.link(1, "late");
        assert!(errors.iter().all(|why| late.as_ref() == Err(*why)), "one failure for all, and for good");
        if let Err(Error::StoreFailed { durable, .. }) = &late {
            assert_eq!(**durable, [("shop".to_owned(), index.revision())]);
        }
        assert!(late.is_ok() || disk.had_trouble());
        let shown = Replica::from(&index.snapshot());
        assert!(told.iter().all(|told| has_all(&shown, told)));
        index.check_invariants().unwrap();
        drop(store);
        while let Some(Delivery::Commit(_)) = feed.try_recv() {}
        assert_eq!(feed.revision(), shown.revision, "what is seen was delivered, and nothing else");
        disk.heal();
        for left in [disk.bytes(), disk.synced()].map(|bytes| reopened(bytes).unwrap()) {
            assert!((shown.revision..=6).contains(&left.revision), "{shown:?} were seen, and {left:?} are there");
            assert!(shown.links.iter().all(|(chat, labels)| left.links[chat].is_superset(labels)));
        }
    };
    explore(body);
}

/// A store resumes while others write. Each writer gets the true answer for its own write.
#[test]
fn a_store_that_resumes_beside_its_writers_has_what_they_were_told() {
    let body = || {
        let disk = Disk::from(CLOSED.get().unwrap().clone());
        let store = disk.open(options().checkpoint_floor(0).checkpoint_percent(0)).unwrap();
        let index = store.existing("shop").unwrap();
        let mut feed = index.subscribe();
        disk.trouble_after(thread_rng().gen_range(0..24), Trouble::Once(EIO));
        let writers = [
            try_to_await(&index, 1, "bob"),
            try_to_link(&index, 1, &["carl", "dora"]),
            try_to_link(&index, 2, &["ana", "bob"]),
        ];
        // The failing call may be one of resuming.
        let mut refused = 0;
        for _ in 0..16 {
            refused += u32::from(store.resume().is_err());
            thread::yield_now();
        }
        assert!(refused <= 1, "the disk fails once");
        let told = writers.map(|writer| writer.join().unwrap());
        store.resume().unwrap();
        let had_trouble = disk.had_trouble();
        disk.heal();
        assert_eq!(index.link(1, "late"), Ok(true));
        index.check_invariants().unwrap();
        let shown = close(store, &index, &disk);
        assert!(told.iter().all(|told| has_all(&shown, told)));
        let refused: Vec<&Error> = told.iter().flat_map(|told| &told.2).collect();
        assert!(refused.iter().all(|why| matches!(why, Error::StoreFailed { .. })), "{refused:?}");
        assert!(refused.is_empty() || had_trouble);
        for revision in 2..=shown.revision {
            assert!(matches!(feed.try_recv(), Some(Delivery::Commit(commit)) if commit.revision == revision));
        }
        assert_eq!(feed.try_recv(), Some(Delivery::Closed));
    };
    explore(body);
}

/// Other operations that need the disk get the error too.
#[test]
fn a_disk_that_fails_once_keeps_nobody_waiting() {
    let body = || {
        let (store, disk) = open(options().durability(SOON).queued_changes(0));
        let index = store.existing("shop").unwrap();
        disk.trouble_after(thread_rng().gen_range(0..16), Trouble::Once(EIO));
        let writer = try_to_link(&index, 1, &["bob", "carl"]);
        let (store, told) = at_once(store, [|store| store.instance("new").map(drop), Store::checkpoint]);
        for told in told {
            assert!(matches!(told, Ok(()) | Err(Error::StoreFailed { .. } | Error::Io { .. })), "{told:?}");
        }
        let (_, linked, refused) = writer.join().unwrap();
        assert_eq!(linked.len() + refused.len(), 2);
        index.check_invariants().unwrap();
        drop(store);
        let had_trouble = disk.had_trouble();
        disk.heal();
        let (left, shown) = (reopened(disk.bytes()).unwrap(), Replica::from(&index.snapshot()));
        assert!(left.revision <= shown.revision && (had_trouble || left == shown));
    };
    explore(body);
}

/// A reader never sees a failed write.
#[test]
fn a_snapshot_beside_a_failure_shows_one_revision() {
    let body = || {
        let (store, disk) = open(options());
        let index = store.existing("shop").unwrap();
        disk.trouble_after(thread_rng().gen_range(0..8), Trouble::Once(EIO));
        let writer = try_to_link(&index, 1, &["bob"]);
        let snapshots = [index.snapshot(), index.snapshot()];
        let (_, linked, _) = writer.join().unwrap();
        for snapshot in &snapshots {
            assert_eq!(snapshot.total_rows(), snapshot.revision());
            assert!(snapshot.revision() == 1 || linked == ["bob"], "seen, and taken back");
        }
        drop(store);
    };
    explore(body);
}
