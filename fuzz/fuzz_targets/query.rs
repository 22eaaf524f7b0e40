//! Queries in any form of indexes of four sizes, each answered in several ways, and pages while others write.

#![no_main]

#[allow(dead_code, unused_imports, reason = "the tests use more of it")]
#[path = "../../tests/it/model/mod.rs"]
mod model;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/replica.rs"]
mod replica;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use model::Inquiry;

/// Later portions are ignored, so the fuzzer drops them.
const MOST_PORTIONS: usize = 24;

/// Printed by `cargo fuzz fmt`.
#[derive(Debug)]
struct Input(Inquiry);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        Self::arbitrary_take_rest(Unstructured::new(bytes.bytes(bytes.len())?))
    }

    fn arbitrary_take_rest(bytes: Unstructured<'a>) -> Result<Self> {
        let (bytes, most) = (bytes.take_rest(), (1 + MOST_PORTIONS) * Inquiry::CHUNK);
        Ok(Self(Inquiry::decode(&bytes[..most.min(bytes.len())])))
    }
}

fuzz_target!(|input: Input| input.0.run());
