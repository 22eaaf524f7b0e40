//! How many rounds the tests do that could go on for ever: few in a plain `cargo test`, and as many as an environment
//! variable says elsewhere. `.ci/run` sets these variables; `CONTRIBUTING.md` lists them.

use std::env;

/// The number in an environment variable, or `usual` if it is not set.
pub(crate) fn amount(variable: &str, usual: u64) -> u64 {
    env::var(variable).map_or(usual, |number| match number.parse() {
        Ok(number) => number,
        Err(error) => panic!("{variable} is a number: {error}"),
    })
}
