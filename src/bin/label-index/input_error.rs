//! Errors in the input.

use std::fmt;

/// An error in the input, with its physical line, counted from 1.
#[derive(Debug)]
pub(crate) struct InputError {
    line: Option<u64>,
    reason: String,
}

impl InputError {
    /// The input as a whole is invalid.
    pub(crate) fn whole(reason: &dyn fmt::Display) -> Self {
        Self { line: None, reason: reason.to_string() }
    }

    /// One line is invalid.
    pub(crate) fn at(line: u64, reason: &dyn fmt::Display) -> Self {
        Self { line: Some(line), reason: reason.to_string() }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, ":{line}: {}", self.reason),
            None => write!(f, ": {}", self.reason),
        }
    }
}
