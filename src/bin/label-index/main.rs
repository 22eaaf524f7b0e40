//! The program `label-index`: which chats carry any of these labels, answered from a CSV file of chats and label names,
//! or from a store that such files were loaded into; and the upkeep of stores.
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
mod table;
mod texts;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

/// The most chats of one page: more than the default of the library, since nobody waits beside this program.
const PAGE_LIMIT: usize = 10_000;

fn main() -> ExitCode {
    match commands::run(&Arguments::parse().into_command()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
