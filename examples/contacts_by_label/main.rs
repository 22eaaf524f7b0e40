//! The main job of the crate on real input: which chats carry any of these labels, answered from a CSV file of chats
//! and label names.
//!
//! `cargo run --release --example contacts_by_label` shows it on a bundled sample; `-- --help` tells the rest.

mod arguments;
mod failure;
mod lines;
mod load;
mod rows;
mod sample;
mod source;
mod table;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;
use label_index::{Answer, LabelIndex, Options};

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::rows::Rows;
use crate::source::Source;

/// The most chats of one page: more than the default of the library, since nobody waits beside this program.
const PAGE_LIMIT: usize = 10_000;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let filter = arguments.filter();
    let page = arguments.page()?;
    let index = Options::new().page_limit(PAGE_LIMIT).build();
    // What is wrong with a question is wrong without a single chat too: better said before the file is read.
    index.query(&filter, page).map_err(Failure::Question)?;

    let source = Source::of(arguments.file());
    let name = source.name();
    let rows = source.open().and_then(Rows::new).map_err(|error| Failure::input(&name, error))?;
    load::load(&index, rows).map_err(|error| Failure::input(&name, error))?;

    let answer = index.query(&filter, page).map_err(Failure::Question)?;
    match print(arguments, &index, &answer) {
        // Whoever reads our output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(Failure::Output),
    }
}

fn print(arguments: &Arguments, index: &LabelIndex, answer: &Answer) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if arguments.json() {
        serde_json::to_writer(&mut out, answer)?;
        writeln!(out)?;
    } else {
        table::print(&mut out, index, answer, arguments.question_options())?;
    }
    out.flush()
}
