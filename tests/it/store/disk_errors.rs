//! A call of the disk that fails, every one in turn.

use super::power::disk::Trouble;
use super::power::history::History;
use super::power::run::empty_store;

/// Input or output error; no space left on the device.
const ERRORS: [i32; 2] = [5, 28];

/// Runs a history once for each call of the disk, which fails.
fn each_call_fails(history: &History) {
    let calls = {
        let disk = empty_store();
        disk.trouble_after(1 << 60, Trouble::Off);
        history.run_with_error(disk.clone(), false);
        disk.calls()
    };
    assert!(calls > 100, "a history that reaches the disk: {calls} calls");
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
