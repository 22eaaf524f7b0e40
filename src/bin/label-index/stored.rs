//! Stores, and the indexes in them.

use std::fs;
use std::path::Path;

use label_index::{Error, LabelIndex, Limits, Store, StoreOptions};

use crate::PAGE_LIMIT;
use crate::failure::Failure;

/// Opens a store that there is.
pub(crate) fn store(folder: &Path) -> Result<Store, Failure> {
    check_exists(folder)?;
    make(folder)
}

/// Opens a store, or makes it.
pub(crate) fn make(folder: &Path) -> Result<Store, Failure> {
    open(folder, Limits::default())
}

/// An instance of an open store.
pub(crate) fn instance(store: &Store, name: &str) -> Result<LabelIndex, Failure> {
    store.existing(name).map_err(refused)
}

/// Opens a store and an instance that there are.
pub(crate) fn existing(folder: &Path, name: &str) -> Result<(Store, LabelIndex), Failure> {
    let store = store(folder)?;
    let index = instance(&store, name)?;
    Ok((store, index))
}

/// Opens a store and an instance for batches of so many rows, or makes them.
pub(crate) fn made(folder: &Path, name: &str, rows_in_batch: usize) -> Result<(Store, LabelIndex), Failure> {
    let mut limits = Limits::default();
    // A row is a link, and may need a new label.
    limits.batch_operations = rows_in_batch.saturating_mul(2);
    let store = open(folder, limits)?;
    let index = store.instance(name).map_err(refused)?;
    Ok((store, index))
}

fn open(folder: &Path, mut limits: Limits) -> Result<Store, Failure> {
    limits.page = PAGE_LIMIT;
    StoreOptions::new().limits(limits).open(folder).map_err(Failure::Store)
}

/// Refuses a folder in which there is no store, so that a question makes no file.
///
/// A dangling link is left to the store, which says what it misses.
pub(crate) fn check_exists(folder: &Path) -> Result<(), Failure> {
    let file = folder.join("store.redb");
    match fs::symlink_metadata(&file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let cause = "there is no store; `load` and `import` make one".to_owned();
            Err(Failure::Store(Error::Io { path: folder.to_owned(), cause }))
        }
        Err(error) => Err(Failure::Store(Error::Io { path: file, cause: error.to_string() })),
    }
}

/// What an operation on an instance refused: a bad name is a mistake on the command line.
pub(crate) fn refused(error: Error) -> Failure {
    match error {
        Error::InstanceNameRequired | Error::InvalidInstanceName { .. } => Failure::Question(error),
        error => Failure::Store(error),
    }
}
