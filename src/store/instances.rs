//! Creating, loading, unloading and removing instances of a store in a folder.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::index::journal::{Call, Journal};
use crate::index::label_index::LabelIndex;
use crate::index::sync::{AtomicBool, Mutex, Ordering};
use crate::index::trace::{self, Event, Span};
use crate::index::wakers::{WakerCaller, WakerThreads};
use crate::model::error::{Error, Result};
use crate::model::options::Limits;
use crate::state::Version;
use crate::store::activity::Activity;
use crate::store::archive::LogArchive;
use crate::store::backend::database::Database;
use crate::store::catalog::{Entry, entry_row, store_row};
use crate::store::checkpoint::{checkpoint_all, erase};
use crate::store::load::load;
use crate::store::log_extent::LogExtent;
use crate::store::manifest::Manifest;
use crate::store::open_database::OpenDatabase;
use crate::store::options::{Durability, InstanceLimits};
use crate::store::signal::Signal;
use crate::store::tables::{INSTANCES, LOG, MANIFESTS, META, STORE, TAIL, instance_key, log_key};
use crate::store::write_batch::WriteBatch;
use crate::store::writer::{Loaded, StoreWriter, locked};

/// The number of handles that the store itself has of a loaded index.
const OWN_HANDLES: usize = 2;

/// The state that a store's handle and threads share.
///
/// Locks are taken in this order: `checkpoints`, the lock of one instance, `disk`, then any of the others, each of which is
/// held for a few instructions.
pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) durability: Durability,
    pub(super) limits: InstanceLimits,
    pub(super) unload_after: Option<Duration>,
    pub(super) queued_changes: usize,
    pub(super) compact_at_close: bool,
    pub(super) cache_bytes: usize,
    pub(super) signal: Arc<Signal>,
    pub(super) wakers: Arc<WakerThreads>,
    pub(super) instances: Mutex<Instances>,
    /// New instances that are not on disk yet: the next writer writes all of them.
    pub(super) unwritten: Mutex<BTreeMap<u64, Arc<Instance>>>,
    /// Held while checkpoints are written, so there is one writer of checkpoints at a time.
    pub(super) checkpoints: Mutex<()>,
    pub(super) disk: Mutex<StoreWriter>,
    pub(super) activity: Arc<Mutex<Activity>>,
    /// Shared with subscribers that read older commits; closed with the store, which they may outlive.
    pub(super) database: Arc<OpenDatabase>,
}

/// The instances by name, including those that are not on disk yet.
pub(super) struct Instances {
    by_name: BTreeMap<String, Arc<Instance>>,
    /// The number of the next instance.
    next: u64,
}

/// An instance in the list.
pub(super) struct Instance {
    pub(super) name: Arc<str>,
    pub(super) entry: Entry,
    /// Whether its name is on disk.
    is_written: AtomicBool,
    /// Held while it is created, loaded, unloaded or removed, so that one thread does so.
    changing: Mutex<()>,
    slot: Mutex<Slot>,
}

#[derive(Debug, Default)]
enum Slot {
    #[default]
    Unloaded,
    Loaded {
        index: LabelIndex,
        /// When it was last requested, or a handle of it was last seen.
        used: Instant,
    },
    Removed,
}

impl Instances {
    pub(super) fn new(entries: BTreeMap<String, Entry>, next: u64) -> Self {
        let instances = entries.into_iter().map(|(name, entry)| {
            let instance = Instance::new(&name, entry, true);
            (name, instance)
        });
        Self { by_name: instances.collect(), next }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Arc<Instance>> {
        self.by_name.get(name)
    }

    /// The names of those that are on disk.
    pub(super) fn names(&self) -> Vec<String> {
        let written = self.by_name.iter().filter(|(_, instance)| instance.is_written());
        written.map(|(name, _)| name.clone()).collect()
    }

    pub(super) fn all(&self) -> Vec<Arc<Instance>> {
        self.by_name.values().cloned().collect()
    }

    /// A new unique number.
    pub(super) fn next_number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Whether the list has this instance, and no other, under its name.
    pub(super) fn has(&self, instance: &Instance) -> bool {
        self.get(&instance.name).is_some_and(|known| std::ptr::eq(&**known, instance))
    }

    /// Replaces the list by that on disk. Returns the instances that are no longer in it. New instances that were not on
    /// disk are dropped from the list, which the threads that wait for them notice.
    pub(super) fn become_listed(&mut self, entries: &BTreeMap<String, Entry>, next: u64) -> Vec<Arc<Instance>> {
        let mut gone = Vec::new();
        self.by_name.retain(|name, instance| {
            let is_there = entries.get(name).is_some_and(|entry| entry.number == instance.entry.number);
            if !is_there && instance.is_written() {
                gone.push(Arc::clone(instance));
            }
            // The thread that failed to write its name is about to remove this one.
            is_there && instance.is_written()
        });
        for (name, &entry) in entries {
            self.by_name.entry(name.clone()).or_insert_with(|| Instance::new(name, entry, true));
        }
        self.next = self.next.max(next);
        gone
    }

    pub(super) fn insert(&mut self, instance: &Arc<Instance>) {
        self.by_name.insert(instance.name.to_string(), Arc::clone(instance));
    }

    /// Removes an instance from the list, unless another one has its name by now.
    pub(super) fn forget(&mut self, instance: &Arc<Instance>) {
        if self.get(&instance.name).is_some_and(|known| Arc::ptr_eq(known, instance)) {
            self.by_name.remove(&*instance.name);
        }
    }
}

impl Instance {
    pub(super) fn new(name: &str, entry: Entry, is_written: bool) -> Arc<Self> {
        let (changing, slot) = (Mutex::default(), Mutex::default());
        Arc::new(Self { name: name.into(), entry, is_written: AtomicBool::new(is_written), changing, slot })
    }

    /// The index, if it is loaded. Never waits for the disk.
    pub(super) fn loaded(&self) -> Result<Option<LabelIndex>> {
        match &mut *self.slot.lock() {
            Slot::Loaded { index, used } => {
                *used = Instant::now();
                Ok(Some(index.clone()))
            }
            Slot::Unloaded => Ok(None),
            Slot::Removed => Err(self.unknown()),
        }
    }

    /// Calls `look` with the index if it is loaded. This does not count as use.
    pub(super) fn look<T>(&self, look: impl FnOnce(&LabelIndex) -> T) -> Option<T> {
        match &*self.slot.lock() {
            Slot::Loaded { index, .. } => Some(look(index)),
            Slot::Unloaded | Slot::Removed => None,
        }
    }

    /// Whether it is loaded and was not used for this time.
    pub(super) fn is_idle(&self, now: Instant, time: Duration) -> bool {
        let mut slot = self.slot.lock();
        let Slot::Loaded { index, used } = &mut *slot else { return false };
        if index.is_in_use(OWN_HANDLES) {
            *used = now;
            return false;
        }
        now.saturating_duration_since(*used) >= time
    }

    /// Marks it as removed. Handles can still read.
    pub(super) fn set_removed(&self) {
        self.set(Slot::Removed);
    }

    fn set(&self, slot: Slot) {
        let former = mem::replace(&mut *self.slot.lock(), slot);
        drop(former);
    }

    pub(super) fn is_written(&self) -> bool {
        self.is_written.load(Ordering::SeqCst)
    }

    pub(super) fn unknown(&self) -> Error {
        Error::UnknownInstance { name: self.name.to_string() }
    }
}

impl Shared {
    pub(super) fn commit_until_stopped(&self) {
        while let Some(dirty) = self.signal.next_dirty() {
            // If it fails, the waiting writers get the error.
            let _reported = locked(&self.disk, |disk| disk.commit(disk.take(&dirty)));
        }
    }

    pub(super) fn checkpoint_until_stopped(&self) {
        while let Some(instance) = self.signal.next_due() {
            // The next write reports that the store failed.
            let _reported = self.checkpoint([instance]);
        }
    }

    pub(super) fn checkpoint(&self, instances: impl IntoIterator<Item = u64>) -> Result<()> {
        trace::within(Span::Checkpoint, || {
            let one_at_a_time = self.checkpoints.lock();
            locked(&self.disk, StoreWriter::check_location)?;
            let written = checkpoint_all(&self.disk, instances)?;
            drop(one_at_a_time);
            written.into_iter().for_each(|instance| trace::tell(&Event::Checkpointed { instance }));
            Ok(())
        })
    }

    /// Makes everything durable that was written before.
    pub(super) fn flush(&self) -> Result<()> {
        locked(&self.disk, |disk| {
            let loaded = disk.loaded.keys().copied().collect();
            disk.commit(disk.take(&loaded))
        })
    }

    /// Loads an instance that is not loaded, unless another thread does.
    pub(super) fn read(&self, instance: &Arc<Instance>, limits: Limits) -> Result<LabelIndex> {
        let _alone = instance.changing.lock();
        if let Some(index) = instance.loaded()? {
            return Ok(index);
        }
        if !instance.is_written() {
            self.write_new(instance)?;
        }
        loop {
            let Entry { number, identity } = instance.entry;
            let seed = RandomState::new().hash_one(number);
            let read = |database: &Database| (self.database.life(), load(database, number, identity, seed));
            let (life, loaded) = self.database.with(read)?;
            let (state, position) = loaded.map_err(|fault| fault.into_error(&self.path, Some(&instance.name)))?;
            let index = self.index_of(instance, Version::new(state), limits);
            let is_kept = locked(&self.disk, |disk| {
                // What was read before the store resumed may differ from what is on disk.
                if life != self.database.life() {
                    return Ok(false);
                }
                if !self.instances.lock().has(instance) {
                    return Err(instance.unknown());
                }
                if let Some(failed) = &disk.failed {
                    index.close_journal(failed.clone());
                }
                if position.is_long(disk.log_allowance) {
                    self.signal.due(number);
                }
                let (name, index) = (Arc::clone(&instance.name), index.clone());
                disk.loaded.insert(number, Loaded { name, index, position, checkpoint: None });
                Ok(true)
            })?;
            if is_kept {
                instance.set(Slot::Loaded { index: index.clone(), used: Instant::now() });
                return Ok(index);
            }
        }
    }

    /// The index of an instance, beginning with this version.
    fn index_of(&self, instance: &Instance, version: Version, limits: Limits) -> LabelIndex {
        let (number, signal) = (instance.entry.number, Arc::clone(&self.signal));
        let hidden = self.durability == Durability::Synced;
        let wakers = WakerCaller::Threads(Arc::clone(&self.wakers));
        let call = move |call| match call {
            Call::Commits => signal.commits(number),
            Call::Full => signal.hurry(),
        };
        let journal = Journal::new(&version, hidden, self.queued_changes, wakers, call);
        let archive = LogArchive {
            database: Arc::clone(&self.database),
            path: self.path.clone(),
            name: Arc::clone(&instance.name),
            entry: instance.entry,
        };
        LabelIndex::with(version, limits, 0, Some(journal), Some(Arc::new(archive)))
    }

    /// Adds an instance, which `write` writes to disk with its contents. Returns `None` if the name is taken.
    pub(super) fn add(
        &self,
        name: &str,
        entry: Entry,
        write: impl FnOnce(&mut StoreWriter) -> Result<()>,
    ) -> Option<Result<()>> {
        let instance = Instance::new(name, entry, false);
        let _alone = instance.changing.lock();
        {
            let mut instances = self.instances.lock();
            if instances.get(name).is_some() {
                return None;
            }
            instances.insert(&instance);
        }
        let written = locked(&self.disk, |disk| {
            if !self.instances.lock().has(&instance) {
                return Err(disk.last_failure());
            }
            write(disk)
        });
        match written {
            Ok(()) => instance.is_written.store(true, Ordering::SeqCst),
            Err(_) => self.instances.lock().forget(&instance),
        }
        Some(written)
    }

    /// Writes a new instance to disk, together with all others that wait for that.
    fn write_new(&self, instance: &Arc<Instance>) -> Result<()> {
        self.unwritten.lock().insert(instance.entry.number, Arc::clone(instance));
        let written = locked(&self.disk, |disk| {
            let mut unwritten = self.unwritten.lock();
            let mut all = if unwritten.contains_key(&instance.entry.number) {
                mem::take(&mut *unwritten)
            } else {
                BTreeMap::new()
            };
            drop(unwritten);
            // Instances that the list no longer has were requested before the store resumed.
            all.retain(|_, instance| self.instances.lock().has(instance));
            // Another thread wrote it, or failed to, which failed the store; or the list has another instance of this name.
            if all.is_empty() || !all.contains_key(&instance.entry.number) {
                return match &disk.failed {
                    _ if instance.is_written() => Ok(()),
                    Some(failed) => Err(failed.clone()),
                    None => Err(instance.unknown()),
                };
            }
            let mut batch = WriteBatch::default();
            for Instance { name, entry, .. } in all.values().map(|instance| &**instance) {
                batch.put(INSTANCES, name.as_bytes(), &entry_row(*entry));
                batch.put(MANIFESTS, instance_key(entry.number), &Manifest::empty(entry.identity).encode());
                batch.put(LOG, log_key(entry.number, TAIL), &LogExtent::empty(0).encode());
            }
            let count = disk.instances + u64::try_from(all.len()).unwrap_or(u64::MAX);
            let last = all.last_key_value().map_or(0, |(number, _)| number + 1);
            let next = disk.next_instance.max(last);
            batch.put(META, STORE, &store_row(count, next));
            disk.write(&batch)?;
            (disk.instances, disk.next_instance) = (count, next);
            all.values().for_each(|instance| instance.is_written.store(true, Ordering::SeqCst));
            Ok(())
        });
        if written.is_err() {
            self.instances.lock().forget(instance);
        }
        written
    }

    /// Unloads an instance. A store that failed keeps its instances loaded.
    pub(super) fn unload(&self, instance: &Instance, reason: &'static str) -> Result<bool> {
        let failed = locked(&self.disk, |disk| disk.failed.clone());
        failed.map_or_else(|| self.release(instance, reason), Err)
    }

    /// Unloads an instance. In a store that failed only an instance without unsaved writes is unloaded.
    pub(super) fn release(&self, instance: &Instance, reason: &'static str) -> Result<bool> {
        let is_released = self.release_if_unused(instance)?;
        if is_released {
            trace::tell(&Event::Unloaded { instance: Arc::clone(&instance.name), reason });
        }
        Ok(is_released)
    }

    fn release_if_unused(&self, instance: &Instance) -> Result<bool> {
        let _alone = instance.changing.lock();
        let number = instance.entry.number;
        let unloaded = locked(&self.disk, |disk| {
            let mut slot = instance.slot.lock();
            let index = match &*slot {
                Slot::Loaded { index, .. } => index.clone(),
                Slot::Unloaded => return Ok(None),
                Slot::Removed => return Err(instance.unknown()),
            };
            // `index` is this thread's handle.
            if index.is_in_use(OWN_HANDLES + 1) {
                return Err(Error::InstanceInUse { name: instance.name.to_string() });
            }
            // From here on no thread gets a handle: requests wait for `changing`.
            *slot = Slot::Unloaded;
            drop(slot);
            let groups = disk.take(&BTreeSet::from([number]));
            let queued = groups.iter().any(|(_, group)| !group.commits.is_empty());
            let is_lost = index.durable_revision() < index.revision() && disk.failed.is_some();
            let committed = if queued || is_lost { disk.commit(groups) } else { Ok(()) };
            if let Err(error) = committed {
                instance.set(Slot::Loaded { index, used: Instant::now() });
                return Err(error);
            }
            // This abandons a checkpoint in progress.
            Ok(disk.loaded.remove(&number).map(|loaded| (loaded, index)))
        })?;
        Ok(unloaded.is_some())
    }

    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let instance = self.find(name)?;
        let _alone = instance.changing.lock();
        instance.loaded()?;
        let number = instance.entry.number;
        let gone = locked(&self.disk, |disk| {
            if let Some(failed) = &disk.failed {
                return Err(failed.clone());
            }
            if !self.instances.lock().has(&instance) {
                return Err(instance.unknown());
            }
            if let Some(loaded) = disk.loaded.get(&number) {
                loaded.index.end_journal(instance.unknown());
            }
            let count = disk.instances - 1;
            let mut batch = WriteBatch::default();
            batch.remove(INSTANCES, name.as_bytes());
            erase(&mut batch, number);
            batch.put(META, STORE, &store_row(count, disk.next_instance));
            disk.write(&batch)?;
            disk.instances = count;
            Ok(disk.loaded.remove(&number))
        })?;
        instance.set(Slot::Removed);
        self.instances.lock().forget(&instance);
        if let Some(loaded) = &gone {
            loaded.index.feed().close();
        }
        drop(gone);
        Ok(())
    }
}
