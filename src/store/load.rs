//! Loading an instance from its checkpoint and its log.

use std::collections::BTreeMap;

use crate::codec::{Baseline, Loader, RowId, decode_record};
use crate::state::State;
use crate::store::backend::database::{Database, Reading};
use crate::store::backend::fault::Fault;
use crate::store::log_extent::LogExtent;
use crate::store::log_reader::LogReader;
use crate::store::manifest::{Manifest, UnverifiedManifest};
use crate::store::tables::{CHUNKS, MANIFESTS, chunk_key, instance_key, log_key};

/// What the next commit and the next checkpoint of a loaded instance need to know of its rows on disk.
#[derive(Debug)]
pub(super) struct LogPosition {
    pub(super) manifest: Manifest,
    /// The rows of the last checkpoint.
    pub(super) baseline: Baseline,
    /// The bytes of each row of the last checkpoint and their sum, with which the length of the log is compared.
    pub(super) row_bytes: BTreeMap<RowId, u64>,
    pub(super) checkpoint_bytes: u64,
    /// From its tail.
    pub(super) extent: LogExtent,
    /// Bytes of the log that are not in the checkpoint.
    pub(super) log_bytes: u64,
}

/// Reads an instance, and checks all of it.
pub(super) fn load(
    database: &Database,
    instance: u64,
    identity: u64,
    seed: u64,
) -> Result<(State, LogPosition), Fault> {
    let tables = database.begin_read()?;
    let unverified = UnverifiedManifest::decode(&tables.expect(MANIFESTS, &instance_key(instance))?)?;
    if unverified.header.identity != identity {
        return Err(Fault::damage("the manifest is that of another instance"));
    }
    let (state, manifest, row_bytes) = load_checkpoint(&tables, instance, &unverified, seed)?;
    let baseline = Baseline::of(&state);
    let checkpoint_bytes = row_bytes.values().sum();
    let log = LogReader { tables: &tables, instance, identity };
    let extent = log.extent()?.ok_or_else(|| Fault::damage("the end of the log is missing"))?;
    let mut position = LogPosition { manifest, baseline, row_bytes, checkpoint_bytes, extent, log_bytes: 0 };
    let state = replay_log(&log, state, &mut position)?;
    Ok((state, position))
}

fn load_checkpoint(
    tables: &Reading<'_>,
    instance: u64,
    unverified: &UnverifiedManifest,
    seed: u64,
) -> Result<(State, Manifest, BTreeMap<RowId, u64>), Fault> {
    let UnverifiedManifest { header, checkpoint, log_from, .. } = *unverified;
    let mut manifest = Manifest { header, checkpoint, log_from, rows: BTreeMap::new() };
    let mut loader = Loader::new(header, seed);
    let mut bytes = BTreeMap::new();
    for row in unverified.rows() {
        let (row, checkpoint) = row?;
        let payload = tables.expect(CHUNKS, &chunk_key(instance, checkpoint, row))?;
        manifest.rows.insert(row, checkpoint);
        bytes.insert(row, u64::try_from(payload.len()).unwrap_or(u64::MAX));
        loader.feed(row, &payload)?;
    }
    Ok((loader.finish()?, manifest, bytes))
}

/// Replays the commits of the log after the checkpoint. Records are numbered without a gap from the end of the checkpoint,
/// and the tail has the last number, so a missing one is damage. Earlier records are for subscribers, and are not read.
fn replay_log(log: &LogReader<'_, '_>, mut state: State, position: &mut LogPosition) -> Result<State, Fault> {
    let mut next_record = position.manifest.log_from;
    for record in log.records(&position.extent, next_record, &log_key(log.instance, next_record))? {
        let (number, payload) = record?;
        let format = position.extent.format_of(number);
        for commit in decode_record(&payload, state.identity, format)?.commits {
            state.replay(&commit, format)?;
        }
        next_record = number + 1;
        position.log_bytes += u64::try_from(payload.len()).unwrap_or(u64::MAX);
    }
    let (found, expected) = ((next_record, state.revision), (position.extent.next_record, position.extent.revision));
    if found == expected {
        Ok(state)
    } else {
        Err(Fault::damage(format!("the log ends at {found:?} instead of {expected:?}")))
    }
}
