//! The folder of a store, and the file in it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{self, Path, PathBuf};

use crate::model::error::{Error, Result};
use crate::store::backend::fault::Fault;
use crate::store::backend::{StorageBackend, over_file};
use crate::store::catalog::open_database;

/// The database in the folder of a store.
const FILE: &str = "store.redb";

/// Held while a store is open.
const LOCK: &str = "lock";

const REPLACED: &str = "the file was replaced by another one while the store was open";

/// The folder of a store, which nobody else has open.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) file: PathBuf,
    /// None if there is no such file, as beside a copy that is only read.
    lock: Option<Lock>,
}

impl Folder {
    /// Takes the folder, and makes it and the file in it if they are not there.
    pub(super) fn take_or_create(folder: &Path, cache_bytes: usize) -> Result<Self> {
        let file = file_in(folder)?;
        fs::create_dir_all(folder).map_err(|cause| refused("make", folder, &cause))?;
        let folder = Self { lock: Some(Lock::take(&folder.join(LOCK), &file)?), file };
        if !is_there(&folder.file)? {
            folder.create(cache_bytes)?;
        }
        Ok(folder)
    }

    /// Takes the folder of a store that is there.
    ///
    /// # Errors
    ///
    /// Also [`Error::UnknownStore`]; no file is made then.
    pub(super) fn take_existing(folder: &Path) -> Result<Self> {
        let file = existing_file_in(folder)?;
        Ok(Self { lock: Some(Lock::take(&folder.join(LOCK), &file)?), file })
    }

    /// As [`take_existing`](Self::take_existing), to read the file: nothing is made or changed in the folder.
    pub(super) fn take_to_read(folder: &Path) -> Result<Self> {
        let file = existing_file_in(folder)?;
        Ok(Self { lock: Lock::take_to_read(&folder.join(LOCK), &file)?, file })
    }

    /// Keeps the lock file, which is removed otherwise if it was not there before: who is refused leaves no file.
    pub(super) fn keep(&mut self) {
        if let Some(lock) = &mut self.lock {
            lock.is_temporary = false;
        }
    }

    /// Makes an empty store under another name first: so a file of the right name is always a whole one, and one that
    /// is not is damaged.
    fn create(&self, cache_bytes: usize) -> Result<()> {
        let made = self.file.with_extension("new");
        let created = self.create_as(&made, cache_bytes);
        if created.is_err() {
            // It is removed too when a store is made here the next time.
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

    /// The length of the file, or 0 if the system does not say.
    pub(super) fn file_len(&self) -> u64 {
        fs::metadata(&self.file).map_or(0, |metadata| metadata.len())
    }

    /// Opens the file for reading and writing. `former` is where it was when it was opened before.
    ///
    /// # Errors
    ///
    /// Also if there is another file now.
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

    /// Opens the file. It is renamed into place once it holds a store, so an empty one is damaged.
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
    /// Whether the file goes with the lock.
    is_temporary: bool,
}

impl Drop for Lock {
    /// Unlocks. Closing the file alone would leave the lock to a process that is just being started, which has a copy of
    /// the file.
    fn drop(&mut self) {
        if self.is_temporary {
            // Whoever opened the file before it was removed finds that out when it has the lock.
            let _removed = fs::remove_file(&self.path);
        }
        // The file is closed next, which unlocks it but for those copies.
        let _unlocked = self.file.unlock();
    }
}

impl Lock {
    /// Locks the file at a path, and makes it if it is not there. `store` is what somebody else has if it is locked.
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
                // Whoever had made it was refused, and removed it.
                Err(cause) if cause.kind() == ErrorKind::NotFound && !is_made && !is_there(path)? => continue,
                Err(cause) => return Err(refused("open", path, &cause)),
            };
            let mut lock = Self::of(path, file, store)?;
            // The lock of a file that was removed meanwhile keeps nobody out.
            if identity(&lock.file.metadata()) == identity(&fs::metadata(path)) {
                restrict_to_owner(&lock.file);
                lock.is_temporary = is_made && cfg!(unix);
                return Ok(lock);
            }
        }
    }

    /// Locks the file at a path if there is one.
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

/// Where an open file is to be found.
#[derive(Debug)]
pub(super) struct Location {
    /// Absolute, so that it stays the same when the process changes its working directory.
    path: PathBuf,
    identity: Option<(u64, u64)>,
}

impl Location {
    fn of(file: &File, path: &Path) -> io::Result<Self> {
        Ok(Self { path: path::absolute(path)?, identity: identity(&file.metadata()) })
    }

    /// Whether the file is still there. A file that was moved or removed can be written to as long as it is open, and
    /// nobody finds what was written.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let found = fs::metadata(&self.path);
        match &found {
            Err(cause) if matches!(cause.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                Err(Fault::Io("the file was moved or removed while the store was open".to_owned()))
            }
            Ok(_) if identity(&found) != self.identity => Err(Fault::Io(REPLACED.to_owned())),
            // The process may have given up the right to look.
            _ => Ok(()),
        }
    }
}

/// What tells a file from all others that are there now. None where the system does not say.
#[cfg(unix)]
fn identity(metadata: &io::Result<fs::Metadata>) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    metadata.as_ref().ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &io::Result<fs::Metadata>) -> Option<(u64, u64)> {
    None
}

/// How to open a file that nobody else may read if it is made.
fn for_owner() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Takes the right to read and write a file from everybody but its owner.
fn restrict_to_owner(file: &File) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if let Ok(metadata) = file.metadata()
            && metadata.permissions().mode() & 0o077 != 0
        {
            let mode = metadata.permissions().mode() & 0o700;
            // Only the owner of a file may do that: where it is somebody else, it is theirs to say who reads it.
            let _restricted = file.set_permissions(fs::Permissions::from_mode(mode));
        }
    }
    #[cfg(not(unix))]
    let _ = file;
}

/// The file of the store in a folder.
fn file_in(folder: &Path) -> Result<PathBuf> {
    if folder.as_os_str().is_empty() { Err(Error::StorePathRequired) } else { Ok(folder.join(FILE)) }
}

/// The file of the store in a folder, which has to be there.
fn existing_file_in(folder: &Path) -> Result<PathBuf> {
    let file = file_in(folder)?;
    if is_there(&file)? { Ok(file) } else { Err(Error::UnknownStore { path: file }) }
}

/// Whether there is something under a name, also a link that leads to nothing: it may lead to a volume that is not
/// mounted.
fn is_there(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(false),
        Err(cause) => Err(refused("look for", path, &cause)),
    }
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
pub(super) fn refused(action: &str, path: &Path, cause: &io::Error) -> Error {
    Error::Io { path: path.to_owned(), cause: format!("could not {action} it: {cause}") }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::fs;

    use super::{Folder, LOCK, Lock};

    /// A process that is being started has a copy of every open file until its program begins.
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
