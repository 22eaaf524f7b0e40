//! Damage: the reason why stored bytes are refused.

use std::fmt;

/// Says why bytes cannot have been written by this format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Damage(String);

impl Damage {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// Prefixes the damage with the place where it was found.
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

/// Refuses the bytes as damaged unless `holds`.
pub(super) fn require(holds: bool, what: impl FnOnce() -> String) -> Result<(), Damage> {
    if holds { Ok(()) } else { Err(Damage(what())) }
}
