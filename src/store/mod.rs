//! Many durable indexes in one file.

mod tables;
mod write_batch;
mod backend;
mod options;
mod name;
mod manifest;
mod log_extent;
mod log_reader;
mod load;
mod archive;
mod activity;
mod signal;
mod threads;
mod writer;
mod checkpoint;
mod catalog;
mod open_database;
mod instance_source;
mod load_queue;
mod loading;
mod folder;
mod origin;
mod verify;
mod instances;
mod request;
mod idle;
mod stats;
mod install;
mod export;
mod open;
mod load_async;
mod close;
mod resume;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io::{BufRead, Write};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::index::bulk_load::BulkLoad;
use crate::index::label_index::LabelIndex;
use crate::index::sync::thread;
use crate::index::wakers::WakerCaller;
use crate::model::error::{Error, Result};
use crate::store::instance_source::{InstanceSource, Request, load_here};
use crate::store::instances::Shared;
use crate::store::load_queue::OpenLoadQueue;
use crate::store::origin::Origin;
#[cfg(feature = "postgres")]
use crate::store::postgres::ConnectedStore;

pub use crate::store::loading::Loading;
pub use crate::store::options::{Durability, StoreOptions};
pub use crate::store::stats::StoreStats;
pub use crate::store::verify::{Contents, InstanceReport, Report};

/// Many indexes, one for each account, in one file.
///
/// An instance is loaded when it is first asked for, and is a [`LabelIndex`] as in memory, whose commits are on disk; see
/// [`Durability`]. Reads never touch the disk; a subscriber that is behind what is in memory reads older commits there.
/// Writers of all instances that wait at the same time share one sync.
///
/// Dropping the store closes it as [`close`](Self::close) does, which also says what went wrong. Handles, snapshots and
/// subscribers that outlive it go on reading; writes give [`Error::StoreClosed`].
///
/// # Examples
///
/// ```
/// use label_index::Store;
///
/// # fn main() -> label_index::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let folder = folder.path();
/// let store = Store::open(folder)?;
/// let index = store.instance("shop")?;
/// let vip = index.create_label("VIP")?;
/// index.link(&vip, "ana@c.us")?;
/// drop((index, store));
///
/// let store = Store::open(folder)?;
/// assert!(store.existing("shop")?.contains(&vip, "ana@c.us"));
/// # Ok(())
/// # }
/// ```
pub struct Store {
    /// Dropped before the home: what is being loaded is not to come into a store that is closed.
    loads: OpenLoadQueue,
    home: Home,
}

/// The home of a store.
enum Home {
    Folder(FolderStore),
    #[cfg(feature = "postgres")]
    Database(ConnectedStore),
}

/// A store in a folder.
struct FolderStore {
    shared: Arc<Shared>,
    threads: Vec<thread::JoinHandle<()>>,
    is_closed: bool,
    /// Dropped last.
    origin: Origin,
}

/// The host's code that may panic, the reader of an import and the writer of an export, runs without locks, and what an
/// import has written by then belongs to no instance. So after a caught panic the store is in a complete state.
impl RefUnwindSafe for Store {}

impl UnwindSafe for Store {}

impl Store {
    fn at(home: Home) -> Self {
        let wakers = match &home {
            Home::Folder(store) => &store.shared.wakers,
            #[cfg(feature = "postgres")]
            Home::Database(store) => store.wakers(),
        };
        Self { loads: OpenLoadQueue::new(WakerCaller::Threads(Arc::clone(wakers))), home }
    }

    /// Where its instances come from.
    fn source(&self) -> &dyn InstanceSource {
        match &self.home {
            Home::Folder(store) => &*store.shared,
            #[cfg(feature = "postgres")]
            Home::Database(store) => &**store.source(),
        }
    }

    /// The instance of a name, which is made if there is none, and loaded if it is not.
    ///
    /// Two calls give handles of the same index. **O(1)** if it is loaded; else **O(n)** in its chats and in the length
    /// of its log. In async code, [`instance_async`](Self::instance_async).
    ///
    /// # Errors
    ///
    /// [`Error::InstanceNameRequired`] and [`Error::InvalidInstanceName`] for what is no name: 1-128 bytes without
    /// control characters; [`Error::Damaged`] if it cannot be loaded; [`Error::StoreFailed`] if it cannot be made.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, Store};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path())?;
    /// let index = store.instance("shop")?;
    /// index.create_label("VIP")?;
    /// assert_eq!(store.instance("shop")?.labels().len(), 1);
    /// assert_eq!(store.instance("").unwrap_err(), Error::InstanceNameRequired);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn instance(&self, name: &str) -> Result<LabelIndex> {
        load_here(self.source(), Request::now(name, true))
    }

    /// The instance of a name, which is loaded if it is not. In async code, [`existing_async`](Self::existing_async).
    ///
    /// # Errors
    ///
    /// [`Error::UnknownInstance`] if there is none; those of [`instance`](Self::instance).
    pub fn existing(&self, name: &str) -> Result<LabelIndex> {
        load_here(self.source(), Request::now(name, false))
    }

    /// Makes a new instance with the contents of a bulk load: the fastest way to fill a store, since nothing goes through a
    /// log. Its revision is 1, or 0 if it has no label. It has the options of the store, not those of the load.
    ///
    /// The instance is there whole or not at all, also after a crash, and on disk when this returns. Blocks for **O(n)** in
    /// everything that was loaded; others read and write meanwhile.
    ///
    /// # Errors
    ///
    /// [`Error::InstanceExists`]; [`Error::InstanceNameRequired`] and [`Error::InvalidInstanceName`];
    /// [`Error::LimitExceeded`] for more labels than the store's options allow. There is no new instance then, and the
    /// load has to be made again. [`Error::StoreFailed`], [`Error::Unavailable`] and those of loading an instance: it may or
    /// may not be there, which [`existing`](Self::existing) tells once the store works again.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, Options, Store};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let mut load = Options::new().bulk_load();
    /// load.label("1", "VIP")?;
    /// load.chat("ana@c.us", ["1"])?;
    ///
    /// let store = Store::open(folder.path())?;
    /// let index = store.create_instance("shop", load)?;
    /// assert!(index.contains("1", "ana@c.us"));
    /// let refused = store.create_instance("shop", Options::new().bulk_load()).unwrap_err();
    /// assert_eq!(refused, Error::InstanceExists { name: "shop".to_owned() });
    /// # Ok::<(), Error>(())
    /// ```
    pub fn create_instance(&self, name: &str, load: BulkLoad) -> Result<LabelIndex> {
        match &self.home {
            Home::Folder(FolderStore { shared, .. }) => install::create(&**shared, name, load)?,
            #[cfg(feature = "postgres")]
            Home::Database(store) => install::create(store, name, load)?,
        }
        self.existing(name)
    }

    /// The instance of a name, if it is loaded. None if there is no such instance, or nobody asked for it yet.
    ///
    /// **O(log i)** in the number of instances. Never waits, whatever the disk does: for health checks, metrics and
    /// handlers that have to answer at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::Store;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path();
    /// Store::open(folder)?.instance("shop")?.create_label("VIP")?;
    /// let store = Store::open(folder)?;
    /// assert!(store.loaded("shop").is_none());
    /// let _index = store.existing("shop")?;
    /// assert_eq!(store.loaded("shop").unwrap().labels().len(), 1);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn loaded(&self, name: &str) -> Option<LabelIndex> {
        match &self.home {
            Home::Folder(store) => {
                let instance = store.shared.instances.lock().get(name).cloned();
                instance?.loaded().ok().flatten()
            }
            #[cfg(feature = "postgres")]
            Home::Database(store) => store.loaded(name),
        }
    }

    /// The names of all instances, in order, loaded or not.
    pub fn instances(&self) -> Vec<String> {
        match &self.home {
            Home::Folder(store) => store.shared.instances.lock().names(),
            #[cfg(feature = "postgres")]
            Home::Database(store) => store.names(),
        }
    }

    /// Removes an instance and everything in it, for good. Handles go on reading what they had; their writes give
    /// [`Error::UnknownInstance`], also those that were on their way to the disk. Subscribers get
    /// [`Delivery::Closed`](crate::Delivery::Closed) behind what was delivered to them before.
    ///
    /// An instance made under the same name is another one: it refuses the cursors of this one, and a subscriber with a
    /// position of this one gets [`Delivery::Missed`](crate::Delivery::Missed).
    ///
    /// **O(n)** in what it has on disk.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownInstance`]; [`Error::StoreFailed`], and then it may or may not be there when the store resumes or
    /// is opened again.
    pub fn remove_instance(&self, name: &str) -> Result<()> {
        match &self.home {
            Home::Folder(store) => store.shared.remove(name),
            #[cfg(feature = "postgres")]
            Home::Database(store) => store.remove(name),
        }
    }

    /// Frees the memory of an instance that nobody uses; it is loaded again when it is asked for. True if it was loaded.
    ///
    /// What it has is on disk when this returns, in both modes of [`Durability`].
    ///
    /// # Errors
    ///
    /// [`Error::InstanceInUse`] while a handle, snapshot, refresh ticket, receipt or subscriber of it lives;
    /// [`Error::UnknownInstance`]; [`Error::StoreFailed`].
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, Store};
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path())?;
    /// let index = store.instance("shop")?;
    /// assert!(matches!(store.unload("shop"), Err(Error::InstanceInUse { .. })));
    /// drop(index);
    /// assert!(store.unload("shop")?);
    /// assert!(!store.unload("shop")?);
    /// # Ok::<(), Error>(())
    /// ```
    pub fn unload(&self, name: &str) -> Result<bool> {
        match &self.home {
            Home::Folder(store) => {
                let instance = store.shared.find(name)?;
                store.shared.unload(&instance, "call")
            }
            #[cfg(feature = "postgres")]
            Home::Database(store) => store.unload(name),
        }
    }

    /// Frees the memory of all instances that nobody used for so long, and gives their names. An instance is in use
    /// while a handle, snapshot, refresh ticket, receipt or subscriber of it lives, and when it is asked for; that a handle
    /// was dropped is seen by the next call of this. [`StoreOptions::unload_after`] does it from time to time.
    ///
    /// **O(i)** in the number of instances, and a sync if any of those has writes that are not on disk.
    ///
    /// # Errors
    ///
    /// [`Error::StoreFailed`]. A store that failed unloads nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use label_index::Store;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path())?;
    /// let (shop, _) = (store.instance("shop")?, store.instance("bakery")?);
    /// assert_eq!(store.unload_idle(Duration::ZERO)?, ["bakery"]);
    /// assert!(store.loaded("shop").is_some() && store.loaded("bakery").is_none());
    /// # drop(shop);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn unload_idle(&self, time: Duration) -> Result<Vec<String>> {
        match &self.home {
            Home::Folder(FolderStore { shared, .. }) => shared.unload_idle(time),
            #[cfg(feature = "postgres")]
            Home::Database(store) => Ok(store.unload_idle(time)),
        }
    }

    /// Numbers about the store and its loaded instances, for metrics.
    ///
    /// **O(i)** in the number of instances, and what [`LabelIndex::stats`] takes for each that is loaded. Does not wait for the
    /// disk, whatever it does, and counts as use of no instance.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::Store;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path())?;
    /// store.instance("shop")?.create_label("VIP")?;
    /// let stats = store.stats();
    /// assert_eq!((stats.instances, stats.loaded["shop"].labels), (1, 1));
    /// assert!(stats.failure.is_none() && stats.last_sync.is_some());
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn stats(&self) -> StoreStats {
        match &self.home {
            Home::Folder(store) => store.shared.stats(store.origin.file_len()),
            #[cfg(feature = "postgres")]
            Home::Database(store) => store.stats(),
        }
    }

    /// Why nothing is written any more: [`Error::StoreFailed`]; `None` as long as writes are taken, and again once the store has
    /// [resumed](Self::resume). The same as [`StoreStats::failure`], for health checks. A store in a database never fails for good.
    ///
    /// **O(1)**; does not wait for the disk.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::Store;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path())?;
    /// assert_eq!(store.failure(), None);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn failure(&self) -> Option<Error> {
        match &self.home {
            Home::Folder(store) => store.shared.activity.lock().failure.clone(),
            // It takes writes again as soon as the database answers.
            #[cfg(feature = "postgres")]
            Home::Database(_) => None,
        }
    }

    /// Waits until everything that was written before is on disk, in all instances.
    ///
    /// # Errors
    ///
    /// [`Error::StoreFailed`]: what was written since the revisions that it names may be lost.
    pub fn flush(&self) -> Result<()> {
        match &self.home {
            Home::Folder(store) => store.shared.flush(),
            #[cfg(feature = "postgres")]
            Home::Database(store) => store.catch_up(),
        }
    }

    /// The shared state of a store in a folder.
    #[cfg(test)]
    fn shared(&self) -> &Shared {
        match &self.home {
            Home::Folder(store) => &store.shared,
            #[cfg(feature = "postgres")]
            Home::Database(_) => unreachable!("the store is in no folder"),
        }
    }

    /// Writes a checkpoint of every loaded instance that changed since its last one, and trims its log: so it is loaded
    /// as fast as can be, and takes little space. The store does this by itself when logs become long.
    ///
    /// Reads and writes go on. **O(c)** in what changed, in pieces of a few KiB to a MiB.
    ///
    /// # Errors
    ///
    /// [`Error::StoreFailed`].
    pub fn checkpoint(&self) -> Result<()> {
        match &self.home {
            Home::Folder(FolderStore { shared, .. }) => {
                let loaded: Vec<u64> = shared.disk.lock().loaded.keys().copied().collect();
                shared.flush()?;
                shared.checkpoint(loaded)
            }
            #[cfg(feature = "postgres")]
            Home::Database(store) => store.checkpoint(),
        }
    }

    /// Writes all instances as lines of JSON, which [`import`](Self::import) takes, and other programs. `docs/format.md`
    /// describes them.
    ///
    /// Each instance is written as it is at one revision; writes go on meanwhile. One that was not loaded is in memory
    /// only while it is written. **O(n)** in everything there is.
    ///
    /// # Errors
    ///
    /// [`Error::Stream`] if the writer refuses something; those of [`existing`](Self::existing), except that an instance
    /// that is removed meanwhile is left out. What was written is no whole export then.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::Store;
    ///
    /// # let folders = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    /// # let (folder, other) = (folders.0.path(), folders.1.path());
    /// let store = Store::open(folder)?;
    /// let index = store.instance("shop")?;
    /// let vip = index.create_label("VIP")?;
    /// index.link(&vip, "ana@c.us")?;
    /// let mut lines = Vec::new();
    /// store.export(&mut lines)?;
    ///
    /// let copy = Store::open(other)?;
    /// assert_eq!(copy.import(&lines[..])?, ["shop"]);
    /// assert!(copy.existing("shop")?.contains(&vip, "ana@c.us"));
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn export(&self, writer: impl Write) -> Result<()> {
        match &self.home {
            Home::Folder(FolderStore { shared, .. }) => {
                let names = shared.instances.lock().names();
                export::export_all(&**shared, names, writer)
            }
            #[cfg(feature = "postgres")]
            Home::Database(store) => export::export_all(store, store.names_now()?, writer),
        }
    }

    /// Writes one instance as [`export`](Self::export) writes all.
    ///
    /// # Errors
    ///
    /// [`Error::Stream`] if the writer refuses something; those of [`existing`](Self::existing).
    pub fn export_instance(&self, name: &str, writer: impl Write) -> Result<()> {
        match &self.home {
            Home::Folder(FolderStore { shared, .. }) => export::export_instance(&**shared, name, writer),
            #[cfg(feature = "postgres")]
            Home::Database(store) => export::export_instance(store, name, writer),
        }
    }

    /// Makes the instances of an [`export`](Self::export), and gives their names. Each is there whole, on disk, when its
    /// last line was read, or not at all; the revision is that of the export, and so is the order of chats. Cursors that
    /// the exported instance gave are refused.
    ///
    /// Needs the memory of one instance at a time; a line has at most 1 MiB. **O(n)** in what is read.
    ///
    /// # Errors
    ///
    /// [`Error::ImportRefused`] with the number of the line and the cause: [`Error::InstanceExists`],
    /// [`Error::UnknownFormat`], [`Error::InvalidExport`], which may say that the end is missing, [`Error::Stream`] if
    /// the reader refuses something, [`Error::StoreFailed`], [`Error::LimitExceeded`] for more labels or deleted ids than the store's options allow, and
    /// those of names and ids. Instances that ended before
    /// that line are there, and nothing of any other.
    pub fn import(&self, reader: impl BufRead) -> Result<Vec<String>> {
        match &self.home {
            Home::Folder(FolderStore { shared, .. }) => export::import(&**shared, reader),
            #[cfg(feature = "postgres")]
            Home::Database(store) => export::import(store, reader),
        }
    }

    /// Checks everything in the store of a folder, and changes nothing: the file stays as it is, byte for byte. What the
    /// database repairs when it opens a file after a crash, it repairs in memory.
    ///
    /// **O(n log n)** in everything there is.
    ///
    /// # Errors
    ///
    /// [`Error::StorePathRequired`] if the path is empty; [`Error::UnknownStore`] if there is none; [`Error::StoreInUse`];
    /// [`Error::Io`]; [`Error::Damaged`] if not even the list of instances can be read. What is wrong with an instance is in the report.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::Store;
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path();
    /// Store::open(folder)?.instance("shop")?.create_label("VIP")?;
    /// let report = Store::verify(folder)?;
    /// assert!(report.is_sound());
    /// assert_eq!(report.instances[0].contents.as_ref().unwrap().revision, 1);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn verify(folder: impl AsRef<Path>) -> Result<Report> {
        verify::verify(folder.as_ref())
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.home {
            Home::Folder(FolderStore { shared, .. }) => {
                let instances = shared.instances.lock().names().len();
                f.debug_struct("Store")
                    .field("path", &shared.path)
                    .field("instances", &instances)
                    .finish_non_exhaustive()
            }
            #[cfg(feature = "postgres")]
            Home::Database(store) => f.debug_struct("Store").field("database", &store.shown()).finish_non_exhaustive(),
        }
    }
}
