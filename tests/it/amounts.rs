//! How much tests do that could go on for ever: enough to see a fault of today in a plain `cargo test`, and as much as the
//! environment says elsewhere. `.ci/run` says what it takes; `CONTRIBUTING.md` has the names.

use std::env;

/// The number that an environment variable says, or the usual one.
pub(crate) fn amount(variable: &str, usual: u64) -> u64 {
    env::var(variable).map_or(usual, |number| match number.parse() {
        Ok(number) => number,
        Err(error) => panic!("{variable} is a number: {error}"),
    })
}
