//! A new instance on disk, with all that it has.

use crate::codec::{Baseline, Header, changed_rows};
use crate::model::error::{Error, Result};
use crate::state::State;
use crate::store::backend::tables::{
    CHUNKS, INSTANCES, LOG, MANIFESTS, META, STORE, TAIL, UNFINISHED, chunk_key, fields, instance_key, log_key,
};
use crate::store::catalog::{Entry, entry_row, store_row};
use crate::store::checkpoint::{RowBatch, erase, pieces};
use crate::store::instances::{Engine, Instance};
use crate::store::manifest::Manifest;
use crate::store::writer::{StoreWriter, locked};

/// The number of the checkpoint that a new instance begins with.
const FIRST: u64 = 1;

/// Writes a state as the checkpoint of a new instance, in pieces between which others write. The last piece makes it an
/// instance; what comes before is cleaned up when the store is opened, as every checkpoint that was not finished.
///
/// # Errors
///
/// [`Error::InstanceExists`]; [`Error::StoreFailed`].
pub(super) fn install(engine: &Engine, name: &str, state: &State) -> Result<()> {
    let number = locked(&engine.disk, begin)?;
    let (mark, mut rows) = (Baseline::default(), Vec::new());
    for piece in pieces(changed_rows(state, &mark)) {
        rows.extend(piece.rows.iter().map(|(row, _)| (*row, FIRST)));
        locked(&engine.disk, |disk| write(disk, number, &piece))?;
    }
    let header = Header::of(state);
    let manifest = Manifest { header, checkpoint: FIRST, log_from: 0, rows: rows.into_iter().collect() };
    let mut instances = engine.instances.lock();
    if instances.contains_key(name) {
        // Somebody made it in between.
        locked(&engine.disk, |disk| {
            disk.write(|transaction| {
                UNFINISHED.write(transaction)?.remove(&instance_key(number))?;
                erase(transaction, number)
            })
        })?;
        return Err(Error::InstanceExists { name: name.to_owned() });
    }
    let entry = Entry { number, identity: state.identity };
    locked(&engine.disk, |disk| finish(disk, name, entry, &manifest))?;
    instances.insert(name.to_owned(), Instance::new(name, entry));
    Ok(())
}

/// Takes a number that nobody else gets.
fn begin(disk: &mut StoreWriter) -> Result<u64> {
    let (number, count) = (disk.next_instance, disk.instances);
    disk.write(|transaction| {
        UNFINISHED.write(transaction)?.put(&instance_key(number), &fields(&[FIRST]))?;
        META.write(transaction)?.put(STORE, &store_row(count, number + 1))
    })?;
    disk.next_instance = number + 1;
    Ok(number)
}

fn write(disk: &mut StoreWriter, number: u64, piece: &RowBatch) -> Result<()> {
    disk.write(|transaction| {
        let mut chunks = CHUNKS.write(transaction)?;
        piece.rows.iter().try_for_each(|(row, payload)| chunks.put(&chunk_key(number, FIRST, *row), payload).map(drop))
    })
}

fn finish(disk: &mut StoreWriter, name: &str, entry: Entry, manifest: &Manifest) -> Result<()> {
    let (key, count, next) = (instance_key(entry.number), disk.instances + 1, disk.next_instance);
    disk.write(|transaction| {
        INSTANCES.write(transaction)?.put(name.as_bytes(), &entry_row(entry))?;
        MANIFESTS.write(transaction)?.put(&key, &manifest.encode())?;
        UNFINISHED.write(transaction)?.remove(&key)?;
        LOG.write(transaction)?.put(&log_key(entry.number, TAIL), &fields(&[0, manifest.header.revision]))?;
        META.write(transaction)?.put(STORE, &store_row(count, next))
    })?;
    disk.instances = count;
    Ok(())
}
