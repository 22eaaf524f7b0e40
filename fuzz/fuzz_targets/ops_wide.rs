//! The same as `ops`, over so many labels and chats that there are several blocks of everything. Much slower.

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

fuzz_target!(|input: ScriptInput<true>| input.0.run());
