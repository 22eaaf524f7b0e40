//! The fuzzer's bytes as a script.

use std::fmt;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};

use crate::model::{Script, Space};

/// A script of a bounded number of steps. Later bytes are ignored, so the fuzzer drops them.
pub struct ScriptInput<const WIDE: bool>(pub Script);

impl<'a, const WIDE: bool> Arbitrary<'a> for ScriptInput<WIDE> {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        Self::arbitrary_take_rest(Unstructured::new(bytes.bytes(bytes.len())?))
    }

    fn arbitrary_take_rest(bytes: Unstructured<'a>) -> Result<Self> {
        let (space, most_steps) = if WIDE { (Space::Wide, 12) } else { (Space::Tiny, 48) };
        let (bytes, most) = (bytes.take_rest(), (1 + most_steps) * Script::CHUNK);
        Ok(Self(Script::decode(space, &bytes[..most.min(bytes.len())])))
    }
}

/// Printed by `cargo fuzz fmt`.
impl<const WIDE: bool> fmt::Debug for ScriptInput<WIDE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
