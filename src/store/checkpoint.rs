//! Writing what changed since the last checkpoint, and trimming the log.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::sync::Arc;

use crate::codec::{Baseline, ChangedRow, Header, RowId, changed_rows};
use crate::index::sync::Mutex;
use crate::model::error::Result;
use crate::state::Version;
use crate::store::backend::database::Database;
use crate::store::log_extent::{LogExtent, Trim};
use crate::store::log_reader::{LogReader, Retention};
use crate::store::manifest::Manifest;
use crate::store::open_database::OpenDatabase;
use crate::store::tables::{CHUNKS, LOG, MANIFESTS, TAIL, UNFINISHED, chunk_key, fields, instance_key, log_key};
use crate::store::write_batch::WriteBatch;
use crate::store::writer::{Loaded, StoreWriter, locked, now};

/// The bytes of rows in one transaction, and so the most that a commit may have to wait for.
const PIECE: usize = 1 << 20;

/// Rows that are written together.
#[derive(Default)]
pub(super) struct RowBatch {
    pub(super) rows: Vec<(RowId, Vec<u8>)>,
    /// Rows to remove.
    gone: BTreeSet<RowId>,
    /// Bytes of the rows.
    bytes: usize,
}

/// Rows in batches of about [`PIECE`] bytes, encoded lazily.
pub(super) fn row_batches(rows: impl Iterator<Item = ChangedRow>) -> impl Iterator<Item = RowBatch> {
    let mut rows = rows.peekable();
    iter::from_fn(move || {
        rows.peek()?;
        let mut batch = RowBatch::default();
        while batch.bytes < PIECE
            && let Some((row, payload)) = rows.next()
        {
            match payload {
                Some(payload) => {
                    batch.bytes += payload.len();
                    batch.rows.push((row, payload));
                }
                None => drop(batch.gone.insert(row)),
            }
        }
        Some(batch)
    })
}

/// A checkpoint in progress. All its rows come from one version, that at the end of one record of the log.
struct Checkpoint {
    instance: u64,
    /// Distinguishes it from other checkpoints of an instance that was unloaded and loaded again in the meantime.
    begun: u64,
    /// The previous checkpoint.
    since: Manifest,
    version: Version,
    number: u64,
    log_from: u64,
    log_bytes: u64,
    /// The log when this checkpoint began, and its reader.
    extent: LogExtent,
    database: Arc<OpenDatabase>,
    retention: Retention,
    /// The records that are no longer retained.
    trim: Option<Trim>,
    /// The rows that were written, with their lengths, and those that were removed.
    written: BTreeMap<RowId, u64>,
    gone: BTreeSet<RowId>,
}

/// Writes checkpoints of instances and trims their logs. Skips instances that are not loaded or have no log. Other writers
/// commit between the transactions. Small checkpoints share transactions of about [`PIECE`] bytes, removals included. There
/// is one call at a time. Returns the names of the instances with a new checkpoint.
///
/// # Errors
///
/// [`Error::StoreFailed`](crate::Error::StoreFailed). The checkpoints before these stay in force.
pub(super) fn checkpoint_all(
    disk: &Mutex<StoreWriter>,
    instances: impl IntoIterator<Item = u64>,
) -> Result<Vec<Arc<str>>> {
    let mut together = Together::default();
    let mut written = Vec::new();
    for instance in instances {
        let Some((mut checkpoint, baseline)) = locked(disk, |disk| disk.begin_checkpoint(instance))? else { continue };
        checkpoint.plan_trim();
        if checkpoint.log_bytes == 0 && checkpoint.trim.is_none() {
            locked(disk, |disk| checkpoint.give_up(disk));
            continue;
        }
        let version = Version::clone(&checkpoint.version);
        let mut batches = row_batches(changed_rows(&version, &baseline)).peekable();
        let mut changes = checkpoint.begin();
        loop {
            let rows = batches.next().unwrap_or_default();
            checkpoint.put(&mut changes, rows);
            if batches.peek().is_none() {
                let manifest = checkpoint.put_in_force(&mut changes);
                together.add(Ready { checkpoint, manifest, changes });
                break;
            }
            if !checkpoint.write_unfinished(disk, changes)? {
                break;
            }
            changes = WriteBatch::default();
        }
        if together.weight >= PIECE {
            written.extend(together.write(disk)?);
        }
    }
    written.extend(together.write(disk)?);
    Ok(written)
}

/// A checkpoint whose last transaction has everything that is not written yet.
struct Ready {
    checkpoint: Checkpoint,
    manifest: Manifest,
    changes: WriteBatch,
}

/// Checkpoints that end in one transaction.
#[derive(Default)]
struct Together {
    ready: Vec<Ready>,
    /// The bytes of all their changes.
    weight: usize,
}

impl Together {
    fn add(&mut self, ready: Ready) {
        self.weight = self.weight.saturating_add(ready.changes.weight());
        self.ready.push(ready);
    }

    fn write(&mut self, disk: &Mutex<StoreWriter>) -> Result<Vec<Arc<str>>> {
        let Self { ready, .. } = std::mem::take(self);
        locked(disk, |disk| {
            let mut batch = WriteBatch::default();
            let mut done = Vec::new();
            for Ready { checkpoint, manifest, changes } in ready {
                if let Some(loaded) = checkpoint.loaded(disk) {
                    batch.append(changes);
                    if let Some(trim) = &checkpoint.trim {
                        let key = log_key(checkpoint.instance, TAIL);
                        batch.put(LOG, key, &loaded.position.extent.without(trim).encode());
                    }
                    done.push((checkpoint, manifest));
                }
            }
            if !done.is_empty() {
                disk.write(&batch)?;
            }
            Ok(done.into_iter().filter_map(|(checkpoint, manifest)| checkpoint.note(disk, manifest)).collect())
        })
    }
}

impl StoreWriter {
    fn begin_checkpoint(&mut self, instance: u64) -> Result<Option<(Checkpoint, Baseline)>> {
        // What is queued goes to disk first: then its version and the end of the log belong together.
        let groups = self.take(&BTreeSet::from([instance]));
        let Some(version) = groups.first().map(|(_, group)| Version::clone(&group.version)) else { return Ok(None) };
        self.commit(groups)?;
        let Some(loaded) = self.loaded.get_mut(&instance) else { return Ok(None) };
        if loaded.position.log_bytes == 0 && loaded.position.extent.changes == 0 {
            return Ok(None);
        }
        self.begun += 1;
        loaded.checkpoint = Some(self.begun);
        let position = &loaded.position;
        let checkpoint = Checkpoint {
            instance,
            begun: self.begun,
            since: position.manifest.clone(),
            version,
            number: position.manifest.checkpoint + 1,
            log_from: position.extent.next_record,
            log_bytes: position.log_bytes,
            extent: position.extent,
            database: Arc::clone(&self.database),
            retention: self.retention,
            trim: None,
            written: BTreeMap::new(),
            gone: BTreeSet::new(),
        };
        Ok(Some((checkpoint, position.baseline.clone())))
    }
}

impl Checkpoint {
    /// The instance, unless it was unloaded or removed since this checkpoint began.
    fn loaded<'d>(&self, disk: &'d mut StoreWriter) -> Option<&'d mut Loaded> {
        disk.loaded.get_mut(&self.instance).filter(|loaded| loaded.checkpoint == Some(self.begun))
    }

    /// Finds the records that are no longer retained. Needs no lock of the disk, since new records are only appended.
    fn plan_trim(&mut self) {
        let trim = |database: &Database| {
            let tables = database.begin_read()?;
            let log = LogReader { tables: &tables, instance: self.instance, identity: self.version.identity };
            log.trim(&self.extent, self.log_from, self.retention, now())
        };
        // A record that cannot be read is kept: a subscriber that needs it gets an error, and `Store::verify` names it.
        self.trim = self.database.with(trim).ok().and_then(Result::ok).flatten();
    }

    fn give_up(&self, disk: &mut StoreWriter) {
        if let Some(loaded) = self.loaded(disk) {
            loaded.checkpoint = None;
        }
    }

    /// The first changes remove rows of an abandoned checkpoint with the same number.
    fn begin(&self) -> WriteBatch {
        let mut changes = WriteBatch::default();
        changes.remove_all(CHUNKS, fields(&[self.instance, self.number]));
        changes
    }

    /// Adds rows under the number of this checkpoint.
    fn put(&mut self, changes: &mut WriteBatch, RowBatch { rows, gone, .. }: RowBatch) {
        self.gone.extend(gone);
        for (row, payload) in rows {
            let bytes = changes.put(CHUNKS, chunk_key(self.instance, self.number, row), &payload);
            self.written.insert(row, bytes);
        }
    }

    /// Writes rows that no manifest names yet. Returns false if the instance was removed.
    fn write_unfinished(&self, disk: &Mutex<StoreWriter>, mut changes: WriteBatch) -> Result<bool> {
        changes.put(UNFINISHED, instance_key(self.instance), &fields(&[self.number]));
        locked(disk, |disk| match self.loaded(disk) {
            Some(_) => disk.write(&changes).map(|()| true),
            None => Ok(false),
        })
    }

    /// Adds the manifest of this checkpoint, removes the rows that it replaces, and trims the log.
    fn put_in_force(&self, changes: &mut WriteBatch) -> Manifest {
        let (instance, since) = (self.instance, &self.since);
        let mut manifest = Manifest {
            header: Header::of(&self.version),
            checkpoint: self.number,
            log_from: self.log_from,
            rows: since.rows.clone(),
        };
        manifest.rows.retain(|row, _| !self.gone.contains(row));
        manifest.rows.extend(self.written.keys().map(|&row| (row, self.number)));
        changes.put(MANIFESTS, instance_key(instance), &manifest.encode());
        changes.remove(UNFINISHED, instance_key(instance));
        for (row, &checkpoint) in &since.rows {
            if manifest.rows.get(row) != Some(&checkpoint) {
                changes.remove(CHUNKS, chunk_key(instance, checkpoint, *row));
            }
        }
        // In format 1 records that are not retained may still have to be replayed.
        let first = since.log_from.min(self.extent.first_record);
        let end = self.trim.map_or(self.extent.first_record, |trim| trim.first_record);
        // Each with all its parts.
        (first..end).for_each(|record| changes.remove_all(LOG, log_key(instance, record)));
        manifest
    }

    /// Records that this checkpoint is complete. Returns the name of the instance.
    fn note(self, disk: &mut StoreWriter, manifest: Manifest) -> Option<Arc<str>> {
        let loaded = self.loaded(disk)?;
        let name = Arc::clone(&loaded.name);
        loaded.checkpoint = None;
        let position = &mut loaded.position;
        let replaced = position.row_bytes.iter().filter(|(row, _)| manifest.rows.get(row) == Some(&self.number));
        let freed = replaced.map(|(_, bytes)| bytes).sum::<u64>();
        position.log_bytes -= self.log_bytes;
        if let Some(trim) = &self.trim {
            position.extent = position.extent.without(trim);
        }
        position.row_bytes.retain(|row, _| !self.gone.contains(row));
        position.row_bytes.extend(self.written);
        position.checkpoint_bytes = position.row_bytes.values().sum();
        position.manifest = manifest;
        position.baseline = Baseline::of(&self.version);
        disk.freed_bytes += freed;
        disk.activity.lock().checkpoints += 1;
        Some(name)
    }
}

/// Removes the rows of checkpoints that were never completed.
pub(super) fn clean_up(unfinished: &[(u64, u64)]) -> WriteBatch {
    let mut batch = WriteBatch::default();
    for &(instance, number) in unfinished {
        batch.remove_all(CHUNKS, fields(&[instance, number]));
        batch.remove(UNFINISHED, instance_key(instance));
    }
    batch
}

/// Removes everything of an instance but its name.
pub(super) fn erase(batch: &mut WriteBatch, instance: u64) {
    batch.remove_instance(&[MANIFESTS, UNFINISHED, CHUNKS, LOG], instance);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::{Database, Version, changed_rows, locked, row_batches};
    use crate::store::Store;
    use crate::store::tables::{CHUNKS, instance_key};

    #[test]
    fn rows_of_a_checkpoint_that_was_given_up_go_with_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let index = store.instance("shop").unwrap();
        index.upsert_label("1", "VIP").unwrap();
        index.link("1", "ana@c.us").unwrap();
        index.merge_chats("ana@lid", "ana@c.us").unwrap();
        let number = store.shared().find("shop").unwrap().entry.number;
        let count =
            |database: &Database| database.begin_read().unwrap().rows(CHUNKS, &instance_key(number)).unwrap().count();
        let rows = || store.shared().database.with(count).unwrap();

        let disk = &store.shared().disk;
        let (mut checkpoint, baseline) = locked(disk, |disk| disk.begin_checkpoint(number)).unwrap().unwrap();
        let version = Version::clone(&checkpoint.version);
        let mut changes = checkpoint.begin();
        row_batches(changed_rows(&version, &baseline)).for_each(|rows| checkpoint.put(&mut changes, rows));
        assert!(checkpoint.write_unfinished(disk, changes).unwrap());
        let given_up = rows();
        assert!(given_up > 1);
        drop(index);
        assert!(store.unload("shop").unwrap(), "which gives it up");

        // The next checkpoint may have fewer rows and would not overwrite all of these.
        store.existing("shop").unwrap().unalias("ana@lid").unwrap();
        store.checkpoint().unwrap();
        let manifest = locked(disk, |disk| disk.loaded.get(&number).unwrap().position.manifest.rows.len());
        assert_eq!(rows(), manifest);
        assert!(manifest < given_up, "{manifest} rows, {given_up} before");
        drop(store);
        assert!(Store::verify(folder.path()).unwrap().is_sound());
    }
}
