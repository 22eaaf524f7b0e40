//! The folder of a store, and the file in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{self, Path, PathBuf};

use crate::model::error::{Error, Result};
use crate::store::backend::fault::Fault;
use crate::store::backend::{StorageBackend, over_file};
use crate::store::catalog::open_database;

/// The name of the database file.
const FILE: &str = "store.redb";

/// The name of the file that is locked while a store is open.
const LOCK: &str = "lock";

const REPLACED: &str = "the file was replaced by another one while the store was open";

/// The folder of a store, locked against other processes and other stores.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) file: PathBuf,
    /// `None` if there is no lock file, as in a copy that is only read.
    lock: Option<Lock>,
}

impl Folder {
    /// Locks the folder, and creates it and the file in it if they do not exist.
    pub(super) fn take_or_create(folder: &Path, cache_bytes: usize) -> Result<Self> {
        let file = file_in(folder)?;
        fs::create_dir_all(folder).map_err(|cause| refused("make", folder, &cause))?;
        let folder = Self { lock: Some(Lock::take(&folder.join(LOCK), &file)?), file };
        if !is_there(&folder.file)? {
            folder.create(cache_bytes)?;
        }
        Ok(folder)
    }

    /// Locks the folder of an existing store.
    ///
    /// # Errors
    ///
    /// Also [`Error::UnknownStore`]; no file is created then.
    pub(super) fn take_existing(folder: &Path) -> Result<Self> {
        let file = existing_file_in(folder)?;
        Ok(Self { lock: Some(Lock::take(&folder.join(LOCK), &file)?), file })
    }

    /// Like [`take_existing`](Self::take_existing), but only to read: nothing in the folder is created or changed.
    pub(super) fn take_to_read(folder: &Path) -> Result<Self> {
        let file = existing_file_in(folder)?;
        Ok(Self { lock: Lock::take_to_read(&folder.join(LOCK), &file)?, file })
    }

    /// Keeps the lock file. Without this call it is removed if it is new, so that a failed open leaves no file.
    pub(super) fn keep(&mut self) {
        if let Some(lock) = &mut self.lock {
            lock.is_temporary = false;
        }
    }

    /// Creates an empty store under a temporary name and renames it: a file with the final name is always complete, and an
    /// incomplete one is damaged.
    fn create(&self, cache_bytes: usize) -> Result<()> {
        let made = self.file.with_extension("new");
        let created = self.create_as(&made, cache_bytes);
        if created.is_err() {
            // If this fails, it is removed when a store is next created here.
            let _removed = fs::remove_file(&made);
        }
        created
    }

    fn create_as(&self, made: &Path, cache_bytes: usize) -> Result<()> {
        match fs::remove_file(made) {
            Err(cause) if cause.kind() != ErrorKind::NotFound => return Err(refused("remove", made, &cause)),
            _ => {}
        }
        let file = for_owner().read(true).write(true).create_new(true).open(made);
        let file = file.map_err(|cause| refused("make", made, &cause))?;
        let synced = file.try_clone().map_err(|cause| refused("make", made, &cause))?;
        drop(open_database(over_file(file).map_err(|fault| fault.into_error(made, None))?, cache_bytes, made)?);
        synced.sync_all().map_err(|cause| refused("sync", made, &cause))?;
        drop(synced);
        fs::rename(made, &self.file).map_err(|cause| refused("rename", made, &cause))?;
        sync_folder(&self.file)
    }

    /// The length of the file, or 0 if it cannot be read.
    pub(super) fn file_len(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |metadata| metadata.len())
    }

    /// Opens the file for reading and writing. `former` identifies the file that was open before.
    ///
    /// # Errors
    ///
    /// Also if it is not the file that was open before.
    pub(super) fn backend(&self, former: Option<&Location>) -> Result<(impl StorageBackend + use<>, Location)> {
        let path = former.map_or(&self.file, |former| &former.path);
        let file = self.open_at(path, OpenOptions::new().read(true).write(true))?;
        let location = Location::of(&file, path).map_err(|cause| refused("open", &self.file, &cause))?;
        if let Some(former) = former
            && former.identity != location.identity
        {
            return Err(Fault::Io(REPLACED.to_owned()).into_error(&self.file, None));
        }
        restrict_to_owner(&file);
        Ok((over_file(file).map_err(|fault| fault.into_error(&self.file, None))?, location))
    }

    /// Opens the file. A new file is renamed into place only when it holds a store, so an empty file is damaged.
    pub(super) fn open(&self, options: &OpenOptions) -> Result<File> {
        self.open_at(&self.file, options)
    }

    fn open_at(&self, path: &Path, options: &OpenOptions) -> Result<File> {
        let opened = options.open(path).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened.map_err(|cause| refused("open", &self.file, &cause))? {
            (0, _) => Err(Fault::damage("the file is empty").into_error(&self.file, None)),
            (_, file) => Ok(file),
        }
    }
}

/// The locked file of a folder. The system releases the lock when the process ends.
#[derive(Debug)]
struct Lock {
    path: PathBuf,
    file: File,
    /// Whether the file is removed with the lock.
    is_temporary: bool,
}

impl Drop for Lock {
    /// Unlocks explicitly: a process that is being forked has a copy of the open file, which would keep the lock.
    fn drop(&mut self) {
        if self.is_temporary {
            // A process that opened the file before it was removed notices that once it has the lock.
            let _removed = fs::remove_file(&self.path);
        }
        // Closing the file unlocks it too, except for such copies.
        let _unlocked = self.file.unlock();
    }
}

impl Lock {
    /// Locks the file at a path, and creates it if it does not exist. `store` is the path for [`Error::StoreInUse`].
    fn take(path: &Path, store: &Path) -> Result<Self> {
        loop {
            let made = for_owner().write(true).create_new(true).open(path);
            let is_made = made.is_ok();
            let opened = match made {
                Err(cause) if cause.kind() == ErrorKind::AlreadyExists => OpenOptions::new().write(true).open(path),
                made => made,
            };
            let file = match opened {
                Ok(file) => file,
                // Another process created it, failed to open the store, and removed it.
                Err(cause) if cause.kind() == ErrorKind::NotFound && !is_made && !is_there(path)? => continue,
                Err(cause) => return Err(refused("open", path, &cause)),
            };
            let mut lock = Self::of(path, file, store)?;
            // A lock on a file that was removed in the meantime keeps no process out.
            if identity(&lock.file.metadata()) == identity(&fs::metadata(path)) {
                restrict_to_owner(&lock.file);
                lock.is_temporary = is_made && cfg!(unix);
                return Ok(lock);
            }
        }
    }

    /// Locks the file at a path if it exists.
    fn take_to_read(path: &Path, store: &Path) -> Result<Option<Self>> {
        match File::open(path) {
            Ok(file) => Self::of(path, file, store).map(Some),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(None),
            Err(cause) => Err(refused("open", path, &cause)),
        }
    }

    fn of(path: &Path, file: File, store: &Path) -> Result<Self> {
        match file.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), file, is_temporary: false }),
            Err(TryLockError::WouldBlock) => Err(Error::StoreInUse { path: store.to_owned() }),
            Err(TryLockError::Error(cause)) => Err(refused("lock", path, &cause)),
        }
    }
}

/// The path and identity of an open file.
#[derive(Debug)]
pub(super) struct Location {
    /// Absolute, so that it stays valid when the process changes its working directory.
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Location {
    fn of(file: &File, path: &Path) -> io::Result<Self> {
        Ok(Self { path: path::absolute(path)?, identity: identity(&file.metadata()) })
    }

    /// Whether the file is still at its path. A file that was moved or removed can still be written while it is open, but
    /// what is written is lost.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let found = fs::metadata(&self.path);
        match &found {
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Err(Fault::Io("the file was moved or removed while the store was open".to_owned()))
            }
            Ok(_) if identity(&found) != self.identity => Err(Fault::Io(REPLACED.to_owned())),
            // The process may have dropped its right to read the folder.
            _ => Ok(()),
        }
    }
}

/// The identity of a file among those that exist now. `None` where the system has none.
#[cfg(unix)]
fn identity(metadata: &io::Result<fs::Metadata>) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    metadata.as_ref().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &io::Result<fs::Metadata>) -> Option<(u64, u64)> {
    None
}

/// Options to open a file that only its owner may read if it is created.
fn for_owner() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Restricts the permissions of a file to its owner.
fn restrict_to_owner(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if let Ok(metadata) = file.metadata()
            && metadata.permissions().mode() & 0o077 != 0
        {
            let mode = metadata.permissions().mode() & 0o700;
            // Only the owner may change permissions. A file of another owner is left as it is.
            let _restricted = file.set_permissions(fs::Permissions::from_mode(mode));
        }
    }
    #[cfg(not(unix))]
    let _ = file;
}

/// The path of the database file in a folder.
fn file_in(folder: &Path) -> Result<PathBuf> {
    if folder.as_os_str().is_empty() { Err(Error::StorePathRequired) } else { Ok(folder.join(FILE)) }
}

/// The path of the existing database file in a folder.
fn existing_file_in(folder: &Path) -> Result<PathBuf> {
    let file = file_in(folder)?;
    if is_there(&file)? { Ok(file) } else { Err(Error::UnknownStore { path: file }) }
}

/// Whether a path exists. A dangling symbolic link counts: it may lead to a volume that is not mounted.
fn is_there(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(refused("look for", path, &cause)),
    }
}

/// Makes the directory entry of a new file durable.
fn sync_folder(file: &Path) -> Result<()> {
    let folder = file.parent().unwrap_or(file);
    // Where a folder cannot be opened as a file, the system keeps its entries in order.
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|cause| refused("sync", folder, &cause))?;
    }
    Ok(())
}

/// An error of the file system, with the path.
pub(super) fn refused(action: &str, path: &Path, cause: &io::Error) -> Error {
    Error::Io { path: path.to_owned(), cause: format!("could not {action} it: {cause}") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::fs;

    use super::{Folder, LOCK, Lock};

    /// Between fork and exec a child process has a copy of every open file.
    #[test]
    fn a_copy_of_its_files_does_not_keep_a_folder_taken() {
        let folder = tempfile::tempdir().unwrap();
        let taken = Folder::take_or_create(folder.path(), 1 << 20).unwrap();
        let copy = taken.lock.as_ref().unwrap().file.try_clone().unwrap();
        assert!(Folder::take_or_create(folder.path(), 1 << 20).is_err());
        drop(taken);
        assert!(Folder::take_or_create(folder.path(), 1 << 20).is_ok());
        drop(copy);
    }

    #[test]
    #[cfg(unix)]
    fn a_lock_whose_file_was_removed_keeps_nobody_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(LOCK);
        let removed = Lock::take(&path, folder.path()).unwrap();
        fs::remove_file(&path).unwrap();
        let mut lock = Lock::take(&path, folder.path()).unwrap();
        lock.is_temporary = false;
        drop(removed);
        assert!(!path.exists(), "it was told to remove the file");
        drop(lock);
        assert!(Lock::take(&path, folder.path()).is_ok());
    }
}
