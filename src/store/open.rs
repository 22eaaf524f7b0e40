//! Opening the store in a folder.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::index::sync::Mutex;
use crate::index::trace::{Span, within};
use crate::index::wakers::{WakerCaller, WakerThreads};
#[cfg(doc)]
use crate::model::error::Error;
use crate::model::error::Result;
use crate::store::activity::Activity;
use crate::store::backend::StorageBackend;
use crate::store::catalog::Catalog;
use crate::store::checkpoint::clean_up;
use crate::store::folder::{Folder, refused};
use crate::store::instances::{Instances, Shared};
use crate::store::open_database::OpenDatabase;
use crate::store::options::{Durability, StoreOptions};
use crate::store::origin::Origin;
use crate::store::signal::Signal;
use crate::store::threads;
use crate::store::writer::StoreWriter;
use crate::store::{FolderStore, Home, Store};

/// The path in errors of a store that is in no file.
const BACKEND: &str = "backend";

impl StoreOptions {
    /// Opens the store in a folder, or makes it. Its files can be read and written by their owner alone, also those that
    /// were there before.
    ///
    /// Reads the list of instances, and loads none. **O(i)** in the number of instances; after a crash also the walk
    /// through the file that [`quick_repair`](Self::quick_repair) avoids.
    ///
    /// # Errors
    ///
    /// [`Error::StorePathRequired`] if the path is empty; [`Error::StoreInUse`] if it is open, here or in another
    /// process; [`Error::Damaged`]; [`Error::UnknownFormat`]; [`Error::Io`], also if its file is a link that leads to
    /// nothing. Whatever was there is as before.
    pub fn open(self, folder: impl AsRef<Path>) -> Result<Store> {
        let folder = folder.as_ref();
        within(Span::Open { store: &folder.display() }, || {
            let folder = Folder::take_or_create(folder, self.tuning.cache_bytes)?;
            self.open_in(folder)
        })
    }

    /// Opens the store in a folder, which has to be there: for questions, and where an empty store in the wrong place
    /// would be taken for the right one, such as below a volume that is not mounted.
    ///
    /// Costs what [`open`](Self::open) costs.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownStore`] if there is none; those of [`open`](Self::open). Whichever it is, no file was made.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, StoreOptions};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path();
    /// assert!(matches!(StoreOptions::new().open_existing(folder), Err(Error::UnknownStore { .. })));
    /// drop(StoreOptions::new().open(folder)?);
    /// assert!(StoreOptions::new().open_existing(folder)?.instances().is_empty());
    /// # Ok::<(), Error>(())
    /// ```
    pub fn open_existing(self, folder: impl AsRef<Path>) -> Result<Store> {
        let folder = folder.as_ref();
        within(Span::Open { store: &folder.display() }, || self.open_in(Folder::take_existing(folder)?))
    }

    fn open_in(self, folder: Folder) -> Result<Store> {
        let path = folder.file.clone();
        let mut store = self.start(Origin::Folder(folder), path)?;
        store.origin.keep();
        Ok(Store::at(Home::Folder(store)))
    }

    /// Opens a store over something else than a file, for tests of what disks do. It has to be empty or hold a store.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_on(self, backend: impl StorageBackend) -> Result<Store> {
        let once = Mutex::new(Some(backend));
        self.open_by(move || once.lock().take().ok_or_else(|| io::ErrorKind::NotFound.into()))
    }

    /// As [`open_on`](Self::open_on), over something that [`Store::resume`] can open again.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    #[doc(hidden)]
    pub fn open_by<B: StorageBackend>(self, open: impl Fn() -> io::Result<B> + Send + Sync + 'static) -> Result<Store> {
        let path = PathBuf::from(BACKEND);
        let open = move || open().map_err(|cause| refused("open", Path::new(BACKEND), &cause));
        let store = within(Span::Open { store: &BACKEND }, || self.start(Origin::backend(open, &path), path))?;
        Ok(Store::at(Home::Folder(store)))
    }

    fn start(self, origin: Origin, path: PathBuf) -> Result<FolderStore> {
        let retention = self.retention();
        let Self { durability, limits, unload_after, tuning, .. } = self;
        let (database, location) = origin.open(tuning.cache_bytes, None)?;
        let Catalog { instances, next, unfinished, is_former } = Catalog::read(&database, &path)?;
        let database = Arc::new(OpenDatabase::new(database));
        // The other half of the time is for the disk.
        let patience = if let Durability::Within(time) = durability { Some(time / 2) } else { None };
        let signal = Arc::new(Signal::new(patience));
        let activity = Arc::<Mutex<Activity>>::default();
        let wakers = Arc::<WakerThreads>::default();
        let mut disk = StoreWriter {
            database: Arc::clone(&database),
            path: path.clone(),
            location,
            quick_repair: tuning.quick_repair,
            log_allowance: tuning.log,
            signal: Arc::clone(&signal),
            loaded: BTreeMap::new(),
            instances: u64::try_from(instances.len()).unwrap_or(u64::MAX),
            next_instance: next,
            begun: 0,
            freed_bytes: 0,
            is_former,
            retention,
            activity: Arc::clone(&activity),
            waker_caller: WakerCaller::Threads(Arc::clone(&wakers)),
            failed: None,
            former_failure: None,
        };
        if !unfinished.is_empty() {
            disk.write(&clean_up(&unfinished))?;
        }
        let shared = Arc::new(Shared {
            path,
            durability,
            limits,
            unload_after,
            queued_changes: tuning.queued_changes,
            cache_bytes: tuning.cache_bytes,
            compact_at_close: tuning.compact_at_close,
            signal,
            wakers,
            instances: Mutex::new(Instances::new(instances, next)),
            unwritten: Mutex::default(),
            checkpoints: Mutex::default(),
            disk: Mutex::new(disk),
            activity,
            database,
        });
        let mut runs = vec![
            ("label-index commits", Shared::commit_until_stopped as fn(&Shared)),
            ("label-index checkpoints", Shared::checkpoint_until_stopped),
        ];
        if unload_after.is_some() {
            runs.push(("label-index unloads", Shared::unload_until_stopped));
        }
        let mut store = FolderStore { shared, threads: Vec::new(), is_closed: false, origin };
        for (name, run) in runs {
            let shared = Arc::clone(&store.shared);
            let thread = threads::start(name, move || run(&shared));
            store.threads.push(thread.map_err(|cause| refused("start a thread for", &store.shared.path, &cause))?);
        }
        Ok(store)
    }
}

impl Store {
    /// Opens the store in a folder, or makes it, with the default [`StoreOptions`].
    ///
    /// # Errors
    ///
    /// Those of [`StoreOptions::open`].
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        StoreOptions::new().open(folder)
    }

    /// Opens the store in a folder, which has to be there, with the default [`StoreOptions`].
    ///
    /// # Errors
    ///
    /// Those of [`StoreOptions::open_existing`].
    pub fn open_existing(folder: impl AsRef<Path>) -> Result<Self> {
        StoreOptions::new().open_existing(folder)
    }
}
