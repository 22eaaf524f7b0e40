//! A disk that fails.

use std::time::Duration;

use label_index::{Durability, Error, FullState, StoreOptions};

use super::Image;
use super::power::disk::{Disk, Trouble};

#[test]
fn the_first_failed_write_makes_the_store_read_only() {
    let disk = Disk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    let (shop, other) = (store.instance("shop").unwrap(), store.instance("other").unwrap());
    shop.upsert_label("1", "VIP").unwrap();
    shop.link("1", "ana").unwrap();
    other.upsert_label("1", "VIP").unwrap();
    let images = [&shop, &other].map(Image::from);
    let mut feed = shop.subscribe();
    assert_eq!(store.failure(), None);

    disk.trouble_after(0, Trouble::Full);
    let Err(failure @ Error::StoreFailed { .. }) = shop.link("1", "bob") else { panic!("written nowhere") };
    let Error::StoreFailed { cause, durable } = &failure else { unreachable!() };
    assert!(cause.contains("no storage space"), "{cause}");
    assert_eq!(**durable, [("shop".to_owned(), 2), ("other".to_owned(), 1)]);
    assert_eq!([&shop, &other].map(Image::from), images);
    assert_eq!(feed.try_recv(), None);

    disk.heal();
    assert_eq!(other.link("1", "ana"), Err(failure.clone()), "for all, and for good");
    assert_eq!((store.failure(), store.stats().failure), (Some(failure.clone()), Some(failure.clone())));
    assert_eq!(store.flush(), Err(failure.clone()));
    assert_eq!(store.remove_instance("shop"), Err(failure.clone()));
    assert_eq!(store.instance("new").unwrap_err(), failure);
    drop((shop, other, feed, store));

    let store = StoreOptions::new().open_on(disk).unwrap();
    let revision = store.existing("shop").unwrap().revision();
    assert!((2..=3).contains(&revision), "acknowledged up to 2, attempted up to 3, there are {revision}");
    assert_eq!(Image::from(&store.existing("other").unwrap()), images[1]);
    assert_eq!(store.instances(), ["other", "shop"]);
}

#[test]
fn a_refresh_of_a_store_that_failed_fails_before_anything_is_fetched() {
    for durability in [Durability::Synced, Durability::Within(Duration::from_secs(3_600))] {
        let disk = Disk::default();
        let store = StoreOptions::new().durability(durability).open_on(disk.clone()).unwrap();
        let (shop, other) = (store.instance("shop").unwrap(), store.instance("other").unwrap());
        shop.upsert_label("1", "VIP").unwrap();
        store.flush().unwrap();
        let open = other.begin_refresh().unwrap();
        disk.trouble_after(0, Trouble::Full);
        // Under `Within` the link succeeds, and the flush fails.
        let linked = shop.link("1", "ana").and_then(|_| store.flush());
        let Err(failure @ Error::StoreFailed { .. }) = linked else { panic!("written nowhere") };

        assert_eq!(shop.begin_refresh().unwrap_err(), failure);
        assert_eq!(shop.begin_refresh().unwrap_err(), failure, "no ticket is open");
        assert!(!shop.cancel_refresh());
        let mut fetched = FullState::new();
        fetched.label("1", "VIP").unwrap();
        fetched.link("1", "ana").unwrap();
        let refused = open.commit(fetched.clone()).unwrap_err();
        assert_eq!((&refused.cause, &refused.state), (&failure, &fetched));
        assert_eq!(refused.to_string(), format!("a refresh by records of 1 labels and 1 links was refused: {failure}"));
        drop(store);
        let closed = shop.begin_refresh().unwrap_err();
        assert_eq!(closed, failure, "the first reason stays");
    }
}

#[test]
fn a_refresh_of_an_index_that_takes_no_write_fails_at_once() {
    let store = StoreOptions::new().open_on(Disk::default()).unwrap();
    let (shop, gone) = (store.instance("shop").unwrap(), store.instance("gone").unwrap());
    store.remove_instance("gone").unwrap();
    assert_eq!(gone.begin_refresh().unwrap_err(), Error::UnknownInstance { name: "gone".into() });
    drop(store);
    assert_eq!(shop.begin_refresh().unwrap_err(), Error::StoreClosed);
}

#[test]
fn what_was_shown_before_it_was_durable_stays_visible() {
    let disk = Disk::default();
    let options = StoreOptions::new().durability(Durability::Within(Duration::from_secs(3_600)));
    let store = options.open_on(disk.clone()).unwrap();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    store.flush().unwrap();
    disk.trouble_after(0, Trouble::Full);
    assert!(index.link("1", "ana").unwrap());
    assert!(matches!(store.flush(), Err(Error::StoreFailed { .. })));
    assert!(matches!(index.link("1", "bob"), Err(Error::StoreFailed { durable, .. }) if durable[0].1 == 1));
    assert_eq!((index.revision(), index.total_chats()), (2, 1));
}

#[test]
fn a_refused_write_reaches_no_disk() {
    let disk = Disk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    index.link("1", "ana").unwrap();
    let (bytes, image) = (disk.bytes(), Image::from(&index));
    assert!(matches!(index.link("2", "ana"), Err(Error::UnknownLabel { .. })));
    assert!(!index.link("1", "ana").unwrap());
    let mut batch = index.batch();
    batch.link("1", "bob").unwrap();
    batch.link("2", "bob").unwrap();
    assert!(matches!(batch.commit(), Err(Error::BatchRefused { position: 1, .. })));
    store.flush().unwrap();
    assert_eq!(Image::from(&index), image);
    assert!(disk.bytes() == bytes, "nothing was written");
}

#[test]
fn a_disk_that_fails_at_opening_is_an_error() {
    let disk = Disk::default();
    disk.trouble_after(0, Trouble::Full);
    assert!(
        matches!(StoreOptions::new().open_on(disk), Err(Error::Io { cause, .. }) if cause.contains("no storage space"))
    );
}

#[test]
fn after_a_failed_write_everything_can_still_be_read_and_exported() {
    let disk = Disk::default();
    let store = StoreOptions::new().open_on(disk.clone()).unwrap();
    for name in ["a", "b", "c", "d"] {
        let index = store.instance(name).unwrap();
        index.upsert_label("1", "VIP").unwrap();
        index.link("1", format!("chat of {name}")).unwrap();
        drop(index);
        assert!(store.unload(name).unwrap());
    }
    let mut before = Vec::new();
    store.export(&mut before).unwrap();

    disk.trouble_after(0, Trouble::Full);
    let b = store.existing("b").unwrap();
    assert!(matches!(b.link("1", "lost"), Err(Error::StoreFailed { .. })));
    let mut after = Vec::new();
    store.export(&mut after).unwrap();
    assert_eq!(String::from_utf8(after), String::from_utf8(before), "nothing of it was acknowledged");
    assert_eq!(store.existing("c").unwrap().total_chats(), 1);
}
