//! The database of a store, which is opened again when the store resumes.

use crate::index::sync::{AtomicU64, Ordering, RwLock};
use crate::model::error::{Error, Result};
use crate::store::backend::database::Database;

/// The database as long as the store is open. Whoever uses it keeps it open for that long.
pub(super) struct OpenDatabase {
    access: RwLock<Access>,
    /// How often it was opened again. Changed while `access` is locked for writing.
    life: AtomicU64,
}

enum Access {
    Open(Database),
    /// It was closed to be opened again, and could not be.
    Lost(Error),
    Closed,
}

impl OpenDatabase {
    pub(super) fn new(database: Database) -> Self {
        Self { access: RwLock::new(Access::Open(database)), life: AtomicU64::new(0) }
    }

    /// Uses the database. Nothing that this calls may wait for the lock of the file, unless the caller has that lock: who
    /// opens the database again has it, and waits for everybody who uses the former one.
    ///
    /// # Errors
    ///
    /// [`Error::StoreClosed`]; why the store failed, if the database could not be opened again.
    pub(super) fn with<T>(&self, run: impl FnOnce(&Database) -> T) -> Result<T> {
        match &*self.access.read() {
            Access::Open(database) => Ok(run(database)),
            Access::Lost(failure) => Err(failure.clone()),
            Access::Closed => Err(Error::StoreClosed),
        }
    }

    /// How often it was opened again. What was read or written before belongs to a life that is over.
    pub(super) fn life(&self) -> u64 {
        self.life.load(Ordering::SeqCst)
    }

    /// Closes the database, and opens it again. Until that is done nobody can use it, and if it fails, whoever wants to is told
    /// of `failure`.
    pub(super) fn reopen<T>(&self, failure: &Error, open: impl FnOnce() -> Result<(Database, T)>) -> Result<T> {
        let mut access = self.access.write();
        self.life.fetch_add(1, Ordering::SeqCst);
        let former = std::mem::replace(&mut *access, Access::Lost(failure.clone()));
        drop(former);
        let (database, opened) = open()?;
        *access = Access::Open(database);
        Ok(opened)
    }

    /// Lets nobody use the database any more, and gives it to the caller.
    pub(super) fn close(&self) -> Option<Database> {
        match std::mem::replace(&mut *self.access.write(), Access::Closed) {
            Access::Open(database) => Some(database),
            Access::Lost(_) | Access::Closed => None,
        }
    }
}
