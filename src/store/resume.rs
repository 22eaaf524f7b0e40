//! Resuming writes after a failure.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};

use crate::codec::{RecordFormat, decode_record};
use crate::index::resume::Found;
use crate::index::trace::{self, Event};
use crate::model::change::Commit;
use crate::model::error::{Error, Result};
use crate::state::Version;
use crate::store::backend::database::Database;
use crate::store::backend::fault::Fault;
use crate::store::catalog::{Catalog, store_row};
use crate::store::checkpoint::clean_up;
use crate::store::folder::Location;
use crate::store::instances::Shared;
use crate::store::load::{LogPosition, load};
use crate::store::log_reader::LogReader;
use crate::store::manifest::UnverifiedManifest;
use crate::store::origin::Origin;
use crate::store::tables::{MANIFESTS, META, STORE, instance_key, log_key};
use crate::store::writer::{Loaded, StoreWriter, locked};
use crate::store::{FolderStore, Home, Store};

impl Store {
    /// Takes writes again after a write failed, once the cause is mended: there is room again, or the volume is back.
    ///
    /// Opens the file again, checks what is on disk, and brings every loaded instance to that. An acknowledged write is there.
    /// One that failed with [`Error::StoreFailed`] is there or is not, and readers see which from here on. Handles, snapshots
    /// and subscribers go on: a subscriber gets the commits that turned out to be on disk, each once. Under
    /// [`Durability::Within`](crate::Durability::Within) writes that were visible before they were on disk may be lost; the
    /// index goes back to what is on disk then, and its subscribers get [`Delivery::Missed`](crate::Delivery::Missed). An open
    /// refresh ticket is cancelled.
    ///
    /// A store that did not fail is left alone, and so is one in PostgreSQL, which connects again by itself. Reads go on
    /// meanwhile; whoever loads an instance waits. **O(i)** in the number of instances; **O(n)** in the chats of those whose
    /// last write may or may not be on disk; after some failures also the walk through the file that
    /// [`StoreOptions::quick_repair`](crate::StoreOptions::quick_repair) avoids.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] while the disk is still full or cannot be read, or if the file was moved or replaced;
    /// [`Error::StoreInUse`] if another process has the file; [`Error::Damaged`] if what was acknowledged is not there. The
    /// store stays failed then, reads of loaded instances go on, and this can be called again.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::Store;
    ///
    /// /// What an operator calls, or a timer.
    /// fn mend(store: &Store) -> label_index::Result<()> {
    ///     if store.failure().is_some() {
    ///         store.resume()?;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path())?;
    /// mend(&store)?;
    /// assert!(store.failure().is_none());
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn resume(&self) -> Result<()> {
        match &self.home {
            Home::Folder(FolderStore { shared, origin, .. }) => {
                let resumed = shared.resume(origin);
                trace::tell_damage(resumed.as_ref().err());
                if resumed? {
                    trace::tell(&Event::Resumed { store: shared.path.display().to_string() });
                }
                Ok(())
            }
            #[cfg(feature = "postgres")]
            Home::Database(_) => Ok(()),
        }
    }
}

/// What is on disk, checked before anything in memory is changed.
struct OnDisk {
    catalog: Catalog,
    location: Option<Location>,
    /// The number of the next instance.
    next: u64,
    /// The loaded instances that are there, with what differs from memory.
    instances: Vec<(u64, Option<(LogPosition, Found)>)>,
}

impl Shared {
    /// True if the store had failed.
    fn resume(&self, origin: &Origin) -> Result<bool> {
        if self.activity.lock().failure.is_none() {
            return Ok(false);
        }
        // A checkpoint in progress notices that the store failed, and is given up.
        let _no_checkpoint = self.checkpoints.lock();
        locked(&self.disk, |disk| {
            // Another thread may have resumed it first.
            let Some(failure) = disk.failed.clone() else { return Ok(false) };
            let found = self.examine(disk, origin, &failure)?;
            self.adopt(disk, found);
            disk.former_failure = disk.failed.take();
            self.activity.lock().failure = None;
            Ok(true)
        })
    }

    /// Opens the database again, reads it, and writes a row to see whether that succeeds.
    fn examine(&self, disk: &StoreWriter, origin: &Origin, failure: &Error) -> Result<OnDisk> {
        let (catalog, location) = self.database.reopen(failure, || {
            let (database, location) = origin.open(self.cache_bytes, disk.location.as_ref())?;
            let catalog = Catalog::read(&database, &self.path)?;
            Ok((database, (catalog, location)))
        })?;
        let next = catalog.next.max(disk.next_instance);
        self.database.with(|database| {
            let mut changes = clean_up(&catalog.unfinished);
            let count = u64::try_from(catalog.instances.len()).unwrap_or(u64::MAX);
            changes.put(META, STORE, &store_row(count, next));
            let written = database.write(&changes, disk.quick_repair);
            written.map_err(|fault| fault.into_error(&self.path, None))?;
            let mut instances = Vec::new();
            for (&number, loaded) in &disk.loaded {
                if catalog.instances.get(&*loaded.name).is_none_or(|entry| entry.number != number) {
                    continue;
                }
                let found = compare(database, number, loaded);
                instances.push((number, found.map_err(|fault| fault.into_error(&self.path, Some(&loaded.name)))?));
            }
            Ok(OnDisk { catalog, location, next, instances })
        })?
    }

    /// Replaces the state in memory by that on disk. Nothing can fail any more.
    fn adopt(&self, disk: &mut StoreWriter, OnDisk { catalog, location, next, instances }: OnDisk) {
        let gone = self.instances.lock().become_listed(&catalog.instances, next);
        *self.unwritten.lock() = BTreeMap::new();
        for instance in gone {
            instance.set_removed();
            if let Some(loaded) = disk.loaded.remove(&instance.entry.number) {
                loaded.index.end_journal(instance.unknown());
                loaded.index.feed().close();
            }
        }
        disk.location = location;
        disk.is_former = false;
        disk.instances = u64::try_from(catalog.instances.len()).unwrap_or(u64::MAX);
        disk.next_instance = next;
        for (number, differs) in instances {
            let Some(loaded) = disk.loaded.get_mut(&number) else { continue };
            let (position, found) = differs.unzip();
            if let Some(position) = position {
                loaded.position = position;
            }
            loaded.checkpoint = None;
            loaded.index.resume(found);
            if loaded.position.is_long(disk.log_allowance) {
                disk.signal.due(number);
            }
        }
    }
}

/// The state on disk of a loaded instance; `None` if it is that in memory.
fn compare(database: &Database, number: u64, loaded: &Loaded) -> Result<Option<(LogPosition, Found)>, Fault> {
    let (index, known) = (&loaded.index, &loaded.position);
    let (identity, durable) = (index.identity(), index.durable_revision());
    let tables = database.begin_read()?;
    let log = LogReader { tables: &tables, instance: number, identity };
    let extent = log.extent()?.ok_or_else(|| Fault::damage("the end of the log is missing"))?;
    if extent.revision < durable {
        let (found, whole) = (extent.revision, durable);
        return Err(Fault::damage(format!("revision {whole} was on disk, and the log ends at {found}")));
    }
    let unverified = UnverifiedManifest::decode(&tables.expect(MANIFESTS, &instance_key(number))?)?;
    // A checkpoint that came into force has a number of its own.
    let is_same = extent == known.extent && unverified.checkpoint == known.manifest.checkpoint;
    if is_same && index.revision() == durable {
        return Ok(None);
    }
    let mut commits: Vec<Commit> = Vec::new();
    let next_record = known.extent.next_record;
    if extent.next_record > next_record {
        for record in log.records(&extent, next_record, &log_key(number, next_record))? {
            commits.extend(decode_record(&record?.1, identity, RecordFormat::Two)?.commits);
        }
    }
    let follow = (durable + 1..).zip(&commits).all(|(revision, commit)| commit.revision == revision);
    if !follow || commits.last().map_or(durable, |last| last.revision) != extent.revision {
        return Err(Fault::damage(format!("the log does not go on behind revision {durable}")));
    }
    let (state, position) = load(database, number, identity, RandomState::new().hash_one(number))?;
    Ok(Some((position, Found { version: Version::new(state), commits })))
}
