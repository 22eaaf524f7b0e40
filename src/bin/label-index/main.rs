//! The program `label-index`: lists the chats that carry any of the given labels, from a CSV file of chats and label names
//! or from a store, and maintains stores.
//!
//! `cargo run --release --features cli` asks a bundled sample; `-- --help` explains the rest.

mod arguments;
mod batches;
mod block;
mod commands;
mod delimiter;
mod failure;
mod fields;
mod gathered;
mod input_error;
mod lines;
mod output;
mod pairs;
mod rows;
mod sample;
mod shapes;
mod source;
mod stored;
mod storing;
mod table;
mod texts;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

/// The maximum number of chats on a page: more than the library's default, since this program serves one person.
const PAGE_LIMIT: usize = 10_000;

fn main() -> ExitCode {
    match commands::run(&Arguments::parse().into_command()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
