//! Faults of the disk and the database under a store.

use std::fmt;
use std::io;
use std::path::Path;

use crate::codec::Damage;
use crate::model::error::Error;

/// Why something could not be read or written.
#[derive(Debug)]
pub(crate) enum Fault {
    /// A read or a write of the system failed.
    Io(String),
    /// Another process has the file.
    InUse,
    /// The file is that of another version of the database.
    Format(u64),
    /// The stored data is damaged.
    Damage(Damage),
    /// Another error of the database.
    Database(String),
}

impl Fault {
    pub(crate) fn damage(what: impl Into<String>) -> Self {
        Self::Damage(Damage::new(what))
    }

    /// The error for a host that wanted to read from this file.
    pub(crate) fn into_error(self, path: &Path, instance: Option<&str>) -> Error {
        match self {
            Self::InUse => Error::StoreInUse { path: path.to_owned() },
            Self::Io(cause) => Error::Io { path: path.to_owned(), cause },
            Self::Format(version) => Error::UnknownFormat { version, path: Some(path.to_owned()) },
            other => {
                let what = format!("{}: {other}", path.display());
                Error::Damaged { instance: instance.map(str::to_owned), what }
            }
        }
    }
}

/// Whether the file could be read, and is damaged.
fn is_damage(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(cause) | Self::Database(cause) => f.write_str(cause),
            Self::InUse => f.write_str("another process has the file"),
            Self::Format(version) => write!(f, "a file of version {version} of the database"),
            Self::Damage(damage) => damage.fmt(f),
        }
    }
}

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

impl From<redb::Error> for Fault {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse,
            redb::Error::UpgradeRequired(version) => Self::Format(version.into()),
            redb::Error::Io(cause) if is_damage(&cause) => Self::damage(cause.to_string()),
            redb::Error::Io(cause) => Self::Io(cause.to_string()),
            redb::Error::PreviousIo => Self::Io(error.to_string()),
            redb::Error::Corrupted(what) => Self::damage(what),
            other => Self::Database(other.to_string()),
        }
    }
}
