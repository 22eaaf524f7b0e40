//! Many instances: their names, handles and removal.

use std::thread;
use std::time::Duration;

use label_index::{Delivery, Error, Filter, FullState, Page, Reason};

use super::{Folder, Image, fill};
use crate::amounts::amount;

#[test]
fn names_are_checked() {
    let folder = Folder::new();
    let store = folder.open();
    assert_eq!(store.instance("").unwrap_err(), Error::InstanceNameRequired);
    assert_eq!(store.existing("").unwrap_err(), Error::InstanceNameRequired);
    let refused = |name: &str| match store.instance(name).unwrap_err() {
        Error::InvalidInstanceName { reason, .. } => reason,
        other => panic!("{other}"),
    };
    assert_eq!(refused("a\nb"), Reason::ControlCharacter);
    assert_eq!(refused(&"é".repeat(65)), Reason::TooLong { max: 128, given: 130 });
    for name in ["a", " ", "é\u{202e}", &"x".repeat(128)] {
        store.instance(name).unwrap();
        assert!(store.existing(name).is_ok());
    }
    assert_eq!(store.existing("b").unwrap_err(), Error::UnknownInstance { name: "b".into() });
    assert_eq!(store.instances().len(), 4);
}

#[test]
fn two_handles_are_of_one_index() {
    let folder = Folder::new();
    let store = folder.open();
    let (one, two) = (store.instance("shop").unwrap(), store.instance("shop").unwrap());
    let other = store.instance("other").unwrap();
    one.upsert_label("1", "VIP").unwrap();
    assert_eq!((two.labels().len(), two.revision(), other.revision()), (1, 1, 0));
}

#[test]
fn every_value_of_an_instance_keeps_it_loaded() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    let snapshot = index.snapshot();
    let subscriber = index.subscribe();
    let ticket = index.begin_refresh().unwrap();
    let receipt = index.batch().submit();
    let users: [Box<dyn std::any::Any>; 5] =
        [Box::new(index), Box::new(snapshot), Box::new(subscriber), Box::new(ticket), Box::new(receipt)];
    for user in users {
        assert_eq!(store.unload("shop"), Err(Error::InstanceInUse { name: "shop".into() }));
        drop(user);
    }
    assert_eq!(store.unload("shop"), Ok(true));
    assert_eq!(store.unload("shop"), Ok(false));
    assert_eq!(store.unload("other"), Err(Error::UnknownInstance { name: "other".into() }));
    assert_eq!(store.existing("shop").unwrap().revision(), 1);
}

#[test]
fn an_unloaded_instance_is_loaded_as_it_was() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    fill(&index);
    let image = Image::from(&index);
    drop(index);
    for _ in 0..3 {
        assert!(store.unload("shop").unwrap());
        let index = store.existing("shop").unwrap();
        assert_eq!(Image::from(&index), image);
    }
    store.checkpoint().unwrap();
    assert!(store.unload("shop").unwrap());
    assert_eq!(Image::from(&store.existing("shop").unwrap()), image);
}

#[test]
fn a_removed_instance_is_gone_and_its_handles_can_be_read() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    fill(&index);
    store.checkpoint().unwrap();
    let (snapshot, image) = (index.snapshot(), Image::from(&index));
    let cursor = index.query(&Filter::new(), Page::first(1)).unwrap().next.unwrap();
    let ticket = index.begin_refresh().unwrap();
    store.remove_instance("shop").unwrap();

    let unknown = Error::UnknownInstance { name: "shop".into() };
    assert_eq!(store.remove_instance("shop"), Err(unknown.clone()));
    assert_eq!(store.existing("shop").unwrap_err(), unknown);
    assert_eq!(index.link("1", "new@c.us"), Err(unknown.clone()));
    assert_eq!(index.batch().submit().wait(), Err(unknown.clone()));
    assert_eq!(ticket.commit(FullState::new()).unwrap_err().cause, unknown);
    assert_eq!((Image::from(&snapshot), Image::from(&index)), (image, Image::from(&snapshot)));

    let again = store.instance("shop").unwrap();
    assert_eq!((again.revision(), again.total_chats()), (0, 0));
    assert!(matches!(again.query(&Filter::new(), Page::after(1, cursor).unwrap()), Err(Error::ForeignCursor { .. })));
    again.upsert_label("1", "New").unwrap();
    drop((index, again, snapshot, store));
    let store = folder.open();
    assert_eq!(store.instances(), ["shop"]);
    assert_eq!(store.existing("shop").unwrap().labels().len(), 1);
}

#[test]
fn thousands_of_instances_are_normal() {
    let count = usize::try_from(amount("LABEL_INDEX_INSTANCES", 2_000)).unwrap();
    let folder = Folder::new();
    let store = folder.open();
    let name = |n: usize| format!("account {n}");
    for n in 0..count {
        store.instance(&name(n)).unwrap();
    }
    store.existing(&name(1_777)).unwrap().upsert_label("1", "VIP").unwrap();
    drop(store);
    let store = folder.open();
    assert_eq!(store.instances().len(), count);
    assert_eq!(store.existing(&name(1_777)).unwrap().labels().len(), 1);
    store.remove_instance(&name(3)).unwrap();
    drop(store);
    assert_eq!(folder.open().instances().len(), count - 1);
}

#[test]
fn removing_an_instance_ends_its_subscribers() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    let (mut behind, mut waits) = (index.subscribe(), index.subscribe());
    fill(&index);
    let position = index.snapshot().position();
    while waits.revision() < index.revision() {
        assert!(matches!(waits.recv(), Delivery::Commit(_)));
    }
    let waiting = thread::spawn(move || waits.recv());
    thread::sleep(Duration::from_millis(20));
    store.remove_instance("shop").unwrap();
    assert_eq!(waiting.join().unwrap(), Delivery::Closed, "though there is a handle");
    for revision in 1..=index.revision() {
        assert!(matches!(behind.recv(), Delivery::Commit(commit) if commit.revision == revision));
    }
    assert_eq!(behind.recv(), Delivery::Closed);
    assert_eq!(index.subscribe().recv(), Delivery::Closed);

    let successor = store.instance("shop").unwrap();
    fill(&successor);
    assert_ne!(successor.identity(), index.identity());
    let mut resumed = successor.subscribe_from(position).unwrap();
    assert_eq!(resumed.try_recv(), Some(Delivery::Missed { after: position.revision() }));
}

#[test]
fn the_space_of_removed_instances_is_freed_at_close() {
    let folder = Folder::new();
    let store = folder.open();
    let fill = |name: String| {
        let index = store.instance(&name).unwrap();
        index.upsert_label("1", "VIP").unwrap();
        index.link_all("1", (0..2_000).map(|chat| format!("a chat with a long id {chat}"))).unwrap();
    };
    (0..20).for_each(|number| fill(number.to_string()));
    store.checkpoint().unwrap();
    (1..20).for_each(|number| store.remove_instance(&number.to_string()).unwrap());
    let before = std::fs::metadata(folder.file()).unwrap().len();
    drop(store);
    let after = std::fs::metadata(folder.file()).unwrap().len();
    assert!(after < before / 2, "{before} bytes before, {after} after");
    assert_eq!(folder.open().existing("0").unwrap().total_chats(), 2_000);
}
