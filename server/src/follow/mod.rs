//! Following the commits of an instance: they are delivered to a receiver that may be down, and a file has the position
//! up to which they were.

mod bookmark;
mod deliverer;
mod dead_letters;
mod progress;
mod feed_reader;

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

pub(crate) use crate::follow::bookmark::Bookmark;
pub(crate) use crate::follow::dead_letters::DeadLetters;
pub(crate) use crate::follow::deliverer::Deliverer;
pub(crate) use crate::follow::feed_reader::{DeliveryRecord, Ending, FeedReader, Next, Terms};
pub(crate) use crate::follow::progress::{Followed, Progress};

/// The result of one attempt to deliver something.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It was accepted.
    Taken,
    /// It will never be accepted.
    Refused(String),
    /// The receiver cannot be reached, or cannot accept it at the moment.
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

/// Makes a folder, if there is none, that only the owner can read, since its files contain chats.
///
/// # Errors
///
/// When it cannot be made.
pub(crate) fn make_folder(folder: &Path) -> Result<(), String> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| format!("{}: {error}", folder.display()))
}
