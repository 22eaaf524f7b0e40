//! The examples `live_view`, `resync` and `webhook`, run as a user runs them.

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
fn a_webhook_gets_every_commit_once_though_its_consumer_is_killed() {
    let report = run("webhook");
    assert!(report.ends_with("the webhook has every commit once, in order\n"), "{report}");
    assert!(report.contains(" 3 came again and were not\n"), "{report}");
}

#[test]
fn a_resync_beside_other_writes_ends_with_the_same_state_on_both_sides() {
    let report = run("resync");
    assert!(report.contains(" the network has the same\n"), "{report}");
    assert!(report.ends_with("the events tell exactly what changed\n"), "{report}");
}
