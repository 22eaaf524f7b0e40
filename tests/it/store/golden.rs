//! Files of earlier versions, with the answers that every later version has to give. See `tests/golden/README.md`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use label_index::{Delivery, Filter, LabelIndex, Page, Store, StoreOptions};

use super::{Folder, fill, place_of_new};

/// A file of `tests/golden/`.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// All answers of a store, and the results of some further writes, as a text.
fn answers(store: &Store) -> String {
    let mut told = String::new();
    for name in store.instances() {
        writeln!(told, "instance {name}").unwrap();
        tell(&store.existing(&name).unwrap(), &mut told);
    }
    told
}

fn tell(index: &LabelIndex, told: &mut String) {
    index.check_invariants().unwrap();
    writeln!(told, "  revision {}, refreshed {:?}", index.revision(), index.refresh_state()).unwrap();
    for label in index.labels() {
        let (name, count) = (label.name().map(ToString::to_string), index.count(label.id()));
        let (color, position) = (label.color(), label.position());
        writeln!(told, "  label {} {name:?} {color:?} {position:?} on {count}", label.id()).unwrap();
    }
    for (from, into) in index.aliases() {
        writeln!(told, "  alias {from} of {into}").unwrap();
    }
    let mut page = Page::first(40);
    loop {
        let answer = index.query(&Filter::new(), page).unwrap();
        for chat in &answer.chats {
            let labels: Vec<_> = chat.labels.iter().map(|label| label.id().to_string()).collect();
            writeln!(told, "  chat {} {}", chat.chat_id, labels.join(" ")).unwrap();
        }
        let Some(next) = answer.next else { break };
        writeln!(told, "  cursor {next}").unwrap();
        page = Page::after(40, next).unwrap();
    }
    let label = index.create_label("What comes next").unwrap().outcome;
    writeln!(told, "  the next label is {label}").unwrap();
    for chat in ["next 1", "next 2", "next 3", "next 4"] {
        writeln!(told, "  {chat} goes to {}", place_of_new(index, &label.to_string(), chat)).unwrap();
    }
}

/// The commits that every instance retains for subscribers, as public events.
fn events(store: &Store) -> String {
    let mut told = String::new();
    for name in store.instances() {
        writeln!(told, "events of {name}").unwrap();
        let mut feed = store.existing(&name).unwrap().subscribe_after(0);
        while let Some(delivery) = feed.try_recv() {
            let Delivery::Commit(commit) = delivery else {
                writeln!(told, "  {delivery:?}").unwrap();
                break;
            };
            let events: Vec<_> = commit.events().map(|event| event.to_string()).collect();
            writeln!(told, "  {} {}", commit.revision, events.join(", ")).unwrap();
        }
    }
    told
}

/// All answers of a store of a format, the events first.
fn told(format: u64, store: &Store) -> String {
    let events = if format == 1 { String::new() } else { events(store) };
    events + &answers(store)
}

fn copy(name: &str) -> Folder {
    let folder = Folder::new();
    fs::copy(golden(name), folder.file()).unwrap();
    folder
}

fn open_a_copy(format: u64, how: &str) {
    let folder = copy(&format!("format-{format}-{how}.redb"));
    let report = Store::verify(folder.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(told(format, &folder.open()), fs::read_to_string(golden(&format!("format-{format}.txt"))).unwrap());
    // What was written into it is there after it was opened again.
    let report = Store::verify(folder.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    let labels = folder.open().existing("shop").unwrap().labels();
    assert!(labels.iter().any(|label| label.name().is_some_and(|name| name.as_str() == "What comes next")));
}

#[test]
fn a_closed_file_of_format_1_is_opened() {
    open_a_copy(1, "closed");
}

#[test]
fn a_file_of_format_1_is_opened_after_an_unclean_stop() {
    open_a_copy(1, "unclean");
}

#[test]
fn a_closed_file_of_format_2_is_opened() {
    open_a_copy(2, "closed");
}

#[test]
fn a_file_of_format_2_is_opened_after_an_unclean_stop() {
    open_a_copy(2, "unclean");
}

#[test]
fn a_closed_file_of_format_3_is_opened() {
    open_a_copy(3, "closed");
}

#[test]
fn a_file_of_format_3_is_opened_after_an_unclean_stop() {
    open_a_copy(3, "unclean");
}

#[test]
fn a_file_of_format_1_retains_what_is_written_from_then_on() {
    for how in ["closed", "unclean"] {
        let folder = copy(&format!("format-1-{how}.redb"));
        let store = folder.open();
        for name in ["shop", "log alone"] {
            let index = store.existing(name).unwrap();
            let before = index.revision();
            assert_eq!(index.subscribe_after(before - 1).try_recv(), Some(Delivery::Missed { after: before - 1 }));
            index.create_label("New").unwrap();
            drop(index.merge_chats("ana@c.us", "new@c.us").unwrap());
        }
        drop(store);
        for checkpoint in [false, true, true] {
            assert!(Store::verify(folder.path()).unwrap().is_sound());
            let store = folder.open();
            for name in ["shop", "log alone"] {
                let index = store.existing(name).unwrap();
                index.check_invariants().unwrap();
                let before = index.revision() - 2;
                let mut feed = index.subscribe_after(before);
                for revision in [before + 1, before + 2] {
                    assert!(matches!(feed.try_recv(), Some(Delivery::Commit(commit)) if commit.revision == revision));
                }
                let missed = Some(Delivery::Missed { after: before - 1 });
                assert_eq!(index.subscribe_after(before - 1).try_recv(), missed);
            }
            if checkpoint {
                store.checkpoint().unwrap();
            }
        }
    }
}

#[test]
#[ignore = "makes the files anew, which later versions have to open as they are"]
fn make_files_of_format_3() {
    let folder = Folder::new();
    let store = StoreOptions::new().checkpoint_floor(u64::MAX).retain_changes(250).open(folder.path()).unwrap();
    for name in ["shop", "removed", "empty", "log alone", "long record"] {
        let index = store.instance(name).unwrap();
        if ["shop", "removed"].contains(&name) {
            fill(&index);
            store.checkpoint().unwrap();
        }
    }
    let shop = store.existing("shop").unwrap();
    drop(shop.unlink_all("1", (10..14).map(|n| format!("55119999{n:05}@c.us"))).unwrap());
    drop(shop.create_label("After the checkpoint").unwrap());
    drop(shop.merge_chats("fetched@c.us", "5511999900020@c.us").unwrap());
    store.remove_instance("removed").unwrap();
    fill(&store.existing("log alone").unwrap());
    let long = store.existing("long record").unwrap();
    long.upsert_label("1", "VIP").unwrap();
    drop(long.link_all("1", (0..400).map(|n| format!("55119999{n:05}@c.us"))).unwrap());
    fs::create_dir_all(golden("")).unwrap();
    fs::copy(folder.file(), golden("format-3-unclean.redb")).unwrap();
    drop((shop, long, store));
    fs::copy(folder.file(), golden("format-3-closed.redb")).unwrap();
    fs::write(golden("format-3.txt"), told(3, &folder.open())).unwrap();
}
