//! The database, which may give up on a damaged file at any call.

use redb::{Builder, ReadTransaction, ReadableDatabase, StorageBackend, WriteTransaction};

use crate::store::backend::fault::{Fault, guarded};

/// An open database. Its calls can panic on a damaged file, so all of them are made inside of [`guarded`];
/// closing it guards itself.
pub(crate) struct Database(Option<redb::Database>);

impl Database {
    /// Opens what the backend has, or makes an empty database if that is nothing.
    pub(crate) fn open(backend: impl StorageBackend, cache_bytes: usize) -> Result<Self, Fault> {
        Ok(Self(Some(Builder::new().set_cache_size(cache_bytes).create_with_backend(backend)?)))
    }

    pub(crate) fn begin_read(&self) -> Result<ReadTransaction, Fault> {
        Ok(self.0.as_ref().ok_or_else(closed)?.begin_read()?)
    }

    pub(crate) fn begin_write(&self) -> Result<WriteTransaction, Fault> {
        Ok(self.0.as_ref().ok_or_else(closed)?.begin_write()?)
    }

    /// Whether all pages go together.
    pub(crate) fn check_integrity(&mut self) -> Result<bool, Fault> {
        Ok(self.0.as_mut().ok_or_else(closed)?.check_integrity()?)
    }

    /// Moves the pages together, and shortens the file.
    pub(crate) fn compact(&mut self) -> Result<bool, Fault> {
        Ok(self.0.as_mut().ok_or_else(closed)?.compact()?)
    }
}

/// Only a database that is being dropped is closed.
fn closed() -> Fault {
    Fault::damage("the database is closed")
}

impl Drop for Database {
    fn drop(&mut self) {
        let database = self.0.take();
        // What it could not write at closing, it finds out again at opening.
        let _closed = guarded(|| {
            drop(database);
            Ok(())
        });
    }
}
