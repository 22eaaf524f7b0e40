//! Operations and questions in any order, each answer compared with the reference model, every invariant checked.

#![no_main]

use std::fmt;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/model/mod.rs"]
mod model;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/replica.rs"]
mod replica;

use model::{Script, Space};

/// The first byte chooses the space: a wide one is slow, and therefore rare and short. What comes after the steps that
/// are taken makes no difference, so that the fuzzer drops it.
struct Input(Script);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        Self::arbitrary_take_rest(Unstructured::new(bytes.bytes(bytes.len())?))
    }

    fn arbitrary_take_rest(mut bytes: Unstructured<'a>) -> Result<Self> {
        let (space, most_steps) =
            if bytes.arbitrary::<u8>()? == u8::MAX { (Space::Wide, 12) } else { (Space::Tiny, 48) };
        let rest = bytes.take_rest();
        let most = (1 + most_steps) * Script::CHUNK;
        Ok(Self(Script::decode(space, &rest[..most.min(rest.len())])))
    }
}

/// What `cargo fuzz fmt` prints.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fuzz_target!(|input: Input| input.0.run());
