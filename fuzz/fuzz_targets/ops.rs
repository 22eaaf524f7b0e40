//! Operations, queries, snapshots, refreshes and feeds in any order, over so few ids that they often meet the same
//! ones: every answer is compared with the reference model, and the invariants are checked.

#![no_main]

#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../../tests/it/model/mod.rs"]
mod model;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/replica.rs"]
mod replica;
mod script_input;

use libfuzzer_sys::fuzz_target;
use script_input::ScriptInput;

fuzz_target!(|input: ScriptInput<false>| input.0.run());
