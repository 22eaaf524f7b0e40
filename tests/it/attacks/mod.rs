//! Hostile input and load: what is done to an index, and that it answers right within a bound. `docs/attacks.md` has the
//! table.

#[cfg(feature = "store")]
mod bombs;
mod collisions;
mod label_sets;
mod many_labels;
mod questions;
mod versions;
