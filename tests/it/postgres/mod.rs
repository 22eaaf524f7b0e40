//! Stores in PostgreSQL: several on the same instances, and faults of the server and the network.

mod bad_input;
mod chaos;
mod checkpoints;
mod disturb;
mod faults;
mod histories;
mod loading;
mod model;
mod process;
mod proxy;
mod reading;
mod refusals;
mod server;
mod restored;
mod sharing;
mod tls;
#[cfg(feature = "tracing")]
mod tracing;
mod transfer;
mod writers;

use std::time::Duration;

use label_index::{Store, StoreOptions};
use server::Server;

/// Options with so rare polls that only notifications and calls of the tests bring commits of others.
fn options(schema: &str) -> StoreOptions {
    StoreOptions::new().schema(schema).poll_interval(Duration::from_secs(600))
}

fn connect(server: &Server, schema: &str) -> Store {
    options(schema).connect(server.url()).unwrap()
}
