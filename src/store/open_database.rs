//! The open database of a store, which is reopened when the store resumes.

use crate::index::sync::{AtomicU64, Ordering, RwLock};
use crate::model::error::{Error, Result};
use crate::store::backend::database::Database;

/// The database while the store is open. A user of it keeps it open for the duration of the use.
pub(super) struct OpenDatabase {
    access: RwLock<Access>,
    /// How often it was reopened. Changed only while `access` is locked for writing.
    life: AtomicU64,
}

enum Access {
    Open(Database),
    /// It was closed to be reopened, and that failed.
    Lost(Error),
    Closed,
}

impl OpenDatabase {
    pub(super) fn new(database: Database) -> Self {
        Self { access: RwLock::new(Access::Open(database)), life: AtomicU64::new(0) }
    }

    /// Uses the database. The callback must not wait for the lock of the file, unless the caller has that lock: the thread
    /// that reopens the database holds it while it waits for all users of the former one.
    ///
    /// # Errors
    ///
    /// [`Error::StoreClosed`]; the store's failure if the database could not be reopened.
    pub(super) fn with<T>(&self, run: impl FnOnce(&Database) -> T) -> Result<T> {
        match &*self.access.read() {
            Access::Open(database) => Ok(run(database)),
            Access::Lost(failure) => Err(failure.clone()),
            Access::Closed => Err(Error::StoreClosed),
        }
    }

    /// How often it was reopened. What was read or written before a reopening may no longer hold.
    pub(super) fn life(&self) -> u64 {
        self.life.load(Ordering::SeqCst)
    }

    /// Closes the database and opens it again. Users wait until that is done, and get `failure` if it fails.
    pub(super) fn reopen<T>(&self, failure: &Error, open: impl FnOnce() -> Result<(Database, T)>) -> Result<T> {
        let mut access = self.access.write();
        self.life.fetch_add(1, Ordering::SeqCst);
        let former = std::mem::replace(&mut *access, Access::Lost(failure.clone()));
        drop(former);
        let (database, opened) = open()?;
        *access = Access::Open(database);
        Ok(opened)
    }

    /// Takes the database out, so that it cannot be used any more.
    pub(super) fn close(&self) -> Option<Database> {
        match std::mem::replace(&mut *self.access.write(), Access::Closed) {
            Access::Open(database) => Some(database),
            Access::Lost(_) | Access::Closed => None,
        }
    }
}
