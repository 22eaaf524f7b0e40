//! Where the database of a store lies.

use std::path::Path;

use crate::model::error::Result;
use crate::store::backend::StorageBackend;
use crate::store::backend::database::Database;
use crate::store::catalog::open_database;
use crate::store::folder::{Folder, Location};

/// Where the database of a store lies, to open it and to open it again.
pub(super) enum Origin {
    /// A file in a folder, which stays locked in between.
    Folder(Folder),
    /// Something that tests made.
    Backend(Reopen),
}

/// Opens the database over something that is no file.
pub(super) type Reopen = Box<dyn Fn(usize) -> Result<Database> + Send + Sync>;

impl Origin {
    /// Something that tests made, where the store looks for `path`.
    pub(super) fn backend<B: StorageBackend>(
        backend: impl Fn() -> Result<B> + Send + Sync + 'static,
        path: &Path,
    ) -> Self {
        let path = path.to_owned();
        Self::Backend(Box::new(move |cache_bytes| open_database(backend()?, cache_bytes, &path)))
    }

    /// Opens the database. `former` is where it was when it was opened before.
    ///
    /// # Errors
    ///
    /// Also if something else is there now.
    pub(super) fn open(&self, cache_bytes: usize, former: Option<&Location>) -> Result<(Database, Option<Location>)> {
        match self {
            Self::Folder(folder) => {
                let (backend, location) = folder.backend(former)?;
                Ok((open_database(backend, cache_bytes, &folder.file)?, Some(location)))
            }
            Self::Backend(open) => Ok((open(cache_bytes)?, None)),
        }
    }

    /// Keeps the lock of a folder after a store was opened there.
    pub(super) fn keep(&mut self) {
        if let Self::Folder(folder) = self {
            folder.keep();
        }
    }

    /// The length of the file, or 0 if there is none or the system does not say.
    pub(super) fn file_len(&self) -> u64 {
        match self {
            Self::Folder(folder) => folder.file_len(),
            Self::Backend(_) => 0,
        }
    }
}
