//! Making a new instance with all its contents.

use crate::codec::{Baseline, Header, changed_rows};
use crate::index::bulk_load::BulkLoad;
use crate::model::error::{Error, Limit, Result};
use crate::state::State;
use crate::state::decide::exceeded;
use crate::store::catalog::{Entry, entry_row, random_identity, store_row};
use crate::store::checkpoint::{RowBatch, erase, row_batches};
use crate::store::instances::Shared;
use crate::store::log_extent::LogExtent;
use crate::store::manifest::Manifest;
use crate::store::name::check_name;
use crate::store::tables::{
    CHUNKS, INSTANCES, LOG, MANIFESTS, META, STORE, TAIL, UNFINISHED, chunk_key, fields, instance_key, log_key,
};
use crate::store::write_batch::WriteBatch;
use crate::store::writer::{StoreWriter, locked};

/// The number of the checkpoint that a new instance begins with.
const FIRST: u64 = 1;

/// A store in which instances are made with all their contents, by an import or of a bulk load.
pub(super) trait Install {
    fn has_instance(&self, name: &str) -> Result<bool>;

    /// The most labels that an instance may have. May call code of the host.
    fn labels_of(&self, name: &str) -> usize;

    /// Makes an instance with all its contents, completely or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::InstanceExists`] if another caller made it in the meantime.
    fn install(&self, name: &str, state: State) -> Result<()>;
}

/// Checks that an instance of a name can be made.
pub(super) fn check_new(store: &dyn Install, name: &str) -> Result<()> {
    check_name(name)?;
    if store.has_instance(name)? { Err(Error::InstanceExists { name: name.to_owned() }) } else { Ok(()) }
}

/// Makes an instance of a bulk load.
pub(super) fn create(store: &dyn Install, name: &str, load: BulkLoad) -> Result<()> {
    check_new(store, name)?;
    let (limit, given) = (store.labels_of(name), load.label_count());
    if given > limit {
        return Err(exceeded(Limit::Labels, limit, given));
    }
    let mut state = load.into_state();
    // Two instances must differ, also where their loads began with the same options.
    state.identity = random_identity(name);
    store.install(name, state)
}

impl Install for Shared {
    fn has_instance(&self, name: &str) -> Result<bool> {
        Ok(self.instances.lock().get(name).is_some())
    }

    fn labels_of(&self, name: &str) -> usize {
        self.limits.of(name).labels
    }

    fn install(&self, name: &str, state: State) -> Result<()> {
        install(self, name, &state)
    }
}

/// Writes a state as the checkpoint of a new instance, in batches between which others write. The last one makes it an
/// instance; without it, the other ones are removed when the store is opened, like every unfinished checkpoint.
///
/// # Errors
///
/// [`Error::InstanceExists`]; [`Error::StoreFailed`].
fn install(store: &Shared, name: &str, state: &State) -> Result<()> {
    let number = store.instances.lock().next_number();
    let life = locked(&store.disk, |disk| begin(disk, number))?;
    let (baseline, mut rows) = (Baseline::default(), Vec::new());
    for batch in row_batches(changed_rows(state, &baseline)) {
        rows.extend(batch.rows.iter().map(|(row, _)| (*row, FIRST)));
        let changes = changes_of(number, batch);
        locked(&store.disk, |disk| disk.write_in(life, &changes))?;
    }
    let header = Header::of(state);
    let manifest = Manifest { header, checkpoint: FIRST, log_from: 0, rows: rows.into_iter().collect() };
    let entry = Entry { number, identity: state.identity };
    if let Some(installed) = store.add(name, entry, |disk| finish(disk, name, entry, (life, &manifest))) {
        return installed;
    }
    // Another caller made it in the meantime.
    let mut changes = WriteBatch::default();
    erase(&mut changes, number);
    locked(&store.disk, |disk| disk.write_in(life, &changes))?;
    Err(Error::InstanceExists { name: name.to_owned() })
}

/// Notes that a number is given, and that rows under it belong to no manifest yet. Gives the life of the database: when the
/// store resumes, those rows go.
fn begin(disk: &mut StoreWriter, number: u64) -> Result<u64> {
    let next = disk.next_instance.max(number + 1);
    let mut changes = WriteBatch::default();
    changes.put(UNFINISHED, instance_key(number), &fields(&[FIRST]));
    changes.put(META, STORE, &store_row(disk.instances, next));
    disk.write(&changes)?;
    disk.next_instance = next;
    Ok(disk.database.life())
}

fn changes_of(number: u64, batch: RowBatch) -> WriteBatch {
    let mut changes = WriteBatch::default();
    for (row, payload) in batch.rows {
        changes.put(CHUNKS, chunk_key(number, FIRST, row), &payload);
    }
    changes
}

fn finish(disk: &mut StoreWriter, name: &str, entry: Entry, (life, manifest): (u64, &Manifest)) -> Result<()> {
    let (key, count) = (instance_key(entry.number), disk.instances + 1);
    let mut changes = WriteBatch::default();
    changes.put(INSTANCES, name.as_bytes(), &entry_row(entry));
    changes.put(MANIFESTS, key, &manifest.encode());
    changes.remove(UNFINISHED, key);
    changes.put(LOG, log_key(entry.number, TAIL), &LogExtent::empty(manifest.header.revision).encode());
    changes.put(META, STORE, &store_row(count, disk.next_instance));
    disk.write_in(life, &changes)?;
    disk.instances = count;
    Ok(())
}
