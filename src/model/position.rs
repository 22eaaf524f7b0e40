//! How far a subscriber has come, as a text that hosts keep.

use std::fmt;
use std::str::FromStr;

use crate::model::arg::parsed_argument;
use crate::model::checked_hex::{checksum, numbers};
use crate::model::error::{Error, Result};

/// The number of a commit: each commit has the next one, and nothing else changes it.
pub type Revision = u64;

/// How far a subscriber has come: an opaque short text that a host stores and resumes from.
///
/// It holds the identity of an index and a revision. Every [`Commit`](crate::Commit) has its own, which serves as the
/// id of an event too. [`LabelIndex::subscribe_from`](crate::LabelIndex::subscribe_from) continues after it, also after
/// a restart. It belongs to one index: one of another identity, for instance of a removed instance of the same name,
/// gives [`Delivery::Missed`](crate::Delivery::Missed). So an index in memory whose positions outlive the process needs
/// an [`identity`](crate::Options::identity) of its own each time; instances of a store have one.
///
/// # Examples
///
/// ```
/// use label_index::{Delivery, Error, LabelIndex, Options, Position};
///
/// let index = Options::new().retain(1_000).build();
/// let vip = index.create_label("VIP")?;
/// index.link(&vip, "ana@c.us")?;
///
/// let mut feed = index.subscribe_after(0);
/// let Some(Delivery::Commit(first)) = feed.try_recv() else { panic!() };
/// let stored = first.position.to_string();
/// drop(feed);
///
/// let mut feed = index.subscribe_from(&stored)?;
/// let Some(Delivery::Commit(second)) = feed.try_recv() else { panic!() };
/// assert_eq!(second.revision, 2);
/// assert_eq!(second.position.to_string().parse::<Position>()?, second.position);
/// assert!(matches!(index.subscribe_from("5"), Err(Error::BadPosition { .. })));
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Position {
    /// The identity of the index.
    pub(crate) identity: u64,
    /// The last revision that was seen.
    pub(crate) revision: Revision,
}

impl Position {
    /// The revision: a subscriber that resumes here gets the commits after it.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// Not the checksum of a cursor with the same numbers, so neither is taken for the other.
    fn checksum(self) -> u32 {
        checksum(self.identity, self.revision ^ 0x706f_7369_7469_6f6e)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}{:08x}", self.revision, self.identity, self.checksum())
    }
}

impl FromStr for Position {
    type Err = Error;

    /// Reads what `Display` wrote.
    ///
    /// # Errors
    ///
    /// [`Error::BadPosition`] for everything else.
    fn from_str(text: &str) -> Result<Self> {
        let read = numbers(text, [16, 16, 8]).and_then(|[revision, identity, sum]| {
            let position = Self { identity, revision };
            (sum == u64::from(position.checksum())).then_some(position)
        });
        read.ok_or_else(|| Error::BadPosition { value: Error::excerpt(text) })
    }
}

parsed_argument!(Position);

impl From<&Self> for Position {
    fn from(position: &Self) -> Self {
        *position
    }
}
