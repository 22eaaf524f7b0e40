//! Tests of the server as its clients see it: the program on a free port, with requests of a real HTTP client.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed"
)]

mod bodies;
mod confusion;
mod connections;
mod contacts;
mod crash;
mod deletion;
mod demo;
mod encoding;
mod events;
mod health;
mod labels;
mod links;
mod logs;
mod metrics;
mod page;
#[path = "../../../tests/it/postgres/server.rs"]
#[expect(dead_code, reason = "tests of the crate use more of it")]
mod postgres;
mod rate;
mod receiver;
mod sample;
mod server;
mod shared_store;
mod shutdown;
mod sse;
mod stand_in;
mod start;
mod tags;
mod tls;
mod upstream;
mod upstream_labels;
mod upstream_queue;
mod upstream_reports;
mod upstream_trouble;
mod upstream_writes;
mod webhooks;
