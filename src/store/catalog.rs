//! Which instances there are, and the file that they are in.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::model::error::{Error, Result};
use crate::store::backend::database::Database;
use crate::store::backend::fault::Fault;
use crate::store::backend::{StorageBackend, over_file};
use crate::store::name::check_name;
use crate::store::tables::{Fields, INSTANCES, META, STORE, UNFINISHED, fields};
use crate::store::write_batch::WriteBatch;

/// The number of the format that this version writes and reads.
const FORMAT: u64 = 1;

/// The database in the folder of a store.
const FILE: &str = "store.redb";

/// Held while a store is open.
const LOCK: &str = "lock";

/// What there is, before any instance is loaded.
#[derive(Debug)]
pub(super) struct Catalog {
    /// D1: as many as the store says, each with a number that was given.
    pub(super) instances: BTreeMap<String, Entry>,
    /// The number of the next instance.
    pub(super) next: u64,
    /// Checkpoints that were begun and not finished: instance and number.
    pub(super) unfinished: Vec<(u64, u64)>,
}

/// An instance in the list of all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    pub(super) number: u64,
    pub(super) identity: u64,
}

/// The one row about the whole store.
pub(super) fn store_row(instances: u64, next: u64) -> Vec<u8> {
    fields(&[FORMAT, instances, next])
}

/// What an instance has in the list of all.
pub(super) fn entry_row(entry: Entry) -> Vec<u8> {
    fields(&[entry.number, entry.identity])
}

/// Opens a database, or makes one where there is nothing.
pub(super) fn open_database(backend: impl StorageBackend, cache_bytes: usize, path: &Path) -> Result<Database> {
    let first = || {
        let mut batch = WriteBatch::default();
        batch.put(META, STORE, &store_row(0, 0));
        batch
    };
    Database::open(backend, cache_bytes, first).map_err(|fault| fault.into_error(path, None))
}

impl Catalog {
    /// Reads the list of instances.
    pub(super) fn read(database: &Database, path: &Path) -> Result<Self> {
        let format = || Ok(Fields(&database.begin_read()?.expect(META, STORE)?).number()?);
        match format().map_err(|fault: Fault| fault.into_error(path, None))? {
            FORMAT => Self::read_tables(database).map_err(|fault| fault.into_error(path, None)),
            version => Err(Error::UnknownFormat { version, path: Some(path.to_owned()) }),
        }
    }

    fn read_tables(database: &Database) -> Result<Self, Fault> {
        let tables = database.begin_read()?;
        tables.check_tables()?;
        let store = tables.expect(META, STORE)?;
        let mut store = Fields(&store);
        let (_, count, next) = (store.number()?, store.number()?, store.number()?);
        store.end()?;
        let mut instances = BTreeMap::new();
        for row in tables.rows(INSTANCES, &[])? {
            let (name, entry) = row?;
            let mut fields = Fields(&entry);
            let entry = Entry { number: fields.number()?, identity: fields.number()? };
            fields.end()?;
            let name = String::from_utf8(name).map_err(|_| Fault::damage("the name of an instance is not UTF-8"))?;
            check_name(&name).map_err(|error| Fault::damage(error.to_string()))?;
            if entry.number >= next {
                return Err(Fault::damage(format!("instance {name:?} has a number that was never given")));
            }
            instances.insert(name, entry);
        }
        if u64::try_from(instances.len()) != Ok(count) {
            return Err(Fault::damage(format!("{} instances instead of {count}", instances.len())));
        }
        let mut unfinished = Vec::new();
        for row in tables.rows(UNFINISHED, &[])? {
            let (instance, number) = row?;
            unfinished.push((Fields(&instance).number()?, Fields(&number).number()?));
        }
        Ok(Self { instances, next, unfinished })
    }
}

/// The folder of a store, which nobody else has open.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) file: PathBuf,
    /// The system releases it when the process ends. None if there is none, as in a copy.
    lock: Option<File>,
}

impl Drop for Folder {
    /// Unlocks: closing the file would leave the lock to a process that is just being started, which has a copy of it.
    fn drop(&mut self) {
        // It is closed next, which does the same but for those copies.
        let _unlocked = self.lock.as_ref().map(File::unlock);
    }
}

impl Folder {
    /// Takes the folder, and makes it and the file in it if they are not there.
    pub(super) fn take(folder: &Path, cache_bytes: usize) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|cause| refused("make", folder, &cause))?;
        let lock = folder.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&lock);
        let folder = Self::locked(folder, Some(file.map_err(|cause| refused("open", &lock, &cause))?))?;
        if !folder.file.exists() {
            folder.create(cache_bytes)?;
        }
        Ok(folder)
    }

    /// Takes the folder to look at the file in it.
    pub(super) fn take_to_read(folder: &Path) -> Result<Self> {
        let lock = folder.join(LOCK);
        match File::open(&lock) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => Err(refused("open", &lock, &cause)),
            opened => Self::locked(folder, opened.ok()),
        }
    }

    fn locked(folder: &Path, lock: Option<File>) -> Result<Self> {
        let file = folder.join(FILE);
        match lock.as_ref().map_or(Ok(()), File::try_lock) {
            Ok(()) => Ok(Self { file, lock }),
            Err(TryLockError::WouldBlock) => Err(Error::StoreInUse { path: file }),
            Err(TryLockError::Error(cause)) => Err(refused("lock", folder, &cause)),
        }
    }

    /// Makes an empty store under another name first: so a file of the right name is always a whole one, and one that
    /// is not is damaged.
    fn create(&self, cache_bytes: usize) -> Result<()> {
        let made = self.file.with_extension("new");
        let options = || OpenOptions::new().read(true).write(true).create(true).truncate(true).clone();
        let file = options().open(&made).map_err(|cause| refused("make", &made, &cause))?;
        let synced = file.try_clone().map_err(|cause| refused("make", &made, &cause))?;
        drop(open_database(file_backend(file, &made)?, cache_bytes, &made)?);
        synced.sync_all().map_err(|cause| refused("sync", &made, &cause))?;
        drop(synced);
        fs::rename(&made, &self.file).map_err(|cause| refused("rename", &made, &cause))?;
        sync_folder(&self.file)
    }

    /// The length of the file, or 0 if the system does not say.
    pub(super) fn file_len(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |metadata| metadata.len())
    }

    /// Opens the file for reading and writing.
    pub(super) fn backend(&self) -> Result<impl StorageBackend + use<>> {
        file_backend(self.open(OpenOptions::new().read(true).write(true))?, &self.file)
    }

    /// Opens the file. It got its name when there was a store in it: so one that is empty has lost it.
    pub(super) fn open(&self, options: &OpenOptions) -> Result<File> {
        let opened = options.open(&self.file).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened.map_err(|cause| refused("open", &self.file, &cause))? {
            (0, _) => Err(Fault::damage("the file is empty").into_error(&self.file, None)),
            (_, file) => Ok(file),
        }
    }
}

fn file_backend(file: File, path: &Path) -> Result<impl StorageBackend + use<>> {
    over_file(file).map_err(|fault| fault.into_error(path, None))
}

/// Makes the name of a new file last.
fn sync_folder(file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    // Where a folder cannot be opened as a file, its entries are written in order by the system.
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|cause| refused("sync", folder, &cause))?;
    }
    Ok(())
}

/// What the system did not do.
pub(super) fn refused(action: &str, path: &Path, cause: &std::io::Error) -> Error {
    Error::Io { path: path.to_owned(), cause: format!("could not {action} it: {cause}") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::Folder;

    /// A process that is being started has a copy of every open file until its program begins.
    #[test]
    fn a_copy_of_its_files_does_not_keep_a_folder_taken() {
        let folder = tempfile::tempdir().unwrap();
        let taken = Folder::take(folder.path(), 1 << 20).unwrap();
        let copy = taken.lock.as_ref().unwrap().try_clone().unwrap();
        assert!(Folder::take(folder.path(), 1 << 20).is_err());
        drop(taken);
        assert!(Folder::take(folder.path(), 1 << 20).is_ok());
        drop(copy);
    }
}
