//! What each command does.

mod completions;
mod load;
mod query;
mod remove;
mod stats;
mod transfer;
mod verify;

use crate::arguments::Command;
use crate::failure::Failure;

pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Query(query) => query::run(query),
        Command::Load(load) => load::run(load),
        Command::Stats(stats) => stats::run(stats),
        Command::Verify(verify) => verify::run(verify),
        Command::Export(export) => transfer::export(export),
        Command::Import(import) => transfer::import(import),
        Command::Remove(remove) => remove::run(remove),
        Command::Completions(completions) => completions::run(completions),
    }
}
