//! Stores: what they contain when they are opened again, and what they do while they are open.

mod checkpoint;
mod commits;
mod created;
mod damage;
mod damaged;
mod disk_errors;
mod export;
mod failure;
mod folder;
mod golden;
pub(crate) mod held_disk;
mod instances;
mod kill;
mod loading;
mod model;
mod opening;
mod operating;
pub(crate) mod power;
mod power_cuts;
mod resume;
mod retained;
mod together;
mod turns;
mod verify;

use std::env;
use std::process::Command;

use label_index::{ChatId, LabelIndex, Place, Snapshot, Store};

/// Everything that a snapshot shows, places included.
#[derive(Debug, PartialEq)]
pub(crate) struct Image {
    revision: u64,
    labels: Vec<label_index::Label>,
    chats: Vec<(ChatId, Vec<String>)>,
    aliases: Vec<(ChatId, ChatId)>,
    refreshed: label_index::RefreshState,
}

impl From<&Snapshot> for Image {
    fn from(snapshot: &Snapshot) -> Self {
        snapshot.check_invariants().unwrap();
        let ids = |chat: &label_index::LabelledChat| chat.labels.iter().map(|label| label.id().to_string()).collect();
        Self {
            revision: snapshot.revision(),
            labels: snapshot.labels(),
            chats: snapshot.iter().map(|chat| (chat.chat_id.clone(), ids(&chat))).collect(),
            aliases: snapshot.aliases(),
            refreshed: snapshot.refresh_state(),
        }
    }
}

impl From<&LabelIndex> for Image {
    fn from(index: &LabelIndex) -> Self {
        Self::from(&index.snapshot())
    }
}

/// Links a chat. Returns its place, which the commit has.
pub(crate) fn place_of_new(index: &LabelIndex, label: &str, chat: &str) -> Place {
    let mut feed = index.subscribe();
    assert!(index.link(label, chat).unwrap());
    let label_index::Delivery::Commit(commit) = feed.recv() else { panic!("no commit") };
    let label_index::Change::ChatLinked { place, .. } = commit.changes[0] else { panic!("{commit:?}") };
    place
}

/// A store in a folder that is removed when this is dropped.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &std::path::Path {
        self.0.path()
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.path().join("store.redb")
    }

    pub(crate) fn open(&self) -> Store {
        Store::open(self.path()).unwrap()
    }
}

/// The command that runs one test of this binary in another process, which prints what the test prints.
pub(crate) fn in_another_process(test: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture"]);
    command
}

/// Runs a test again, in a process of its own, and gives something once it has passed there. None in that process.
pub(crate) fn in_a_process_of_its_own(test: &str) -> Option<()> {
    const KEY: &str = "LABEL_INDEX_TEST_CHILD";
    if env::var_os(KEY).is_some() {
        return None;
    }
    let output = in_another_process(test).env(KEY, "1").output().unwrap();
    let texts = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    assert!(output.status.success() && texts[0].contains("1 passed"), "{}", texts.join("\n"));
    Some(())
}

/// An index with one of everything: labels of every kind, links, aliases, a deleted id, a hole between places.
pub(crate) fn fill(index: &LabelIndex) {
    index.upsert_label("1", "VIP").unwrap();
    index.upsert_label("2", label_index::LabelPatch::named("Suporte").unwrap().color(-3).position(7)).unwrap();
    index.upsert_label("label_x", "x").unwrap();
    index
        .ingest(label_index::Event::ChatLabelled { label: "9".parse().unwrap(), chat: "ana@c.us".parse().unwrap() })
        .unwrap();
    index.upsert_label("3", "Gone").unwrap();
    drop(index.link_all("1", (0..100).map(|n| format!("55119999{n:05}@c.us"))).unwrap());
    drop(index.link_all("3", ["5511999900001@c.us", "row 7"]).unwrap());
    drop(index.link_all("label_x", ["row 8", "120363000000000001@g.us", "x@y"]).unwrap());
    drop(index.remove_label("3").unwrap());
    drop(index.unlink_all("1", ["5511999900005@c.us", "5511999900003@c.us"]).unwrap());
    drop(index.merge_chats("98765@lid", "ana@c.us").unwrap());
    drop(index.merge_chats("row 8", "row 9").unwrap());
    let ticket = index.begin_refresh().unwrap();
    let mut full = label_index::FullState::new();
    for label in index.labels() {
        full.label(label.id(), label_index::LabelPatch::new()).unwrap();
    }
    for chat in index.iter() {
        for label in &chat.labels {
            full.link(label.id(), chat.chat_id.clone()).unwrap();
        }
    }
    full.link("2", "fetched@c.us").unwrap();
    assert_eq!(ticket.commit(full).unwrap().linked, 1);
}
