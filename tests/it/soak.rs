//! The example `soak`, run for two seconds as a user runs it for hours.

use std::process::Command;

use serde_json::Value;

use crate::example::{Ran, example};

fn run(arguments: &[&str]) -> Ran {
    let small = ["--chats", "600", "--labels", "8", "--writers", "2", "--readers", "1"];
    Command::new(example("soak")).args(small).args(arguments).output().unwrap().into()
}

/// The lines of the seconds, and the summary.
fn lines(stdout: &str) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let last = lines.pop().unwrap();
    (lines, last["summary"].clone())
}

fn is_number(line: &Value, field: &str) -> bool {
    line[field].as_f64().is_some_and(|number| number >= 0.0)
}

const FIELDS: [&str; 11] = [
    "seconds",
    "writes_per_s",
    "reads_per_s",
    "pages_per_s",
    "fed_per_s",
    "checkpoints",
    "snapshots_held",
    "refreshes",
    "live_mib",
    "mismatches",
    "revision",
];

#[test]
fn two_seconds_over_a_store_end_well_with_a_line_for_each() {
    let (seconds, summary) = lines(&run(&["--seconds", "2", "--json"]).ok());
    assert_eq!(seconds.len(), 2);
    for line in &seconds {
        assert!(FIELDS.iter().all(|field| is_number(line, field)) && is_number(line, "file_mib"), "{line}");
        assert_eq!(line.as_object().unwrap().len(), FIELDS.len() + 1, "{line}");
    }
    assert!(
        ["writes", "reads", "pages", "fed", "copies_compared"].iter().all(|field| summary[field] != 0),
        "{summary}"
    );
    assert!(["live_mib_first_quarter", "live_mib_last_quarter"].iter().all(|field| is_number(&summary, field)));
    assert_eq!((&summary["mismatches"], &summary["seed"]), (&0.into(), &1.into()));
}

#[test]
fn a_named_folder_keeps_its_store_and_memory_has_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    let over_store = ["--seconds", "1", "--store", store.to_str().unwrap()];
    let table = run(&over_store).ok();
    assert!(table.starts_with(" seconds  writes/s ") && table.contains("\nmismatches "), "{table}");
    assert!(run(&over_store).refused(1).contains("\"soak\""), "a second run would not know what is there");

    let (seconds, _) = lines(&run(&["--seconds", "1", "--memory", "--json", "--seed", "7"]).ok());
    assert!(seconds.iter().all(|line| line["file_mib"].is_null()));
}

#[test]
fn a_planted_mismatch_ends_the_run_and_is_named() {
    let ran = run(&["--seconds", "60", "--json", "--memory", "--seed", "5", "--plant-mismatch"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.starts_with("mismatch at revision ") && ran.stderr.contains("LabelId(\"planted\")"));
    assert!(ran.stderr.ends_with("(seed 5)\n"), "{}", ran.stderr);
    assert_eq!(lines(&ran.stdout).1["mismatches"], 1);
}
