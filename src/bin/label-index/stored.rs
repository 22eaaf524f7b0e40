//! Opening stores and their instances.

use std::fs;
use std::path::Path;

use label_index::{Error, LabelIndex, Limits, Report, Store, StoreOptions};

use crate::PAGE_LIMIT;
use crate::failure::Failure;

/// Opens an existing store.
pub(crate) fn store(place: &Path) -> Result<Store, Failure> {
    open(place, Limits::default(), false)
}

/// Opens a store, or creates it.
pub(crate) fn make(place: &Path) -> Result<Store, Failure> {
    open(place, Limits::default(), true)
}

/// Checks everything in a store.
pub(crate) fn verify(place: &Path) -> Result<Report, Failure> {
    match Place::of(place) {
        Place::Folder(folder) => {
            check_exists(folder)?;
            Store::verify(folder).map_err(Failure::Store)
        }
        Place::Database(url) => database::verify(url),
    }
}

/// An instance of an open store.
pub(crate) fn instance(store: &Store, name: &str) -> Result<LabelIndex, Failure> {
    store.existing(name).map_err(refused)
}

/// Opens an existing store and an existing instance.
pub(crate) fn existing(place: &Path, name: &str) -> Result<(Store, LabelIndex), Failure> {
    let store = store(place)?;
    let index = instance(&store, name)?;
    Ok((store, index))
}

/// Opens a store for batches of `rows_in_batch` rows, or creates it.
pub(crate) fn make_for(place: &Path, rows_in_batch: usize) -> Result<Store, Failure> {
    let mut limits = Limits::default();
    // Each row is a link, and may need a new label.
    limits.batch_operations = rows_in_batch.saturating_mul(2);
    open(place, limits, true)
}

fn open(place: &Path, mut limits: Limits, makes: bool) -> Result<Store, Failure> {
    limits.page = PAGE_LIMIT;
    let options = StoreOptions::new().limits(limits);
    match Place::of(place) {
        Place::Folder(folder) => {
            if !makes {
                check_exists(folder)?;
            }
            options.open(folder).map_err(Failure::Store)
        }
        Place::Database(url) => database::open(options, url, makes),
    }
}

/// The location of a store as given on the command line.
enum Place<'a> {
    Folder(&'a Path),
    Database(&'a str),
}

impl<'a> Place<'a> {
    /// A folder whose name looks like a URL can be given as `./postgres:/..`.
    fn of(place: &'a Path) -> Self {
        let is_url = |text: &&str| ["postgres://", "postgresql://"].iter().any(|scheme| text.starts_with(scheme));
        place.to_str().filter(is_url).map_or(Self::Folder(place), Self::Database)
    }
}

#[cfg(feature = "postgres")]
mod database {
    use label_index::{Error, Report, Store, StoreOptions};

    use crate::failure::Failure;

    pub(super) fn open(options: StoreOptions, url: &str, makes: bool) -> Result<Store, Failure> {
        if makes { options.connect(url) } else { options.connect_existing(url) }.map_err(failed)
    }

    pub(super) fn verify(url: &str) -> Result<Report, Failure> {
        StoreOptions::new().verify_connected(url).map_err(failed)
    }

    fn failed(error: Error) -> Failure {
        match error {
            Error::InvalidStoreUrl { .. } => Failure::Question(error),
            error => Failure::Store(error),
        }
    }
}

#[cfg(not(feature = "postgres"))]
mod database {
    use label_index::{Error, Report, Store, StoreOptions};

    use crate::failure::Failure;

    fn unknown() -> Failure {
        Failure::Question(Error::Unsupported { what: "the feature `postgres` is not in this program".to_owned() })
    }

    pub(super) fn open(_: StoreOptions, _: &str, _: bool) -> Result<Store, Failure> {
        Err(unknown())
    }

    pub(super) fn verify(_: &str) -> Result<Report, Failure> {
        Err(unknown())
    }
}

/// Refuses a folder without a store, so that reading creates no file.
///
/// A dangling symbolic link is left to the store, whose error names the missing target.
fn check_exists(folder: &Path) -> Result<(), Failure> {
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

/// The error of an operation on an instance. A bad name is an error of the command line.
pub(crate) fn refused(error: Error) -> Failure {
    match error {
        Error::InstanceNameRequired | Error::InvalidInstanceName { .. } => Failure::Question(error),
        error => Failure::Store(error),
    }
}
