//! The process that is killed: it writes to all instances at the same time, and reports what was acknowledged.

use std::io::{Write, stdout};
use std::path::Path;
use std::time::Duration;
use std::{env, thread};

use label_index::{Delivery, Durability, LabelIndex, Store, StoreOptions};

use super::writes;

/// The folder of the store; set for the process that writes.
pub(super) const FOLDER: &str = "LABEL_INDEX_TEST_KILL_FOLDER";
/// Set if writes are to return before they are on disk.
pub(super) const WITHIN: &str = "LABEL_INDEX_TEST_KILL_WITHIN";
/// Set for [`StoreOptions::quick_repair`](label_index::StoreOptions::quick_repair).
pub(super) const QUICK: &str = "LABEL_INDEX_TEST_KILL_QUICK";

/// The instances, each with a writer of its own.
pub(super) const INSTANCES: [&str; 3] = ["a", "b", "c"];
/// An instance that is made and removed again and again.
pub(super) const PASSING: &str = "passing";

/// The commits between one flush and the next, where writes return before they are on disk.
pub(super) const BURST: u64 = 12;

/// A report about an instance.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    /// A write or a flush returned: everything up to this revision is acknowledged.
    Returned(u64),
    /// A subscriber got this revision.
    Seen(u64),
}

impl Word {
    fn say(self, instance: usize) {
        let line = match self {
            Self::Returned(revision) => format!("returned {instance} {revision}\n"),
            Self::Seen(revision) => format!("seen {instance} {revision}\n"),
        };
        let mut stdout = stdout().lock();
        stdout.write_all(line.as_bytes()).unwrap();
        stdout.flush().unwrap();
    }

    /// Reads the instance and its report, if the line is one.
    pub(super) fn parse(line: &str) -> Option<(usize, Self)> {
        let mut parts = line.split_whitespace();
        let word = match parts.next()? {
            "returned" => Self::Returned,
            "seen" => Self::Seen,
            _ => return None,
        };
        Some((parts.next()?.parse().ok()?, word(parts.next()?.parse().ok()?)))
    }
}

/// Writes until it is killed.
pub(super) fn write(folder: &Path) {
    let within = env::var_os(WITHIN).is_some();
    let durability = if within { Durability::Within(Duration::from_millis(5)) } else { Durability::Synced };
    let options = StoreOptions::new().durability(durability).checkpoint_floor(1 << 10);
    let store = &options.quick_repair(env::var_os(QUICK).is_some()).open(folder).unwrap();
    thread::scope(|scope| {
        for (number, name) in INSTANCES.iter().enumerate() {
            let index = store.instance(name).unwrap();
            let followed = index.clone();
            scope.spawn(move || follow(&followed, number));
            scope.spawn(
                move || if within { write_in_bursts(store, &index, number) } else { write_each(&index, number) },
            );
        }
        scope.spawn(|| come_and_go(store));
    });
}

fn write_each(index: &LabelIndex, instance: usize) {
    loop {
        writes::next(index);
        Word::Returned(index.revision()).say(instance);
    }
}

fn write_in_bursts(store: &Store, index: &LabelIndex, instance: usize) {
    loop {
        (0..BURST).for_each(|_| writes::next(index));
        store.flush().unwrap();
        Word::Returned(index.revision()).say(instance);
    }
}

fn follow(index: &LabelIndex, instance: usize) {
    let mut feed = index.subscribe();
    while let Delivery::Commit(commit) = feed.recv() {
        Word::Seen(commit.revision).say(instance);
    }
    panic!("it missed something, or the store closed");
}

/// Makes, unloads and removes an instance, and writes checkpoints of all, while others write.
fn come_and_go(store: &Store) {
    loop {
        let passing = store.instance(PASSING).unwrap();
        if passing.labels().is_empty() {
            passing.upsert_label("1", "VIP").unwrap();
        }
        drop(passing);
        store.checkpoint().unwrap();
        assert!(store.unload(PASSING).unwrap());
        store.remove_instance(PASSING).unwrap();
    }
}
