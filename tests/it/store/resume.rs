//! A store that failed and resumes.

use std::fs;
use std::time::Duration;

use label_index::{Delivery, Durability, Error, FullState, LabelIndex, Store, StoreOptions, Subscriber};

use super::power::disk::{Disk, Trouble};
use super::{Folder, Image, fill};

const HOURS: Duration = Duration::from_secs(36_000);

/// A store with an instance that has a label at revision 1.
fn open(disk: &Disk, durability: Durability) -> (Store, LabelIndex) {
    let store = disk.open(StoreOptions::new().durability(durability)).unwrap();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    store.flush().unwrap();
    (store, index)
}

/// The revisions of pending commits, and the first delivery that is no commit, if there is one.
fn delivered(feed: &mut Subscriber) -> (Vec<u64>, Option<Delivery>) {
    let mut revisions = Vec::new();
    loop {
        match feed.try_recv() {
            Some(Delivery::Commit(commit)) => revisions.push(commit.revision),
            other => return (revisions, other),
        }
    }
}

#[test]
fn a_full_disk_is_an_error_until_there_is_room() {
    let disk = Disk::default();
    let (store, index) = open(&disk, Durability::Synced);
    let mut feed = index.subscribe();
    store.resume().unwrap();
    assert_eq!(index.link("1", "ana"), Ok(true), "a store that did not fail is left alone");

    disk.trouble_after(0, Trouble::Full);
    let failure = index.link("1", "bob").unwrap_err();
    let before = Image::from(&index);
    for _ in 0..2 {
        let refused = store.resume().unwrap_err();
        assert!(matches!(&refused, Error::Io { cause, .. } if cause.contains("no storage space")), "{refused}");
        assert_eq!((store.failure(), store.stats().failure), (Some(failure.clone()), Some(failure.clone())));
        assert_eq!(index.link("1", "bob"), Err(failure.clone()));
        assert_eq!(Image::from(&index), before, "reads go on");
        assert_eq!(store.existing("nobody").unwrap_err(), Error::UnknownInstance { name: "nobody".into() });
    }

    disk.heal();
    store.resume().unwrap();
    assert_eq!((store.failure(), store.stats().failure), (None, None));
    assert_eq!(Image::from(&index), before, "the write that failed is not there");
    assert_eq!(index.link("1", "bob"), Ok(true), "by a handle from before");
    assert_eq!(store.instance("new").unwrap().upsert_label("1", "New").unwrap().revision, 1);
    assert_eq!(delivered(&mut feed), (vec![2, 3], None));
    let images = ["shop", "new"].map(|name| Image::from(&store.existing(name).unwrap()));
    drop((index, feed, store));
    let store = disk.open(StoreOptions::new()).unwrap();
    assert_eq!(["shop", "new"].map(|name| Image::from(&store.existing(name).unwrap())), images);
}

/// The number of calls of the disk that a link makes.
fn calls_of_a_link() -> u64 {
    let disk = Disk::default();
    let (_store, index) = open(&disk, Durability::Synced);
    let before = disk.calls();
    index.link("1", "ana").unwrap();
    disk.calls() - before
}

#[test]
fn a_failed_write_that_is_on_disk_shows_itself_once() {
    let mut there = 0;
    for call in 0..calls_of_a_link() {
        let disk = Disk::default();
        let (store, index) = open(&disk, Durability::Synced);
        let mut feed = index.subscribe();
        disk.trouble_after(call, Trouble::Once(5));
        // The receipt is not polled before the store has resumed.
        let receipt = index.link_async("1", "ana");
        let flushed = store.flush();
        assert_eq!((index.total_chats(), delivered(&mut feed)), (0, (vec![], None)), "not seen before it is certain");
        let failure = flushed.unwrap_err();
        assert!(matches!(failure, Error::StoreFailed { .. }), "call {call}: {failure}");
        store.resume().unwrap();
        let is_there = index.contains("1", "ana");
        there += u64::from(is_there);
        assert_eq!(receipt.wait(), if is_there { Ok(true) } else { Err(failure) }, "call {call}");
        assert_eq!(index.link("1", "ana"), Ok(!is_there));
        assert_eq!(delivered(&mut feed), (vec![2], None), "call {call}");
        let late = index.subscribe_after(1).try_recv();
        assert!(matches!(late, Some(Delivery::Commit(commit)) if commit.revision == 2), "call {call}");
        let image = Image::from(&index);
        drop((index, feed, store));
        assert_eq!(Image::from(&disk.open(StoreOptions::new()).unwrap().existing("shop").unwrap()), image);
    }
    assert!(there > 0, "some errors come when everything is written");
}

#[test]
fn a_receipt_of_a_write_that_is_lost_is_not_ready_by_a_later_one_of_the_same_revision() {
    let disk = Disk::default();
    let (store, index) = open(&disk, Durability::Synced);
    disk.trouble_after(0, Trouble::Full);
    let lost = index.link_async("1", "ana");
    let failure = store.flush().unwrap_err();
    disk.heal();
    store.resume().unwrap();
    let later = index.link_async("1", "bob");
    assert_eq!(later.wait(), Ok(true));
    assert!(lost.is_ready());
    assert_eq!(lost.wait(), Err(failure));
    assert_eq!((index.revision(), index.contains("1", "ana")), (2, false));
}

#[test]
fn visible_commits_that_are_not_on_disk_are_undone_and_subscribers_are_told() {
    let disk = Disk::default();
    let (store, index) = open(&disk, Durability::Within(HOURS));
    let quiet = store.instance("quiet").unwrap();
    quiet.upsert_label("1", "VIP").unwrap();
    store.flush().unwrap();
    let (mut feed, mut quiet_feed) = (index.subscribe(), quiet.subscribe());
    let ticket = index.begin_refresh().unwrap();
    let snapshot = {
        disk.trouble_after(0, Trouble::Full);
        assert_eq!(index.link("1", "ana"), Ok(true));
        index.snapshot()
    };
    assert!(matches!(store.flush(), Err(Error::StoreFailed { .. })));
    assert_eq!((index.revision(), index.total_chats()), (2, 1));
    disk.heal();
    store.resume().unwrap();

    assert_eq!((index.revision(), index.total_chats()), (1, 0), "what is on disk");
    assert_eq!((snapshot.revision(), snapshot.total_chats()), (2, 1), "a snapshot never changes");
    assert_eq!(delivered(&mut feed), (vec![], Some(Delivery::Missed { after: 1 })));
    assert_eq!(index.subscribe_after(snapshot.revision()).try_recv(), Some(Delivery::Missed { after: 2 }));
    assert_eq!(ticket.commit(FullState::new()).unwrap_err().cause, Error::TicketCancelled);
    feed.resume_after(index.revision());
    assert_eq!(index.link("1", "bob"), Ok(true));
    assert_eq!(quiet.link("1", "bob"), Ok(true));
    store.flush().unwrap();
    assert_eq!(delivered(&mut feed), (vec![2], None));
    assert_eq!(delivered(&mut quiet_feed), (vec![2], None), "nothing of it was lost, and nothing is told");
    index.check_invariants().unwrap();
}

#[test]
fn instances_that_were_made_or_removed_are_as_on_disk() {
    let calls = |act: fn(&Store)| {
        let disk = Disk::default();
        let (store, _) = open(&disk, Durability::Synced);
        let before = disk.calls();
        act(&store);
        disk.calls() - before
    };
    let make = |store: &Store| store.instance("new").map(drop).unwrap();
    let remove = |store: &Store| store.remove_instance("shop").unwrap();
    let mut outcomes = std::collections::BTreeSet::new();
    for call in 0..calls(make) {
        let disk = Disk::default();
        let (store, _) = open(&disk, Durability::Synced);
        disk.trouble_after(call, Trouble::Once(28));
        store.instance("new").unwrap_err();
        assert_eq!(store.instances(), ["shop"]);
        store.resume().unwrap();
        outcomes.insert(("made", store.existing("new").is_ok()));
        store.instance("new").unwrap().upsert_label("1", "New").unwrap();
        store.close().unwrap();
        let store = disk.open(StoreOptions::new()).unwrap();
        assert_eq!((store.instances().len(), store.existing("new").unwrap().revision()), (2, 1), "call {call}");
    }
    for call in 0..calls(remove) {
        let disk = Disk::default();
        let (store, index) = open(&disk, Durability::Synced);
        let mut feed = index.subscribe();
        disk.trouble_after(call, Trouble::Once(28));
        store.remove_instance("shop").unwrap_err();
        let unknown = Error::UnknownInstance { name: "shop".into() };
        assert_eq!(index.link("1", "ana"), Err(unknown.clone()));
        store.resume().unwrap();
        let is_there = store.loaded("shop").is_some();
        outcomes.insert(("removed", !is_there));
        if is_there {
            assert_eq!((index.link("1", "ana"), delivered(&mut feed)), (Ok(true), (vec![2], None)), "call {call}");
        } else {
            assert_eq!(index.link("1", "ana"), Err(unknown));
            assert_eq!((feed.try_recv(), index.labels().len()), (Some(Delivery::Closed), 1), "call {call}");
        }
        store.instance("shop").unwrap().upsert_label("1", "Again").unwrap();
        store.close().unwrap();
        let store = disk.open(StoreOptions::new()).unwrap();
        let labels = store.existing("shop").unwrap().labels();
        assert_eq!((store.instances().len(), labels[0].name().unwrap().as_str()), (1, "Again"), "call {call}");
    }
    assert_eq!(outcomes.len(), 4, "each may have happened or not: {outcomes:?}");
}

/// An export of the instances "a" and "b", with what they have.
fn exported() -> (Vec<u8>, [Image; 2]) {
    let store = Disk::default().open(StoreOptions::new()).unwrap();
    let images = ["a", "b"].map(|name| {
        let index = store.instance(name).unwrap();
        fill(&index);
        index.link("1", format!("chat of {name}")).unwrap();
        Image::from(&index)
    });
    let mut lines = Vec::new();
    store.export(&mut lines).unwrap();
    (lines, images)
}

/// The same for each call of the disk, and for a disk that is full from there on.
#[test]
fn an_import_that_failed_with_the_store_succeeds_after_it_resumed() {
    let (lines, images) = exported();
    let calls = {
        let disk = Disk::default();
        let (store, _index) = open(&disk, Durability::Synced);
        let before = disk.calls();
        assert_eq!(store.import(&lines[..]).unwrap(), ["a", "b"]);
        disk.calls() - before
    };
    let mut outcomes = std::collections::BTreeSet::new();
    for (call, trouble) in (0..calls).flat_map(|call| [(call, Trouble::Once(5)), (call, Trouble::Full)]) {
        let disk = Disk::default();
        let (store, index) = open(&disk, Durability::Synced);
        disk.trouble_after(call, trouble);
        let cause = match store.import(&lines[..]) {
            Err(Error::ImportRefused { cause, .. }) => cause,
            // A full disk can be read, and nothing more was written.
            Ok(_) if matches!(trouble, Trouble::Full) => continue,
            other => panic!("call {call}: {other:?}"),
        };
        let failure = store.failure().unwrap();
        assert_eq!(*cause, failure, "call {call}");
        disk.heal();
        let again = store.import(&lines[..]).unwrap_err();
        let exists = |name: &str| Error::InstanceExists { name: name.to_owned() };
        let Error::ImportRefused { cause, .. } = again else { panic!("{again}") };
        assert!(*cause == failure || *cause == exists("a"), "call {call}: {cause}");
        store.resume().unwrap();

        let there = store.instances().len() - 1;
        outcomes.insert(there);
        // Each of them is there with all that it has, or its name is free.
        for (name, image) in ["a", "b"].into_iter().zip(&images).take(there) {
            assert_eq!(Image::from(&store.existing(name).unwrap()), *image, "call {call}");
            store.remove_instance(name).unwrap();
        }
        assert_eq!(store.import(&lines[..]).unwrap(), ["a", "b"], "call {call}");
        assert_eq!(index.link("1", "ana"), Ok(true));
        drop(index);
        store.close().unwrap();
        let store = disk.open(StoreOptions::new()).unwrap();
        assert_eq!(store.instances(), ["a", "b", "shop"]);
        for (name, image) in ["a", "b"].into_iter().zip(&images) {
            let index = store.existing(name).unwrap();
            assert_eq!(Image::from(&index), *image, "call {call}");
            assert_eq!(index.link("1", "later"), Ok(true));
        }
    }
    assert!(outcomes.len() > 1, "an instance is there or not: {outcomes:?}");
}

/// A reader whose next read ends in a failure of the store, from which it resumes.
struct FailsBetween<'a> {
    rest: &'a [u8],
    store: &'a Store,
    index: &'a LabelIndex,
    disk: &'a Disk,
}

impl std::io::Read for FailsBetween<'_> {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        unreachable!("lines are read from the buffer")
    }
}

impl std::io::BufRead for FailsBetween<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        Ok(self.rest)
    }

    fn consume(&mut self, bytes: usize) {
        let (line, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        if line.starts_with(b"{\"instance\"") {
            self.disk.trouble_after(0, Trouble::Full);
            assert!(matches!(self.index.link("1", "ana"), Err(Error::StoreFailed { .. })));
            self.disk.heal();
            self.store.resume().unwrap();
        }
    }
}

#[test]
fn an_import_continues_when_the_store_fails_and_resumes_between_two_lines() {
    let (lines, images) = exported();
    let disk = Disk::default();
    let (store, index) = open(&disk, Durability::Synced);
    let reader = FailsBetween { rest: &lines, store: &store, index: &index, disk: &disk };
    assert_eq!(store.import(reader).unwrap(), ["a", "b"]);
    let made = ["a", "b"].map(|name| Image::from(&store.existing(name).unwrap()));
    assert_eq!((made, index.link("1", "ana")), (images, Ok(true)));
}

#[test]
fn a_file_that_is_away_has_to_come_back_as_it_was() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    let (file, away) = (folder.file(), folder.path().join("away"));
    fs::rename(&file, &away).unwrap();
    assert!(
        matches!(index.link("1", "ana"), Err(Error::StoreFailed { cause, .. }) if cause.contains("moved or removed"))
    );
    assert!(matches!(store.resume(), Err(Error::Io { .. })));
    fs::copy(&away, &file).unwrap();
    assert!(matches!(store.resume(), Err(Error::Io { cause, .. }) if cause.contains("replaced by another")));
    fs::rename(&away, &file).unwrap();

    // As another process that has the file open.
    let other = redb::Database::open(&file).unwrap();
    assert!(matches!(store.resume(), Err(Error::StoreInUse { .. })));
    assert!(matches!(Store::open(folder.path()), Err(Error::StoreInUse { .. })), "the lock of the folder is kept");
    drop(other);
    store.resume().unwrap();
    assert!(index.contains("1", "ana"), "it was written before the file was found to be away");
    assert_eq!(index.link("1", "bob"), Ok(true));
    assert!(matches!(Store::open(folder.path()), Err(Error::StoreInUse { .. })));
    drop((index, store));
    assert!(Store::verify(folder.path()).unwrap().is_sound());
    assert_eq!(folder.open().existing("shop").unwrap().total_chats(), 2);
}
