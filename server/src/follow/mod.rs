//! Following what happens to an instance, from where it was left: what is made of it goes somewhere that may be down, and a
//! file says how far it came.

mod bookmark;
mod carrier;
mod dead_letters;
mod progress;
mod trail;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

pub(crate) use crate::follow::bookmark::Bookmark;
pub(crate) use crate::follow::carrier::Carrier;
pub(crate) use crate::follow::dead_letters::DeadLetters;
pub(crate) use crate::follow::progress::{Followed, Progress};
pub(crate) use crate::follow::trail::{Ending, Letter, Next, Terms, Trail};

/// What came of one attempt to deliver something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was taken.
    Taken,
    /// It will not be taken, whenever it comes.
    Refused(String),
    /// Whoever should take it cannot be reached, or not now.
    NotNow(String),
}

impl Verdict {
    /// The name of the verdict, for metrics.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Refused(_) => "refused",
            Self::NotNow(_) => "not_now",
        }
    }
}

/// Makes a folder, if there is none, that only the owner reads: chats are in what lies there.
///
/// # Errors
///
/// When it cannot be made.
pub(crate) fn make_folder(folder: &Path) -> Result<(), String> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| format!("{}: {error}", folder.display()))
}
