//! Damaged files, at rest and while a store has them open: every call gives an answer or an error, and no file ends the
//! process.
//!
//! A panic during unwinding and a stack overflow end a process although panics are caught. So other processes work with
//! the files, and each prints which file it begins.

mod child;
mod damage;

use std::env;
use std::ops::Range;
use std::path::Path;

use super::{Folder, in_another_process};
use crate::amounts::amount;

/// The folder of the files; set for the process that works with them.
const FILES: &str = "LABEL_INDEX_TEST_DAMAGED_FOLDER";
/// The numbers of the rounds that it runs.
const FIRST: &str = "LABEL_INDEX_TEST_DAMAGED_FIRST";
const END: &str = "LABEL_INDEX_TEST_DAMAGED_END";

fn number(name: &str) -> Option<u64> {
    env::var(name).ok().map(|number| number.parse().unwrap())
}

/// The output of a process, and how it ended.
fn run_child(files: &Path, rounds: &Range<u64>) -> (String, String) {
    let mut command = in_another_process("store::damaged::no_damaged_file_ends_the_process");
    command.env(FILES, files).env(FIRST, rounds.start.to_string()).env(END, rounds.end.to_string());
    let output = command.output().unwrap();
    (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.to_string())
}

#[test]
fn no_damaged_file_ends_the_process() {
    if let Some(files) = env::var_os(FILES) {
        return child::run(Path::new(&files), number(FIRST).unwrap()..number(END).unwrap());
    }
    let end = 1 + amount("LABEL_INDEX_DAMAGED_FILES", 30);
    let files = Folder::new();
    child::write_files(files.path());
    let (mut first, mut wrong, mut noticed) = (1, Vec::new(), 0);
    while first < end {
        let (said, status) = run_child(files.path(), &(first..end));
        wrong.extend(said.lines().filter(|line| line.starts_with("panicked")).map(str::to_owned));
        noticed += said.lines().filter(|line| line.starts_with("done") && line.ends_with("true")).count();
        let begun = said.lines().filter_map(|line| line.strip_prefix("round ")).next_back();
        let last: u64 = begun.unwrap_or_else(|| panic!("the process did nothing: {status}, {said}")).parse().unwrap();
        if !said.lines().any(|line| line.starts_with(&format!("done {last} "))) {
            wrong.push(format!("round {last} ended the process: {status}"));
        }
        first = last + 1;
    }
    assert!(wrong.is_empty(), "{} times wrong:\n{}", wrong.len(), wrong.join("\n"));
    let rounds = usize::try_from(end - 1).unwrap();
    assert!(noticed * 2 > rounds, "{noticed} of {rounds} damages were noticed");
}
