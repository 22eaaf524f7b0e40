//! An instance from its checkpoint and its log.

use std::collections::BTreeMap;

use crate::codec::{Baseline, Loader, RowId, decode_commits};
use crate::state::State;
use crate::store::backend::database::{Database, Reading};
use crate::store::backend::fault::Fault;
use crate::store::manifest::{Manifest, UnverifiedManifest};
use crate::store::tables::{CHUNKS, Fields, LOG, MANIFESTS, TAIL, chunk_key, instance_key, log_key};

/// What is on disk of a loaded instance, as far as the next commit and the next checkpoint have to know it.
#[derive(Debug)]
pub(super) struct LogPosition {
    pub(super) manifest: Manifest,
    /// The rows as the last checkpoint wrote them.
    pub(super) mark: Baseline,
    /// The bytes of each row of the last checkpoint, and of all, so that the log can be compared with them.
    pub(super) row_bytes: BTreeMap<RowId, u64>,
    pub(super) checkpoint_bytes: u64,
    /// D4: the number of the next record, which the tail has too, with the revision of the last commit before it.
    pub(super) next_record: u64,
    /// Bytes of the log that are not in the checkpoint.
    pub(super) log_bytes: u64,
}

/// Reads an instance and checks all of it.
pub(super) fn load(
    database: &Database,
    instance: u64,
    identity: u64,
    seed: u64,
) -> Result<(State, LogPosition), Fault> {
    let tables = database.begin_read()?;
    let claim = UnverifiedManifest::decode(&tables.expect(MANIFESTS, &instance_key(instance))?)?;
    if claim.header.identity != identity {
        return Err(Fault::damage("the manifest is that of another instance"));
    }
    let (state, manifest, row_bytes) = load_checkpoint(&tables, instance, &claim, seed)?;
    let mark = Baseline::of(&state);
    let (next_record, checkpoint_bytes) = (manifest.log_from, row_bytes.values().sum());
    let mut trail = LogPosition { manifest, mark, row_bytes, checkpoint_bytes, next_record, log_bytes: 0 };
    let state = replay_log(&tables, instance, state, &mut trail)?;
    Ok((state, trail))
}

fn load_checkpoint(
    tables: &Reading<'_>,
    instance: u64,
    claim: &UnverifiedManifest,
    seed: u64,
) -> Result<(State, Manifest, BTreeMap<RowId, u64>), Fault> {
    let UnverifiedManifest { header, checkpoint, log_from, .. } = *claim;
    let mut manifest = Manifest { header, checkpoint, log_from, rows: BTreeMap::new() };
    let mut loader = Loader::new(header, seed);
    let mut bytes = BTreeMap::new();
    for row in claim.rows() {
        let (row, checkpoint) = row?;
        let payload = tables.expect(CHUNKS, &chunk_key(instance, checkpoint, row))?;
        manifest.rows.insert(row, checkpoint);
        bytes.insert(row, u64::try_from(payload.len()).unwrap_or(u64::MAX));
        loader.feed(row, &payload)?;
    }
    Ok((loader.finish()?, manifest, bytes))
}

/// Carries out the commits of the log. Every record has to be there: they are numbered without a gap from where the
/// checkpoint ends, and the tail knows the last.
fn replay_log(tables: &Reading<'_>, instance: u64, mut state: State, trail: &mut LogPosition) -> Result<State, Fault> {
    for row in tables.rows(LOG, &instance_key(instance))? {
        let (key, payload) = row?;
        if key == log_key(instance, TAIL) {
            let mut tail = Fields(&payload);
            let (records, revision) = (tail.number()?, tail.number()?);
            tail.end()?;
            if (records, revision) == (trail.next_record, state.revision) {
                return Ok(state);
            }
            let found = (trail.next_record, state.revision);
            return Err(Fault::damage(format!("the log ends at {found:?} instead of {:?}", (records, revision))));
        }
        if key != log_key(instance, trail.next_record) {
            return Err(Fault::damage(format!("record {} of the log is missing", trail.next_record)));
        }
        for commit in decode_commits(&payload, state.identity)? {
            state.replay(&commit)?;
        }
        trail.next_record += 1;
        trail.log_bytes += u64::try_from(payload.len()).unwrap_or(u64::MAX);
    }
    Err(Fault::damage("the end of the log is missing"))
}
