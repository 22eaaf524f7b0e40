//! Commits that a store retains for subscribers: those that resume after a restart or an unload, and those that fall
//! behind.

use std::future::poll_fn;
use std::thread;
use std::time::Duration;

use label_index::{Delivery, Error, FullState, LabelIndex, Limits, Position, Store, StoreOptions, Subscriber};

use super::Folder;

fn chats(range: std::ops::Range<u32>) -> impl Iterator<Item = String> {
    range.map(|chat| format!("55119999{chat:05}@c.us"))
}

/// A label, and a commit for each of these chats.
fn link(index: &LabelIndex, range: std::ops::Range<u32>) {
    index.upsert_label("1", "VIP").unwrap();
    for chat in chats(range) {
        assert!(index.link("1", chat).unwrap());
    }
}

fn revisions(feed: &mut Subscriber) -> Vec<u64> {
    let mut revisions = Vec::new();
    while let Some(Delivery::Commit(commit)) = feed.try_recv() {
        assert_eq!(commit.position.revision(), commit.revision);
        revisions.push(commit.revision);
    }
    revisions
}

fn missed(after: u64) -> Option<Delivery> {
    Some(Delivery::Missed { after })
}

/// Options with a feed that keeps two changes in memory.
fn small_feed() -> StoreOptions {
    let mut limits = Limits::default();
    limits.feed_changes = 2;
    StoreOptions::new().limits(limits).retain_changes(1_000)
}

#[test]
fn a_consumer_goes_on_after_a_restart() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    link(&index, 0..5);
    let mut feed = index.subscribe_after(0);
    assert!(matches!(feed.try_recv(), Some(Delivery::Commit(_))));
    let stored = feed.position().to_string();
    drop((feed, index, store));

    let store = folder.open();
    let index = store.existing("shop").unwrap();
    let mut feed = index.subscribe_from(&stored).unwrap();
    assert_eq!(revisions(&mut feed), [2, 3, 4, 5, 6]);
    link(&index, 5..7);
    assert_eq!(revisions(&mut feed), [7, 8]);
    assert_eq!(revisions(&mut index.subscribe_after(0)).len(), 8);
    drop((feed, index));
    assert!(store.unload("shop").unwrap());
    let index = store.existing("shop").unwrap();
    assert_eq!(revisions(&mut index.subscribe_from(stored).unwrap()), [2, 3, 4, 5, 6, 7, 8], "and after an unload");
}

#[test]
fn commits_stay_behind_checkpoints() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    for round in 0..4 {
        link(&index, 3 * round..3 * round + 3);
        store.checkpoint().unwrap();
    }
    let commits = index.revision();
    assert_eq!(revisions(&mut index.subscribe_after(0)), (1..=commits).collect::<Vec<_>>());
    drop((index, store));
    assert!(Store::verify(folder.path()).unwrap().is_sound());
    let index = folder.open().existing("shop").unwrap();
    assert_eq!(index.subscribe_after(0).try_recv(), Some(Delivery::Closed));
    let store = folder.open();
    let index = store.existing("shop").unwrap();
    assert_eq!(revisions(&mut index.subscribe_after(0)), (1..=commits).collect::<Vec<_>>());
}

#[test]
fn the_last_changes_are_retained() {
    let folder = Folder::new();
    for retained in [7, 1, 0] {
        let store = StoreOptions::new().retain_changes(retained).open(folder.path()).unwrap();
        let index = store.instance("shop").unwrap();
        let before = index.revision();
        link(&index, u32::try_from(before).unwrap()..u32::try_from(before).unwrap() + 20);
        store.checkpoint().unwrap();
        let kept = index.revision() - retained;
        assert_eq!(revisions(&mut index.subscribe_after(kept)), (kept + 1..=index.revision()).collect::<Vec<_>>());
        assert_eq!(index.subscribe_after(kept - 1).try_recv(), missed(kept - 1));
        index.link_all("1", chats(1_000..1_010)).unwrap();
        store.checkpoint().unwrap();
        let expected = if retained > 0 { vec![index.revision()] } else { vec![] };
        assert_eq!(revisions(&mut index.subscribe_after(index.revision() - 1)), expected, "whole commits");
        index.unlink_all("1", chats(1_000..1_010)).unwrap();
        drop((index, store));
        assert!(Store::verify(folder.path()).unwrap().is_sound());
    }
}

#[test]
fn changes_that_are_not_too_old_are_retained() {
    let folder = Folder::new();
    let open = |age| StoreOptions::new().retain_age(age).open(folder.path()).unwrap();
    let store = open(Duration::from_secs(3_600));
    link(&store.instance("shop").unwrap(), 0..5);
    store.checkpoint().unwrap();
    assert_eq!(revisions(&mut store.existing("shop").unwrap().subscribe_after(0)).len(), 6);
    drop(store);

    thread::sleep(Duration::from_millis(5));
    let store = open(Duration::ZERO);
    let index = store.existing("shop").unwrap();
    assert_eq!(revisions(&mut index.subscribe_after(0)).len(), 6, "until the next checkpoint");
    store.checkpoint().unwrap();
    assert_eq!(index.subscribe_after(0).try_recv(), missed(0));
    assert_eq!(index.subscribe_after(6).try_recv(), None);
    drop((index, store));
    assert!(Store::verify(folder.path()).unwrap().is_sound());
}

#[test]
fn a_subscriber_that_falls_behind_reads_from_the_disk() {
    let folder = Folder::new();
    let store = small_feed().open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    let (mut slow, mut waits) = (index.subscribe(), index.subscribe());
    link(&index, 0..50);
    store.checkpoint().unwrap();
    link(&index, 50..60);
    let expected: Vec<u64> = (1..=61).collect();
    assert_eq!(revisions(&mut slow), expected);
    for revision in expected {
        assert!(matches!(waits.recv(), Delivery::Commit(commit) if commit.revision == revision));
    }
    assert_eq!(waits.recv_timeout(Duration::from_millis(1)), None);
}

#[test]
fn a_subscriber_that_is_behind_can_be_awaited() {
    let folder = Folder::new();
    let store = small_feed().open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    let mut feed = index.subscribe();
    link(&index, 0..50);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        for revision in 1..=51 {
            let delivery = poll_fn(|context| feed.poll_recv(context)).await;
            assert!(matches!(delivery, Delivery::Commit(commit) if commit.revision == revision));
        }
    });
}

#[test]
fn a_first_refresh_of_200_000_links_reaches_a_later_subscriber() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    let mut there = index.subscribe();
    let start = index.snapshot().position();
    let mut state = FullState::new();
    state.label("1", "VIP").unwrap();
    for chat in chats(0..200_000) {
        state.link("1", chat).unwrap();
    }
    assert!(index.begin_refresh().unwrap().commit(state).unwrap().changed());
    let refreshed = |delivery| {
        let Some(Delivery::Commit(commit)) = delivery else { panic!("{delivery:?}") };
        assert_eq!(commit.events().count(), 200_001);
    };
    refreshed(there.try_recv());
    drop(there);
    refreshed(index.subscribe_from(start).unwrap().try_recv());
    drop((index, store));
    let store = folder.open();
    refreshed(store.existing("shop").unwrap().subscribe_from(start).unwrap().try_recv());
}

#[test]
fn positions_do_not_survive_an_import() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    link(&index, 0..5);
    let (position, mut lines) = (index.snapshot().position(), Vec::new());
    store.export(&mut lines).unwrap();
    store.remove_instance("shop").unwrap();
    assert_eq!(store.import(&lines[..]).unwrap(), ["shop"]);
    let copy = store.existing("shop").unwrap();
    assert_ne!(copy.identity(), index.identity());
    assert_eq!(copy.revision(), 6);
    assert_eq!(copy.subscribe_from(position).unwrap().try_recv(), missed(6));
    assert_eq!(copy.subscribe_after(5).try_recv(), missed(5), "no commits are exported");
    let mut feed = copy.subscribe();
    link(&copy, 5..6);
    assert_eq!(revisions(&mut feed), [7]);
}

#[test]
fn a_closed_store_closes_its_subscribers() {
    let folder = Folder::new();
    let store = small_feed().open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    let (mut waits, mut behind) = (index.subscribe(), index.subscribe());
    link(&index, 0..50);
    while waits.revision() < index.revision() {
        assert!(matches!(waits.recv(), Delivery::Commit(_)));
    }
    let waiting = thread::spawn(move || waits.recv());
    thread::sleep(Duration::from_millis(20));
    drop(store);
    assert_eq!(waiting.join().unwrap(), Delivery::Closed);
    assert_eq!((behind.recv(), behind.try_recv()), (Delivery::Closed, Some(Delivery::Closed)));
    let position: Position = behind.position();
    let store = folder.open();
    assert_eq!(revisions(&mut store.existing("shop").unwrap().subscribe_from(position).unwrap()).len(), 51);
}

#[test]
fn a_removed_instance_closes_a_subscriber_that_is_behind() {
    let folder = Folder::new();
    let store = small_feed().open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    let mut behind = index.subscribe();
    link(&index, 0..50);
    store.remove_instance("shop").unwrap();
    assert_eq!(behind.recv(), Delivery::Closed);
}

/// Changes a value in the middle of the log of a closed store, past its seal.
fn damage_record(folder: &Folder, record: u64, change: impl Fn(&[u8]) -> Option<Vec<u8>>) {
    let database = redb::Database::open(folder.file()).unwrap();
    let definition = redb::TableDefinition::<&[u8], &[u8]>::new("log");
    let transaction = database.begin_write().unwrap();
    {
        let mut log = transaction.open_table(definition).unwrap();
        let key = [0_u64.to_be_bytes(), record.to_be_bytes()].concat();
        let value = log.remove(key.as_slice()).unwrap().unwrap().value().to_vec();
        if let Some(changed) = change(&value) {
            log.insert(key.as_slice(), changed.as_slice()).unwrap();
        }
    }
    transaction.commit().unwrap();
}

#[test]
fn a_subscriber_that_needs_damaged_commits_is_told() {
    for missing in [false, true] {
        let folder = Folder::new();
        let store = folder.open();
        let index = store.instance("shop").unwrap();
        link(&index, 0..20);
        store.checkpoint().unwrap();
        drop((index, store));
        damage_record(&folder, 10, |value| {
            let mut value = value.to_vec();
            *value.last_mut().unwrap() ^= 1;
            (!missing).then_some(value)
        });
        let report = Store::verify(folder.path()).unwrap();
        let Err(Error::Damaged { what, .. }) = &report.instances[0].contents else { panic!("{report:?}") };
        assert!(!what.is_empty());
        let store = folder.open();
        let index = store.existing("shop").unwrap();
        assert_eq!(index.total_chats(), 20, "the state does not need it");
        let mut feed = index.subscribe_after(0);
        let delivered = revisions(&mut feed);
        assert_eq!(delivered, (1..=10).collect::<Vec<_>>(), "what comes before it is sound");
        for _ in 0..2 {
            let failed = feed.try_recv();
            assert!(matches!(&failed, Some(Delivery::Failed(Error::Damaged { instance: Some(_), .. }))), "{failed:?}");
        }
        feed.resume_after(15);
        assert_eq!(revisions(&mut feed), (16..=21).collect::<Vec<_>>());
        store.checkpoint().unwrap();
    }
}
