//! The completions of a shell.

use clap::CommandFactory;
use clap_complete::generate;

use crate::arguments::{Arguments, Completions};
use crate::failure::Failure;
use crate::output;

pub(super) fn run(completions: &Completions) -> Result<(), Failure> {
    let mut script = Vec::new();
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    generate(completions.shell, &mut command, name, &mut script);
    output::print(|out| out.write_all(&script))
}
