//! Every call of the disk fails once, each in a run of its own.

use std::env;
use std::path::PathBuf;
use std::process::Command;

use label_index::{Error, LabelIndex, Store};

use super::Folder;
use super::power::disk::Trouble;
use super::power::history::History;
use super::power::run::empty_store;
use crate::amounts::amount;

/// Input or output error; no space left on the device.
const ERRORS: [i32; 2] = [5, 28];

/// The number of calls of the disk in a history.
fn calls_of(history: &History) -> u64 {
    let disk = empty_store();
    disk.trouble_after(1 << 60, Trouble::Off);
    history.run_with_error(disk.clone(), false);
    assert!(disk.calls() > 100, "a history that reaches the disk: {} calls", disk.calls());
    disk.calls()
}

/// Runs a history once for each call of the disk; that call fails.
fn each_call_fails(history: &History) {
    let calls = calls_of(history);
    for code in ERRORS {
        for (call, power) in (0..calls).flat_map(|call| [(call, false), (call, true)]) {
            let disk = empty_store();
            disk.trouble_after(call, Trouble::Once(code));
            history.run_with_error(disk.clone(), power);
        }
    }
}

#[test]
fn no_error_of_the_disk_loses_what_was_acknowledged() {
    each_call_fails(&History::of_everything(true));
}

#[test]
fn no_error_of_the_disk_loses_what_was_flushed() {
    each_call_fails(&History::of_everything(false));
}

#[test]
fn a_store_resumes_after_every_error_of_the_disk_with_what_is_on_it() {
    for history in [History::of_everything(true), History::of_everything(false)] {
        for code in ERRORS {
            for call in 0..calls_of(&history) {
                let disk = empty_store();
                disk.trouble_after(call, Trouble::Once(code));
                history.run_and_resume(disk);
            }
        }
    }
}

#[test]
fn a_store_resumes_with_what_is_on_disk_when_there_is_room_again() {
    for seed in 0..amount("LABEL_INDEX_RESUMES", 150) {
        let history = History::of_seed(seed);
        let disk = empty_store();
        disk.trouble_after(seed * 7 % 400, Trouble::Full);
        history.run_and_resume(disk);
    }
}

/// The folder of the store; set for the process of [`a_file_that_cannot_be_synced_makes_the_store_read_only`] that gets
/// the error.
const ELSEWHERE: &str = "LABEL_INDEX_TEST_UNSYNCED";

/// Writes until a write fails. Returns the error.
fn write_until_failure(index: &LabelIndex) -> Error {
    (0..100).find_map(|n| index.link("1", format!("chat {n}")).err()).expect("no sync failed")
}

/// `strace`, which makes every sync of a thread fail after the first five. `None` where it does not work.
fn strace() -> Option<Command> {
    let command = || {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-o", "/dev/null", "-e", "trace=fsync,fdatasync"]);
        strace.args(["-e", "inject=fsync,fdatasync:error=EIO:when=6+"]);
        strace
    };
    command().arg("true").output().is_ok_and(|output| output.status.success()).then(command)
}

#[test]
fn a_file_that_cannot_be_synced_makes_the_store_read_only() {
    if let Some(folder) = env::var_os(ELSEWHERE).map(PathBuf::from) {
        let store = Store::open(folder).unwrap();
        let index = store.existing("shop").unwrap();
        let failure = write_until_failure(&index);
        assert!(
            matches!(&failure, Error::StoreFailed { durable, .. } if durable[0].1 == index.revision()),
            "{failure}"
        );
        assert_eq!(index.link("1", "another"), Err(failure));
        println!("acknowledged up to {}.", index.revision());
        return;
    }
    let Some(mut strace) = strace() else { return println!("skipped: no strace here, or no ptrace") };
    let folder = Folder::new();
    folder.open().instance("shop").unwrap().upsert_label("1", "VIP").unwrap();
    strace.arg(env::current_exe().unwrap()).args(["--nocapture", "--exact"]);
    strace.arg("store::disk_errors::a_file_that_cannot_be_synced_makes_the_store_read_only");
    let output = strace.env(ELSEWHERE, folder.path()).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let number = said.split_once("acknowledged up to ").and_then(|(_, rest)| rest.split_once('.'));
    let acknowledged: u64 = number.expect(&said).0.parse().unwrap();
    let recovered = folder.open().existing("shop").unwrap().revision();
    assert!(1 < acknowledged, "some writes come before the error");
    assert!((acknowledged..=acknowledged + 1).contains(&recovered), "{acknowledged}, and there are {recovered}");
}
