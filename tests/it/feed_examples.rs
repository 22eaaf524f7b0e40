//! The examples `live_view` and `resync`, run as a user runs them.

use std::process::Command;

use crate::example::{Ran, example};

fn run(name: &str) -> String {
    Ran::from(Command::new(example(name)).output().unwrap()).ok()
}

#[test]
fn a_live_view_is_the_index_though_it_missed_commits() {
    let report = run("live_view");
    assert!(report.ends_with("the view is the index\n"), "{report}");
}

#[test]
fn a_resync_beside_other_writes_ends_with_the_same_state_on_both_sides() {
    let report = run("resync");
    assert!(report.contains(" the network has the same\n"), "{report}");
    assert!(report.ends_with("the events tell exactly what changed\n"), "{report}");
}
