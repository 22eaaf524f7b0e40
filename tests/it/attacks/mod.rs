//! Hostile input and load: an index under attack answers right, within a bound. `docs/attacks.md` lists the attacks.

#[cfg(feature = "store")]
mod bombs;
mod collisions;
mod label_sets;
mod many_labels;
mod questions;
mod versions;
