//! Tests of the public interface, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod bad_input;
mod concurrency;
mod contacts_by_label;
mod copies;
mod example;
mod feed;
mod ids;
mod layering;
mod model;
mod names;
mod plain_ids;
mod plain_names;
mod properties;
mod refresh;
mod refused;
mod replica;
mod stage_move;
mod threads;
