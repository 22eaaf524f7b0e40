//! Steps on a store in any order, with power cuts among them: acknowledged writes are there again, and none that was
//! not attempted.

#![no_main]

#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../../tests/it/model/mod.rs"]
mod model;
mod panics;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/store/power/mod.rs"]
mod power;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/replica.rs"]
mod replica;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use power::history::History;
use power::run::empty_store;

/// Later steps are ignored, so the fuzzer drops them.
const MOST_STEPS: usize = 40;

/// Printed by `cargo fuzz fmt`.
#[derive(Debug)]
struct Input(History);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        Self::arbitrary_take_rest(Unstructured::new(bytes.bytes(bytes.len())?))
    }

    fn arbitrary_take_rest(bytes: Unstructured<'a>) -> Result<Self> {
        let (bytes, most) = (bytes.take_rest(), (1 + MOST_STEPS) * History::CHUNK);
        Ok(Self(History::decode(&bytes[..most.min(bytes.len())])))
    }
}

fuzz_target!(
    init: panics::may_be_caught(),
    |input: Input| input.0.run(empty_store())
);
