//! Stores that lose their power, again and again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use label_index::{LabelIndex, StoreOptions};

use super::Image;
use super::power::disk::{Disk, Trouble};
use super::power::history::History;
use super::power::random::Random;
use super::power::run::empty_store;
use crate::amounts::amount;

/// The variables for the number of seeds and the first seed.
const SEEDS: &str = "LABEL_INDEX_CUTS";
const FIRST_SEED: &str = "LABEL_INDEX_FIRST_CUT";

/// Prints the seed of a history that fails.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("to see it again: {SEEDS}=1 {FIRST_SEED}={}", self.0);
        }
    }
}

#[test]
fn what_was_acknowledged_is_there_after_every_power_cut() {
    let first = amount(FIRST_SEED, 0);
    for seed in first..first + amount(SEEDS, 1_000) {
        let _told = Told(seed);
        History::of_seed(seed).run(empty_store());
    }
}

#[test]
fn a_disk_that_does_not_sync_is_found_out() {
    const SEEDS: u64 = 40;
    let loses = |seed| {
        let disk = empty_store();
        disk.ignore_syncs();
        catch_unwind(AssertUnwindSafe(|| History::of_seed(seed).run(disk))).is_err()
    };
    let found = (0..SEEDS).filter(|&seed| loses(seed)).count() as u64;
    assert!(found > SEEDS / 2, "{found} of {SEEDS}");
}

/// A closed store whose file is mostly free space, and its contents.
fn mostly_free() -> (Vec<u8>, Image) {
    let disk = empty_store();
    let store = StoreOptions::new().checkpoint_floor(0).open_on(disk.clone()).unwrap();
    let link = |index: &LabelIndex, chats: usize| {
        index.upsert_label("1", "VIP").unwrap();
        drop(index.link_all("1", (0..chats).map(|n| format!("chat {n}"))).unwrap());
    };
    link(&store.instance("large").unwrap(), 20_000);
    let index = store.instance("small").unwrap();
    link(&index, 100);
    store.checkpoint().unwrap();
    store.remove_instance("large").unwrap();
    index.link("1", "late").unwrap();
    let image = Image::from(&index);
    drop((index, store));
    (disk.bytes(), image)
}

/// Shortens a file as a store does when it is closed. The next opening has to handle any error.
fn compact(disk: &Disk) {
    let disk = disk.clone();
    let compact = move || redb::Builder::new().create_with_backend(disk).is_ok_and(|mut file| file.compact().is_ok());
    drop(catch_unwind(AssertUnwindSafe(compact)));
}

#[test]
fn a_power_cut_while_the_file_is_made_shorter_loses_nothing() {
    let (bytes, image) = mostly_free();
    let calls = {
        let disk = Disk::from(bytes.clone());
        compact(&disk);
        assert!(disk.bytes().len() < bytes.len(), "it becomes shorter");
        disk.calls()
    };
    for call in 0..calls {
        let disk = Disk::from(bytes.clone());
        disk.trouble_after(call, Trouble::Off);
        compact(&disk);
        disk.cut(&mut Random::new(call));
        let store = StoreOptions::new().open_on(disk).unwrap();
        assert_eq!(store.instances(), ["small"], "cut at call {call}");
        assert_eq!(Image::from(&store.existing("small").unwrap()), image, "cut at call {call}");
    }
}
