//! The failures that end a run early.

use std::fmt::{self, Debug, Display};

use label_index::{Error, RefusedRefresh, Revision};

#[derive(Debug)]
pub(crate) enum Trouble {
    /// An answer differs from the expected one.
    Mismatch { what: String, revision: Revision },
    /// An operation was refused although it is valid.
    Refused(Error),
    /// An error of the operating system.
    System(String),
    /// A thread of the load panicked; the panic has been printed.
    Panic,
}

impl Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mismatch { what, revision } => write!(f, "mismatch at revision {revision}: {what}"),
            Self::Refused(error) => write!(f, "refused: {error}"),
            Self::System(error) => f.write_str(error),
            Self::Panic => f.write_str("a thread panicked"),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<RefusedRefresh> for Trouble {
    fn from(refused: RefusedRefresh) -> Self {
        Self::Refused(refused.cause)
    }
}

impl From<std::io::Error> for Trouble {
    fn from(error: std::io::Error) -> Self {
        Self::System(error.to_string())
    }
}

/// Returns an error unless the actual value is the expected one.
pub(crate) fn same<T: PartialEq + Debug>(
    revision: Revision,
    what: impl Display,
    found: &T,
    expected: &T,
) -> Result<(), Trouble> {
    if found == expected {
        return Ok(());
    }
    let what = format!("{what}: found {}, expected {}", shortened(found), shortened(expected));
    Err(Trouble::Mismatch { what, revision })
}

fn shortened(value: &impl Debug) -> String {
    const MOST: usize = 1_000;
    let mut text = format!("{value:?}");
    if text.len() > MOST {
        text.truncate(text.floor_char_boundary(MOST));
        text.push('…');
    }
    text
}
