//! The example `stage_move`, run as a user runs it.

use std::process::Command;

use crate::example::example;

#[test]
fn no_reader_sees_a_chat_between_two_stages() {
    let ran = Command::new(example("stage_move")).output().unwrap();
    let report = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{report}");
    assert!(
        report.contains(" times: 0 without exactly one stage\n") && report.contains(" times: 0 wrong answers\n"),
        "{report}"
    );
}
