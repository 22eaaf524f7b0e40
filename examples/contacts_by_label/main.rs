//! The main job of the crate on real input: which chats carry any of these labels, answered from a CSV file of chats
//! and label names.
//!
//! `cargo run --release --example contacts_by_label` shows it on a bundled sample; `-- --help` tells the rest.

mod arguments;
mod failure;
mod input_error;
mod lines;
mod load;
mod rows;
mod sample;
mod source;
mod stored;
mod table;

use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;
use label_index::{Answer, Filter, LabelIndex, Options, Page};

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::rows::Rows;
use crate::source::{Progress, Source};

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
    // What is wrong with a question is wrong without a single chat too: better said before the file is read. Only the
    // cursors of a store are its own.
    let first = if arguments.store().is_some() { Page::first(page.limit()) } else { page };
    index.query(&filter, first).map_err(Failure::Question)?;

    let source = Source::of(arguments.file());
    let name = source.name();
    let rows = |progress| source.open(progress).and_then(Rows::new).map_err(|error| Failure::input(&name, error));
    let Some(folder) = arguments.store() else {
        load::load(&index, &name, rows(Progress::Bar)?, arguments.batch(), |_| {})?;
        return answer(arguments, &index, &filter, page);
    };
    // A file that is none makes no store.
    let rows = arguments.file().map(|_| rows(Progress::Elsewhere)).transpose()?;
    let (store, index) = stored::open(folder, arguments)?;
    index.query(&filter, page).map_err(Failure::Question)?;
    if let Some(rows) = rows {
        load::load(&index, &name, rows, arguments.batch(), tell_committed)?;
    }
    let answered = answer(arguments, &index, &filter, page);
    drop(store);
    answered
}

/// Says on standard error how many rows are on disk, in vain if that is closed.
fn tell_committed(rows: u64) {
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "committed {rows}").and_then(|()| out.flush());
}

fn answer(arguments: &Arguments, index: &LabelIndex, filter: &Filter, page: Page) -> Result<(), Failure> {
    let answer = index.query(filter, page).map_err(Failure::Question)?;
    match print(arguments, index, &answer) {
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
