//! Opening a store again, also while another opener has it.

use std::time::Duration;
use std::{env, fs, thread};

use label_index::{Delivery, Durability, Error, Filter, Page, Store, StoreOptions};

use super::{Folder, Image, fill, in_another_process, place_of_new};

#[test]
fn everything_is_there_again() {
    let folder = Folder::new();
    let store = folder.open();
    let index = store.instance("shop").unwrap();
    fill(&index);
    let image = Image::from(&index);
    let cursor = index.query(&Filter::new(), Page::first(10)).unwrap().next.unwrap();
    let next = index.query(&Filter::new(), Page::after(10, cursor).unwrap()).unwrap();
    drop((index, store));

    let store = folder.open();
    let index = store.existing("shop").unwrap();
    assert_eq!(Image::from(&index), image);
    assert_eq!(index.query(&Filter::new(), Page::after(10, cursor).unwrap()).unwrap(), next, "cursors go on");
    let mut feed = index.subscribe_after(image.revision);
    let mut late = index.subscribe_after(image.revision - 1);
    // Free places are taken in the order in which they became free.
    let created = index.create_label("next").unwrap();
    assert_eq!(created.revision, image.revision + 1);
    assert!(matches!(feed.try_recv(), Some(Delivery::Commit(commit)) if commit.revision == created.revision));
    for revision in [image.revision, created.revision] {
        assert!(matches!(late.try_recv(), Some(Delivery::Commit(commit)) if commit.revision == revision));
    }
    drop((feed, late));
    assert_eq!(created.outcome.to_string(), "10", "the highest id is remembered");
}

#[test]
fn replay_and_checkpoint_give_every_chat_the_same_place() {
    let (replayed, checkpointed, plain) = (Folder::new(), Folder::new(), label_index::LabelIndex::new());
    fill(&plain);
    for (folder, with_checkpoint) in [(&replayed, false), (&checkpointed, true)] {
        let store = folder.open();
        fill(&store.instance("shop").unwrap());
        if with_checkpoint {
            store.checkpoint().unwrap();
        }
    }
    let indexes = [&replayed, &checkpointed].map(|folder| (folder.open(), folder));
    for chat in ["new 1", "new 2", "new 3", "new 4", "new 5"] {
        let place = place_of_new(&plain, "1", chat);
        for (store, _) in &indexes {
            assert_eq!(place_of_new(&store.existing("shop").unwrap(), "1", chat), place, "{chat}");
        }
    }
    for (store, _) in &indexes {
        assert_eq!(Image::from(&store.existing("shop").unwrap()), Image::from(&plain));
    }
}

#[test]
fn within_is_on_disk_after_a_flush_and_after_closing() {
    let folder = Folder::new();
    let options = || StoreOptions::new().durability(Durability::Within(Duration::from_secs(3_600)));
    let store = options().open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    let mut feed = index.subscribe();
    let vip = index.create_label("VIP").unwrap();
    assert!(index.link(&vip, "ana@c.us").unwrap());
    assert_eq!(feed.try_recv(), None, "visible, and not yet on disk");
    store.flush().unwrap();
    let revisions: Vec<_> = std::iter::from_fn(|| feed.try_recv())
        .map(|delivery| if let Delivery::Commit(commit) = delivery { commit.revision } else { 0 })
        .collect();
    assert_eq!(revisions, [1, 2]);
    // A crash would leave the file as it is now.
    let copy = Folder::new();
    index.link(&vip, "bob@c.us").unwrap();
    fs::copy(folder.file(), copy.file()).unwrap();
    assert_eq!(copy.open().existing("shop").unwrap().revision(), 2);
    drop(store);
    assert_eq!(index.link(&vip, "carl@c.us"), Err(Error::StoreClosed));
    assert_eq!(index.total_chats(), 2, "handles go on reading");
    assert_eq!(options().open(folder.path()).unwrap().existing("shop").unwrap().total_chats(), 2);
}

#[test]
fn within_reaches_the_disk_by_itself() {
    let folder = Folder::new();
    let options = StoreOptions::new().durability(Durability::Within(Duration::from_millis(2)));
    let store = options.open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    let mut feed = index.subscribe();
    drop(index.create_label("VIP").unwrap());
    assert!(matches!(feed.recv(), Delivery::Commit(commit) if commit.revision == 1));
}

#[test]
fn a_second_opener_is_refused() {
    let folder = Folder::new();
    let store = folder.open();
    let refused = |result: Result<Store, Error>| matches!(result, Err(Error::StoreInUse { .. }));
    assert!(refused(Store::open(folder.path())));
    let path = folder.path().to_owned();
    assert!(refused(thread::spawn(move || Store::open(path)).join().unwrap()));
    assert!(matches!(Store::verify(folder.path()), Err(Error::StoreInUse { .. })));
    drop(store);
    drop(folder.open());
}

/// The folder of the store; set for the other process of [`a_second_process_is_refused`].
const ELSEWHERE: &str = "LABEL_INDEX_TEST_STORE";

#[test]
fn a_second_process_is_refused() {
    if let Some(folder) = env::var_os(ELSEWHERE) {
        let refused = matches!(Store::open(folder), Err(Error::StoreInUse { .. }));
        println!("refused: {refused}");
        return;
    }
    let folder = Folder::new();
    let other = || {
        let mut command = in_another_process("store::opening::a_second_process_is_refused");
        let output = command.env(ELSEWHERE, folder.path()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let store = folder.open();
    assert!(other().contains("refused: true"));
    drop(store);
    assert!(other().contains("refused: false"));
}

#[test]
fn a_file_that_is_no_store_is_refused_and_stays() {
    let folder = Folder::new();
    fs::write(folder.file(), "not a store at all").unwrap();
    assert!(matches!(Store::open(folder.path()), Err(Error::Damaged { instance: None, .. })));
    assert_eq!(fs::read(folder.file()).unwrap(), b"not a store at all");
    let file = folder.path().join("no folder");
    fs::write(&file, "").unwrap();
    assert!(matches!(Store::open(&file), Err(Error::Io { path, .. }) if path == file));
}

#[test]
fn a_file_that_lost_everything_is_no_new_store() {
    let folder = Folder::new();
    drop(folder.open().instance("shop").unwrap());
    fs::write(folder.file(), "").unwrap();
    assert!(matches!(Store::open(folder.path()), Err(Error::Damaged { instance: None, .. })));
    assert!(matches!(Store::verify(folder.path()), Err(Error::Damaged { instance: None, .. })));
    assert_eq!(fs::read(folder.file()).unwrap(), b"");
}

#[test]
fn a_creation_that_was_cut_short_is_begun_again() {
    let folder = Folder::new();
    fs::write(folder.path().join("store.new"), "half a st").unwrap();
    folder.open().instance("shop").unwrap();
    assert_eq!(folder.open().instances(), ["shop"]);
}
