//! Writing what changed since the last checkpoint, and trimming the log.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use crate::codec::{Baseline, ChangedRow, Header, RowId, changed_rows};
use crate::index::sync::Mutex;
use crate::model::error::Result;
use crate::state::Version;
use crate::store::backend::fault::Fault;
use crate::store::backend::tables::{
    CHUNKS, LOG, MANIFESTS, TAIL, UNFINISHED, chunk_key, fields, instance_key, log_key,
};
use crate::store::manifest::Manifest;
use crate::store::writer::{Loaded, StoreWriter, locked};

/// Bytes of rows in one transaction: what a commit may have to wait for.
const PIECE: usize = 1 << 20;

/// Rows that are written together.
#[derive(Default)]
pub(super) struct RowBatch {
    pub(super) rows: Vec<(RowId, Vec<u8>)>,
    /// Rows that are no more.
    gone: BTreeSet<RowId>,
}

/// Rows in pieces of about [`PIECE`] bytes, made as they are asked for.
pub(super) fn pieces(rows: impl Iterator<Item = ChangedRow>) -> impl Iterator<Item = RowBatch> {
    let mut rows = rows.peekable();
    iter::from_fn(move || {
        rows.peek()?;
        let (mut batch, mut bytes) = (RowBatch::default(), 0);
        while bytes < PIECE
            && let Some((row, payload)) = rows.next()
        {
            match payload {
                Some(payload) => {
                    bytes += payload.len();
                    batch.rows.push((row, payload));
                }
                None => drop(batch.gone.insert(row)),
            }
        }
        Some(batch)
    })
}

/// A checkpoint on its way: everything comes from one version, at the end of one record of the log.
struct Checkpoint {
    instance: u64,
    /// Tells it from others of this instance, which may have been unloaded and loaded again meanwhile.
    begun: u64,
    /// The checkpoint before this one.
    since: Manifest,
    mark: Baseline,
    version: Version,
    number: u64,
    log_from: u64,
    log_bytes: u64,
    /// The rows that were written with their bytes, and those that are no more.
    written: BTreeMap<RowId, u64>,
    gone: BTreeSet<RowId>,
}

/// Writes a checkpoint of an instance, in pieces between which others write, and trims its log. Does nothing if the
/// instance is not loaded or has no log. There is one at a time.
///
/// # Errors
///
/// [`Error::StoreFailed`](crate::Error::StoreFailed). The checkpoint before this one stays in force.
pub(super) fn checkpoint(disk: &Mutex<StoreWriter>, instance: u64) -> Result<()> {
    let begun = locked(disk, |disk| disk.begin_checkpoint(instance))?;
    begun.map_or(Ok(()), |mut checkpoint| checkpoint.write(disk))
}

impl StoreWriter {
    fn begin_checkpoint(&mut self, instance: u64) -> Result<Option<Checkpoint>> {
        // What is queued goes to disk first: then its version and the end of the log belong together.
        let groups = self.take(&BTreeSet::from([instance]));
        let Some(version) = groups.first().map(|(_, group)| Version::clone(&group.version)) else { return Ok(None) };
        self.commit(groups)?;
        let Some(loaded) = self.loaded.get_mut(&instance) else { return Ok(None) };
        if loaded.trail.log_bytes == 0 {
            return Ok(None);
        }
        self.begun += 1;
        loaded.checkpoint = Some(self.begun);
        let trail = &loaded.trail;
        Ok(Some(Checkpoint {
            instance,
            begun: self.begun,
            since: trail.manifest.clone(),
            mark: trail.mark.clone(),
            version,
            number: trail.manifest.checkpoint + 1,
            log_from: trail.next_record,
            log_bytes: trail.log_bytes,
            written: BTreeMap::new(),
            gone: BTreeSet::new(),
        }))
    }
}

impl Checkpoint {
    /// The instance, unless it was unloaded or removed since this was begun.
    fn loaded<'d>(&self, disk: &'d mut StoreWriter) -> Option<&'d mut Loaded> {
        disk.loaded.get_mut(&self.instance).filter(|loaded| loaded.checkpoint == Some(self.begun))
    }

    fn write(&mut self, disk: &Mutex<StoreWriter>) -> Result<()> {
        let (version, mark) = (Version::clone(&self.version), self.mark.clone());
        for RowBatch { rows, gone } in pieces(changed_rows(&version, &mark)) {
            self.gone.extend(gone);
            if !locked(disk, |disk| self.write_piece(disk, rows))? {
                return Ok(());
            }
        }
        locked(disk, |disk| self.finish(disk))
    }

    /// Writes some rows under the number of this checkpoint; no manifest names them yet. False if the instance is gone.
    fn write_piece(&mut self, disk: &mut StoreWriter, piece: Vec<(RowId, Vec<u8>)>) -> Result<bool> {
        if self.loaded(disk).is_none() {
            return Ok(false);
        }
        let (instance, number, first) = (self.instance, self.number, self.written.is_empty());
        let bytes: Vec<u64> = disk.write(|transaction| {
            let mut chunks = CHUNKS.write(transaction)?;
            if first {
                UNFINISHED.write(transaction)?.put(&instance_key(instance), &fields(&[number]))?;
                // One under this number may have been given up.
                chunks.remove_all(&fields(&[instance, number]))?;
            }
            piece.iter().map(|(row, payload)| chunks.put(&chunk_key(instance, number, *row), payload)).collect()
        })?;
        self.written.extend(piece.into_iter().map(|(row, _)| row).zip(bytes));
        Ok(true)
    }

    /// Puts the checkpoint in force, removes the rows that it replaces, and trims the log.
    fn finish(&self, disk: &mut StoreWriter) -> Result<()> {
        if self.loaded(disk).is_none() {
            return Ok(());
        }
        let (instance, since) = (self.instance, &self.since);
        let mut manifest = Manifest {
            header: Header::of(&self.version),
            checkpoint: self.number,
            log_from: self.log_from,
            rows: since.rows.clone(),
        };
        manifest.rows.retain(|row, _| !self.gone.contains(row));
        manifest.rows.extend(self.written.keys().map(|&row| (row, self.number)));
        disk.write(|transaction| {
            MANIFESTS.write(transaction)?.put(&instance_key(instance), &manifest.encode())?;
            UNFINISHED.write(transaction)?.remove(&instance_key(instance))?;
            let mut chunks = CHUNKS.write(transaction)?;
            for (row, &checkpoint) in &since.rows {
                if manifest.rows.get(row) != Some(&checkpoint) {
                    chunks.remove(&chunk_key(instance, checkpoint, *row))?;
                }
            }
            let mut log = LOG.write(transaction)?;
            (since.log_from..self.log_from).try_for_each(|record| log.remove(&log_key(instance, record)))
        })?;
        if let Some(loaded) = self.loaded(disk) {
            loaded.checkpoint = None;
            let trail = &mut loaded.trail;
            let replaced = trail.row_bytes.iter().filter(|(row, _)| manifest.rows.get(row) == Some(&self.number));
            let freed = self.log_bytes + replaced.map(|(_, bytes)| bytes).sum::<u64>();
            trail.log_bytes -= self.log_bytes;
            trail.row_bytes.retain(|row, _| !self.gone.contains(row));
            trail.row_bytes.extend(self.written.iter().map(|(&row, &bytes)| (row, bytes)));
            trail.checkpoint_bytes = trail.row_bytes.values().sum();
            trail.manifest = manifest;
            trail.mark = Baseline::of(&self.version);
            disk.freed_bytes += freed;
        }
        Ok(())
    }
}

/// Removes what checkpoints left that never came into force.
pub(super) fn clean_up(disk: &mut StoreWriter, unfinished: &[(u64, u64)]) -> Result<()> {
    if unfinished.is_empty() {
        return Ok(());
    }
    disk.write(|transaction| {
        let (mut names, mut chunks) = (UNFINISHED.write(transaction)?, CHUNKS.write(transaction)?);
        for &(instance, number) in unfinished {
            let prefix = fields(&[instance, number]);
            chunks.remove_all(&prefix)?;
            names.remove(&instance_key(instance))?;
        }
        Ok(())
    })
}

/// Removes everything of an instance but its name.
pub(super) fn erase(transaction: &redb::WriteTransaction, instance: u64) -> Result<(), Fault> {
    let key = instance_key(instance);
    debug_assert!(log_key(instance, TAIL).starts_with(&key), "all keys of an instance begin with its number");
    [MANIFESTS, UNFINISHED, CHUNKS, LOG].into_iter().try_for_each(|table| table.write(transaction)?.remove_all(&key))
}
