//! Why the program stops.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use clap::error::ErrorKind;

use crate::arguments::Arguments;

pub(crate) enum Failure {
    /// An option is not to be answered.
    Question(label_index::Error),
    /// The store does not do what it is asked.
    Store(label_index::Error),
    /// The input is not to be read.
    Input { source: String, error: InputError },
    /// The output is not to be written.
    Output(io::Error),
}

/// What is wrong with the input, and in which of its physical lines, counted from 1.
#[derive(Debug)]
pub(crate) struct InputError {
    line: Option<u64>,
    reason: String,
}

impl Failure {
    pub(crate) fn input(source: &str, error: InputError) -> Self {
        Self::Input { source: source.to_owned(), error }
    }

    /// Tells it on standard error, in vain if that is closed, and gives the exit code.
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
            Self::Output(error) => {
                let _ = writeln!(io::stderr(), "cannot write the answer: {error}");
            }
        }
        ExitCode::FAILURE
    }
}

impl InputError {
    /// The whole input is wrong.
    pub(crate) fn whole(reason: &dyn fmt::Display) -> Self {
        Self { line: None, reason: reason.to_string() }
    }

    /// One line is wrong.
    pub(crate) fn at(line: u64, reason: &dyn fmt::Display) -> Self {
        Self { line: Some(line), reason: reason.to_string() }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, ":{line}: {}", self.reason),
            None => write!(f, ": {}", self.reason),
        }
    }
}
