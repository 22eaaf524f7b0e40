//! The embedded database under a store. Nothing outside of this folder names it.

pub(crate) mod fault;
mod held;
mod checksums;
pub(crate) mod database;
pub(crate) mod overlay;

/// What a database lies on, so that tests can play a disk.
pub(crate) use redb::StorageBackend;
/// A file as the database uses it.
pub(crate) use redb::backends::FileBackend;
