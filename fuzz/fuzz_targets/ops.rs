//! Operations and questions in any order, each answer compared with the reference model, every invariant checked.

#![no_main]

use std::fmt;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;

#[path = "../../tests/it/model/mod.rs"]
mod model;

use model::{Script, Space};

/// The first byte chooses the space: a wide one is slow, and therefore rare.
struct Input(Script);

impl<'a> Arbitrary<'a> for Input {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        Self::arbitrary_take_rest(Unstructured::new(bytes.bytes(bytes.len())?))
    }

    fn arbitrary_take_rest(mut bytes: Unstructured<'a>) -> Result<Self> {
        let space = if bytes.arbitrary::<u8>()? == u8::MAX { Space::Wide } else { Space::Tiny };
        Ok(Self(Script::decode(space, bytes.take_rest())))
    }
}

/// What `cargo fuzz fmt` prints.
impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

fuzz_target!(|input: Input| input.0.run());
