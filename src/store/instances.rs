//! Instances, and the threads that write them.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::path::PathBuf;
use std::sync::Arc;

use crate::index::journal::Journal;
use crate::index::label_index::LabelIndex;
use crate::index::sync::Mutex;
use crate::index::wakers::{WakerCaller, WakerThreads};
use crate::model::error::{Error, Result};
use crate::model::options::Limits;
use crate::state::Version;
use crate::store::backend::fault::guarded;
use crate::store::backend::tables::{INSTANCES, LOG, MANIFESTS, META, STORE, TAIL, fields, instance_key, log_key};
use crate::store::catalog::{Entry, entry_row, store_row};
use crate::store::checkpoint::{checkpoint, erase};
use crate::store::load::load;
use crate::store::manifest::Manifest;
use crate::store::name::check_name;
use crate::store::options::Durability;
use crate::store::signal::Signal;
use crate::store::writer::{Loaded, StoreWriter, locked};

/// Handles that the store itself has of a loaded index.
const OWN_HANDLES: usize = 2;

/// What the threads of a store share.
pub(super) struct Engine {
    pub(super) path: PathBuf,
    pub(super) durability: Durability,
    pub(super) limits: Limits,
    pub(super) queued_changes: usize,
    pub(super) compact_at_close: bool,
    pub(super) signal: Arc<Signal>,
    pub(super) wakers: Arc<WakerThreads>,
    /// Taken before the lock of an instance, which is taken before that of the disk.
    pub(super) instances: Mutex<BTreeMap<String, Arc<Instance>>>,
    /// Held while a checkpoint is written: there is one at a time. Taken before the lock of the disk.
    pub(super) checkpoints: Mutex<()>,
    pub(super) disk: Mutex<StoreWriter>,
}

/// An instance that is in the list of all.
#[derive(Debug)]
pub(super) struct Instance {
    name: Arc<str>,
    entry: Entry,
    /// Held while it is loaded, so that nobody loads it twice.
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Unloaded,
    Loaded(LabelIndex),
    Removed,
}

impl Instance {
    pub(super) fn new(name: &str, entry: Entry) -> Arc<Self> {
        Arc::new(Self { name: name.into(), entry, slot: Mutex::default() })
    }

    pub(super) fn is_loaded(&self) -> bool {
        matches!(*self.slot.lock(), Slot::Loaded(_))
    }

    fn unknown(&self) -> Error {
        Error::UnknownInstance { name: self.name.to_string() }
    }
}

impl Engine {
    pub(super) fn commit_until_stopped(&self) {
        while let Some(dirty) = self.signal.next_dirty() {
            // If it fails, those who wait have the error; there is nobody else to report it to.
            let _reported = locked(&self.disk, |disk| disk.commit(disk.take(&dirty)));
        }
    }

    pub(super) fn checkpoint_until_stopped(&self) {
        while let Some(instance) = self.signal.next_due() {
            // The next write of anybody says that the store failed.
            let _told = self.checkpoint(instance);
        }
    }

    pub(super) fn checkpoint(&self, instance: u64) -> Result<()> {
        let _one_at_a_time = self.checkpoints.lock();
        checkpoint(&self.disk, instance)
    }

    pub(super) fn find(&self, name: &str) -> Result<Arc<Instance>> {
        check_name(name)?;
        let unknown = || Error::UnknownInstance { name: name.to_owned() };
        self.instances.lock().get(name).cloned().ok_or_else(unknown)
    }

    pub(super) fn find_or_create(&self, name: &str) -> Result<Arc<Instance>> {
        let mut instances = self.instances.lock();
        if let Some(instance) = instances.get(name) {
            return Ok(Arc::clone(instance));
        }
        let identity = RandomState::new().hash_one(name);
        let entry = locked(&self.disk, |disk| {
            let entry = Entry { number: disk.next_instance, identity };
            let (key, count, next) = (instance_key(entry.number), disk.instances + 1, disk.next_instance + 1);
            disk.write(|transaction| {
                INSTANCES.write(transaction)?.put(name.as_bytes(), &entry_row(entry))?;
                MANIFESTS.write(transaction)?.put(&key, &Manifest::empty(identity).encode())?;
                LOG.write(transaction)?.put(&log_key(entry.number, TAIL), &fields(&[0, 0]))?;
                META.write(transaction)?.put(STORE, &store_row(count, next))
            })?;
            (disk.instances, disk.next_instance) = (count, next);
            Ok::<_, Error>(entry)
        })?;
        let instance = Instance::new(name, entry);
        instances.insert(name.to_owned(), Arc::clone(&instance));
        Ok(instance)
    }

    pub(super) fn load(&self, instance: &Instance) -> Result<LabelIndex> {
        let mut slot = instance.slot.lock();
        match &*slot {
            Slot::Loaded(index) => return Ok(index.clone()),
            Slot::Removed => return Err(instance.unknown()),
            Slot::Unloaded => {}
        }
        let Entry { number, identity } = instance.entry;
        let seed = RandomState::new().hash_one(number);
        let database = Arc::clone(&self.disk.lock().database);
        let loaded = guarded(|| load(&database, number, identity, seed));
        let (state, trail) = loaded.map_err(|fault| fault.into_error(&self.path, Some(&instance.name)))?;
        let (version, signal) = (Version::new(state), Arc::clone(&self.signal));
        let hidden = self.durability == Durability::Synced;
        let wakers = WakerCaller::Threads(Arc::clone(&self.wakers));
        let journal = Journal::new(&version, hidden, self.queued_changes, wakers, move || signal.commits(number));
        let index = LabelIndex::with(version, self.limits, Some(journal));
        let mut disk = self.disk.lock();
        if let Some(failed) = &disk.failed {
            index.close_journal(failed.clone());
        }
        if trail.is_long(disk.checkpoint_after) {
            self.signal.due(number);
        }
        let (name, index_too) = (Arc::clone(&instance.name), index.clone());
        disk.loaded.insert(number, Loaded { name, index: index_too, trail, checkpoint: None });
        *slot = Slot::Loaded(index.clone());
        Ok(index)
    }

    pub(super) fn unload(&self, instance: &Instance) -> Result<bool> {
        let mut slot = instance.slot.lock();
        let index = match &*slot {
            Slot::Loaded(index) => index,
            Slot::Unloaded => return Ok(false),
            Slot::Removed => return Err(instance.unknown()),
        };
        let number = instance.entry.number;
        locked(&self.disk, |disk| {
            // A checkpoint on its way is given up with it.
            if index.is_in_use(OWN_HANDLES) {
                return Err(Error::InstanceInUse { name: instance.name.to_string() });
            }
            disk.commit(disk.take(&BTreeSet::from([number])))?;
            Ok(disk.loaded.remove(&number))
        })?;
        *slot = Slot::Unloaded;
        Ok(true)
    }

    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let mut instances = self.instances.lock();
        let Some(instance) = instances.get(name) else { return Err(Error::UnknownInstance { name: name.to_owned() }) };
        let mut slot = instance.slot.lock();
        let number = instance.entry.number;
        locked(&self.disk, |disk| {
            if let Some(failed) = &disk.failed {
                return Err(failed.clone());
            }
            if let Some(loaded) = disk.loaded.get(&number) {
                loaded.index.end_journal(instance.unknown());
            }
            let (count, next) = (disk.instances - 1, disk.next_instance);
            disk.write(|transaction| {
                INSTANCES.write(transaction)?.remove(name.as_bytes())?;
                erase(transaction, number)?;
                META.write(transaction)?.put(STORE, &store_row(count, next))
            })?;
            disk.instances = count;
            disk.loaded.remove(&number);
            Ok(())
        })?;
        *slot = Slot::Removed;
        drop(slot);
        instances.remove(name);
        Ok(())
    }
}
