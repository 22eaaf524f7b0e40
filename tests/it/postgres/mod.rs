//! Stores in PostgreSQL: what several of them see, and what happens when the server or the network is gone.

mod bad_input;
mod chaos;
mod checkpoints;
mod disturb;
mod faults;
mod histories;
mod model;
mod process;
mod proxy;
mod reading;
mod refusals;
mod server;
mod restored;
mod sharing;
mod tls;
mod transfer;
mod writers;

use std::time::Duration;

use label_index::{Store, StoreOptions};
use server::Server;

/// Asks so rarely that only notifications and questions of the tests bring anything.
fn options(schema: &str) -> StoreOptions {
    StoreOptions::new().schema(schema).poll_interval(Duration::from_secs(600))
}

fn connect(server: &Server, schema: &str) -> Store {
    options(schema).connect(server.url()).unwrap()
}
