//! What is wrong with bytes that were read.

use std::fmt;

/// Bytes that no writer of this format writes: what is wrong with them, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage(String);

impl Damage {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// The same damage, with the name of that in which it was found.
    pub(crate) fn within(self, place: impl fmt::Display) -> Self {
        Self(format!("{place}: {}", self.0))
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Damage {}

/// Requires that something holds of bytes that were read.
pub(super) fn require(holds: bool, what: impl FnOnce() -> String) -> Result<(), Damage> {
    if holds { Ok(()) } else { Err(Damage(what())) }
}
