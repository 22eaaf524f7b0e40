//! What goes wrong below a store.

use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use crate::codec::Damage;
use crate::model::error::Error;

/// Why something could not be read or written.
#[derive(Debug)]
pub(crate) enum Fault {
    Database(redb::Error),
    Damage(Damage),
    /// The database gave up, as it does on some damaged files.
    Panic(String),
}

impl Fault {
    pub(crate) fn damage(what: impl Into<String>) -> Self {
        Self::Damage(Damage::new(what))
    }

    /// The error for a host that wanted to read from this file.
    pub(crate) fn into_error(self, path: &Path, instance: Option<&str>) -> Error {
        match self {
            Self::Database(redb::Error::DatabaseAlreadyOpen) => Error::StoreInUse { path: path.to_owned() },
            Self::Database(redb::Error::Io(cause)) if !is_damage(&cause) => {
                Error::Io { path: path.to_owned(), cause: cause.to_string() }
            }
            Self::Database(cause @ redb::Error::PreviousIo) => {
                Error::Io { path: path.to_owned(), cause: cause.to_string() }
            }
            other => Error::Damaged { instance: instance.map(str::to_owned), what: other.to_string() },
        }
    }
}

/// Whether the system read the file, and found something else than should be there.
fn is_damage(cause: &io::Error) -> bool {
    matches!(cause.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::UnexpectedEof)
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Database(cause) => cause.fmt(f),
            Self::Damage(damage) => damage.fmt(f),
            Self::Panic(message) => write!(f, "the database gave up: {message}"),
        }
    }
}

impl From<Damage> for Fault {
    fn from(damage: Damage) -> Self {
        Self::Damage(damage)
    }
}

/// All errors of the database are one.
macro_rules! from_database {
    ($($error:ident)*) => {
        $(impl From<redb::$error> for Fault {
            fn from(error: redb::$error) -> Self {
                Self::Database(error.into())
            }
        })*
    };
}

from_database!(DatabaseError TransactionError TableError StorageError CommitError SetDurabilityError CompactionError);

/// Calls into the database, which panics on some damaged files. What the call was to give is lost then; nothing else is
/// shared with it that could be left half changed.
pub(crate) fn guarded<T>(call: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
        Err(Fault::Panic(text.unwrap_or_else(|| "without a word".to_owned())))
    })
}
