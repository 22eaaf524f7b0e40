//! Where the database of a store is, to open and reopen it.

use std::path::Path;

use crate::model::error::Result;
use crate::store::backend::StorageBackend;
use crate::store::backend::database::Database;
use crate::store::catalog::open_database;
use crate::store::folder::{Folder, Location};

/// Where the database of a store is, to open and reopen it.
pub(super) enum Origin {
    /// A file in a folder, which stays locked between two openings.
    Folder(Folder),
    /// A backend that a test provides.
    Backend(Reopen),
}

/// Opens the database over a backend that is not a file.
pub(super) type Reopen = Box<dyn Fn(usize) -> Result<Database> + Send + Sync>;

impl Origin {
    /// A backend that a test provides, named `path` in errors.
    pub(super) fn backend<B: StorageBackend>(
        backend: impl Fn() -> Result<B> + Send + Sync + 'static,
        path: &Path,
    ) -> Self {
        let path = path.to_owned();
        Self::Backend(Box::new(move |cache_bytes| open_database(backend()?, cache_bytes, &path)))
    }

    /// Opens the database. `former` identifies the file that was open before.
    ///
    /// # Errors
    ///
    /// Also if it is not the file that was open before.
    pub(super) fn open(&self, cache_bytes: usize, former: Option<&Location>) -> Result<(Database, Option<Location>)> {
        match self {
            Self::Folder(folder) => {
                let (backend, location) = folder.backend(former)?;
                Ok((open_database(backend, cache_bytes, &folder.file)?, Some(location)))
            }
            Self::Backend(open) => Ok((open(cache_bytes)?, None)),
        }
    }

    /// Keeps the lock file of a folder once a store was opened there.
    pub(super) fn keep(&mut self) {
        if let Self::Folder(folder) = self {
            folder.keep();
        }
    }

    /// The length of the file, or 0 if there is none or it cannot be read.
    pub(super) fn file_len(&self) -> u64 {
        match self {
            Self::Folder(folder) => folder.file_len(),
            Self::Backend(_) => 0,
        }
    }
}
