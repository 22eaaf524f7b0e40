//! Stores that lose their power, again and again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{env, thread};

use super::power::history::History;
use super::power::run::empty_store;

/// How many seeds are tried, and the first of them, if not the usual ones.
const SEEDS: &str = "LABEL_INDEX_CUTS";
const FIRST_SEED: &str = "LABEL_INDEX_FIRST_CUT";

/// Tells the seed of a history that fails.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("to see it again: {SEEDS}=1 {FIRST_SEED}={}", self.0);
        }
    }
}

fn number(variable: &str, usual: u64) -> u64 {
    env::var(variable).map_or(usual, |number| number.parse().unwrap())
}

#[test]
fn what_was_acknowledged_is_there_after_every_power_cut() {
    let first = number(FIRST_SEED, 0);
    for seed in first..first + number(SEEDS, 4_000) {
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
