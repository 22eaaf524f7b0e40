//! Verifying a file, and reporting its damage.

use std::fs;

use label_index::{Error, Store};

use super::{Folder, fill};

#[test]
fn a_sound_store_is_reported_and_stays_byte_for_byte() {
    let folder = Folder::new();
    let store = folder.open();
    fill(&store.instance("a").unwrap());
    store.checkpoint().unwrap();
    fill(&store.instance("b").unwrap());
    let b = store.existing("b").unwrap();
    let (revision, chats, rows) = (b.revision(), b.total_chats(), b.total_rows());
    // Once as after a crash, once closed.
    let crashed = Folder::new();
    fs::copy(folder.file(), crashed.file()).unwrap();
    drop((b, store));
    for folder in [&crashed, &folder] {
        let before = fs::read(folder.file()).unwrap();
        let report = Store::verify(folder.path()).unwrap();
        assert!(report.is_sound(), "{report:?}");
        assert_eq!(report.instances.iter().map(|instance| &*instance.name).collect::<Vec<_>>(), ["a", "b"]);
        let contents = report.instances[1].contents.clone().unwrap();
        assert_eq!((contents.revision, contents.total_chats, contents.total_rows), (revision, chats, rows));
        assert!(fs::read(folder.file()).unwrap() == before);
    }
}

#[test]
fn damage_is_found_where_it_is() {
    let folder = Folder::new();
    let store = folder.open();
    let mark = "a name that is nowhere else";
    store.instance("good").unwrap().upsert_label("1", "VIP").unwrap();
    store.instance("bad").unwrap().upsert_label("1", mark).unwrap();
    drop(store);
    let mut bytes = fs::read(folder.file()).unwrap();
    let places: Vec<usize> =
        (0..bytes.len() - mark.len()).filter(|&at| &bytes[at..at + mark.len()] == mark.as_bytes()).collect();
    assert!(!places.is_empty());
    for at in places {
        bytes[at] ^= 1;
    }
    fs::write(folder.file(), &bytes).unwrap();

    let report = Store::verify(folder.path()).unwrap();
    assert!(!report.is_sound());
    let [bad, good] = &report.instances[..] else { panic!("{report:?}") };
    assert!(matches!(&bad.contents, Err(Error::Damaged { instance: Some(name), .. }) if name == "bad"), "{report:?}");
    assert!(good.contents.is_ok());
    assert!(fs::read(folder.file()).unwrap() == bytes);

    let store = folder.open();
    assert!(matches!(store.existing("bad"), Err(Error::Damaged { instance: Some(name), .. }) if name == "bad"));
    assert_eq!(store.existing("good").unwrap().labels().len(), 1, "the others can be used");
}
