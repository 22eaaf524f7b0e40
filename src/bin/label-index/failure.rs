//! The program's errors and exit codes.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::arguments::Arguments;
use crate::input_error::InputError;

#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong.
    Question(label_index::Error),
    /// The store returned an error.
    Store(label_index::Error),
    /// The input cannot be read.
    Input { source: String, error: InputError },
    /// The store is damaged; the output has the details.
    Unsound,
    /// The output cannot be written.
    Output(io::Error),
}

impl Failure {
    pub(crate) fn input(source: &str, error: InputError) -> Self {
        Self::Input { source: source.to_owned(), error }
    }

    /// Prints the error on standard error, if that is open, and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        match self {
            Self::Question(error) => {
                let _ = Arguments::command().error(ErrorKind::ValueValidation, error).print();
                return ExitCode::from(2);
            }
            Self::Store(error) => {
                let _ = writeln!(io::stderr(), "{error}");
            }
            Self::Input { source, error } => {
                let _ = writeln!(io::stderr(), "{source}{error}");
            }
            Self::Unsound => {
                let _ = writeln!(io::stderr(), "the store is damaged");
            }
            Self::Output(error) => {
                let _ = writeln!(io::stderr(), "cannot write the answer: {error}");
            }
        }
        ExitCode::FAILURE
    }
}
