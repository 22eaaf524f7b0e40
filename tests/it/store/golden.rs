//! Files of former versions, with the answers that they have to give for ever. See `tests/golden/README.md`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use label_index::{Filter, LabelIndex, Page, Store, StoreOptions};

use super::{Folder, fill, place_of_new};

/// A file of `tests/golden/`.
fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

/// Everything that a store says, and what it does next.
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

fn open_a_copy(name: &str) {
    let folder = Folder::new();
    fs::copy(golden(name), folder.file()).unwrap();
    let report = Store::verify(folder.path()).unwrap();
    assert!(report.is_sound(), "{report:?}");
    assert_eq!(answers(&folder.open()), fs::read_to_string(golden("format-1.txt")).unwrap());
}

#[test]
fn a_closed_file_of_format_1_is_opened() {
    open_a_copy("format-1-closed.redb");
}

#[test]
fn a_file_of_format_1_is_opened_after_an_unclean_stop() {
    open_a_copy("format-1-unclean.redb");
}

#[test]
#[ignore = "makes the files anew, which later versions have to open as they are"]
fn make_files_of_format_1() {
    let folder = Folder::new();
    let store = StoreOptions::new().checkpoint_floor(u64::MAX).open(folder.path()).unwrap();
    for name in ["shop", "removed", "empty", "log alone"] {
        let index = store.instance(name).unwrap();
        if name != "log alone" && name != "empty" {
            fill(&index);
            store.checkpoint().unwrap();
        }
    }
    let shop = store.existing("shop").unwrap();
    drop(shop.unlink_all("1", (10..14).map(|n| format!("55119999{n:05}@c.us"))).unwrap());
    drop(shop.create_label("After the checkpoint").unwrap());
    store.remove_instance("removed").unwrap();
    fill(&store.existing("log alone").unwrap());
    fs::create_dir_all(golden("")).unwrap();
    fs::copy(folder.file(), golden("format-1-unclean.redb")).unwrap();
    drop((shop, store));
    fs::copy(folder.file(), golden("format-1-closed.redb")).unwrap();
    fs::write(golden("format-1.txt"), answers(&folder.open())).unwrap();
}
