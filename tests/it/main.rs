//! Tests of the public interface, in one binary.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

// The other tests cannot run when every lock belongs to the scheduler of `schedules`.
#[cfg(not(label_index_shuttle))]
mod among;
#[cfg(not(label_index_shuttle))]
mod arguments;
#[cfg(not(label_index_shuttle))]
mod amounts;
#[cfg(not(label_index_shuttle))]
mod asynchronous;
#[cfg(not(label_index_shuttle))]
mod attacks;
#[cfg(not(label_index_shuttle))]
mod bad_input;
#[cfg(not(label_index_shuttle))]
mod batch_links;
#[cfg(not(label_index_shuttle))]
mod bulk_load;
#[cfg(not(label_index_shuttle))]
mod choices;
#[cfg(not(label_index_shuttle))]
mod churn;
#[cfg(not(label_index_shuttle))]
mod concurrency;
#[cfg(not(label_index_shuttle))]
mod copies;
#[cfg(not(label_index_shuttle))]
mod example;
#[cfg(not(label_index_shuttle))]
mod feed;
#[cfg(not(label_index_shuttle))]
mod feed_examples;
#[cfg(not(label_index_shuttle))]
mod host_wakers;
#[cfg(not(label_index_shuttle))]
mod ids;
#[cfg(all(feature = "serde", not(label_index_shuttle)))]
mod json;
#[cfg(not(label_index_shuttle))]
mod laws;
mod layering;
#[cfg(not(label_index_shuttle))]
mod linearizability;
#[cfg(not(label_index_shuttle))]
mod memory;
#[cfg(not(label_index_shuttle))]
mod model;
#[cfg(not(label_index_shuttle))]
mod names;
#[cfg(not(label_index_shuttle))]
mod plain_ids;
#[cfg(not(label_index_shuttle))]
mod plain_names;
#[cfg(all(feature = "cli", not(label_index_shuttle)))]
mod program;
#[cfg(all(feature = "postgres", not(label_index_shuttle)))]
mod postgres;
#[cfg(not(label_index_shuttle))]
mod properties;
#[cfg(not(label_index_shuttle))]
mod query_laws;
#[cfg(not(label_index_shuttle))]
mod refresh;
#[cfg(not(label_index_shuttle))]
mod refused;
#[cfg_attr(label_index_shuttle, allow(dead_code, reason = "schedules compare less"))]
mod replica;
#[cfg(label_index_shuttle)]
mod schedules;
#[cfg(not(label_index_shuttle))]
mod soak;
#[cfg(not(label_index_shuttle))]
mod stage_move;
#[cfg(not(label_index_shuttle))]
mod stats;
#[cfg(all(feature = "store", not(label_index_shuttle)))]
mod store;
#[cfg(not(label_index_shuttle))]
mod threads;
#[cfg(all(feature = "tracing", feature = "store", not(label_index_shuttle)))]
mod tracing;
mod traps;
