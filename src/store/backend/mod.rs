//! The embedded database under a store. Nothing outside of this folder names it.

pub(crate) mod fault;
mod held;
mod checksums;
pub(crate) mod database;
pub(crate) mod overlay;

use std::fs::File;

use crate::store::backend::fault::Fault;

/// The storage under a database, so that tests can simulate a disk.
pub(crate) use redb::StorageBackend;
#[cfg(test)]
pub(crate) use redb::backends::InMemoryBackend;

/// A file as the database uses it.
pub(crate) fn over_file(file: File) -> Result<impl StorageBackend, Fault> {
    redb::backends::FileBackend::new(file).map_err(|error| Fault::from(redb::Error::from(error)))
}
