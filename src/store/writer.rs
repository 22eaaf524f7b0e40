//! What one thread at a time does to the file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use crate::codec::encode_record;
use crate::index::journal::Group;
use crate::index::label_index::LabelIndex;
use crate::index::sync::{Mutex, unlock_fair};
use crate::index::trace::{self, Event};
use crate::index::wakers::WakerCaller;
use crate::model::error::{Error, Result};
use crate::store::activity::Activity;
use crate::store::backend::database::Database;
use crate::store::backend::fault::Fault;
use crate::store::catalog::store_row;
use crate::store::folder::Location;
use crate::store::load::LogPosition;
use crate::store::log_extent::LogExtent;
use crate::store::log_reader::Retention;
use crate::store::open_database::OpenDatabase;
use crate::store::options::LogAllowance;
use crate::store::signal::Signal;
use crate::store::tables::{LOG, META, RECORD_PART, STORE, TAIL, log_key, part_key};
use crate::store::write_batch::WriteBatch;

/// The file for writing, and the loaded instances. A thread that writes holds the lock around this.
pub(super) struct StoreWriter {
    pub(super) database: Arc<OpenDatabase>,
    pub(super) path: PathBuf,
    /// Where the file has to be. None if there is no file.
    pub(super) location: Option<Location>,
    pub(super) quick_repair: bool,
    /// How long a log may become: a number of bytes in any case, and a percentage of the checkpoint.
    pub(super) log_allowance: LogAllowance,
    pub(super) signal: Arc<Signal>,
    pub(super) loaded: BTreeMap<u64, Loaded>,
    /// How many instances there are, and the number of the next.
    pub(super) instances: u64,
    pub(super) next_instance: u64,
    /// How many checkpoints were begun since the store was opened.
    pub(super) begun: u64,
    /// Bytes of rows and records that were removed since the store was opened.
    pub(super) freed_bytes: u64,
    /// Whether the file says that it has an earlier format, which the first write changes.
    pub(super) is_former: bool,
    pub(super) retention: Retention,
    pub(super) activity: Arc<Mutex<Activity>>,
    pub(super) waker_caller: WakerCaller,
    /// Why nothing is written any more: a write failed.
    pub(super) failed: Option<Error>,
    /// Why nothing was written before the store resumed.
    pub(super) former_failure: Option<Error>,
}

/// A loaded instance.
pub(super) struct Loaded {
    pub(super) name: Arc<str>,
    pub(super) index: LabelIndex,
    pub(super) position: LogPosition,
    /// The number of the checkpoint that is being written, among all that were begun since the store was opened.
    pub(super) checkpoint: Option<u64>,
}

/// Runs with the lock around the file, and hands it to the thread that waits longest, if any does.
///
/// Without that a thread that takes the lock again and again, as a checkpoint does for each of its pieces, would take it
/// before a thread that it has just woken.
pub(super) fn locked<T>(disk: &Mutex<StoreWriter>, run: impl FnOnce(&mut StoreWriter) -> T) -> T {
    let mut guard = disk.lock();
    let result = run(&mut guard);
    unlock_fair(guard);
    result
}

impl StoreWriter {
    /// Writes in one synced transaction. After the first failure nothing is written any more.
    ///
    /// # Errors
    ///
    /// [`Error::StoreFailed`]. Every loaded instance takes no write any more then, and those who waited have the error.
    pub(super) fn write(&mut self, batch: &WriteBatch) -> Result<()> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        if std::mem::take(&mut self.is_former) {
            // Before anything else is written, so that no former version takes it for damage.
            let mut format = WriteBatch::default();
            format.put(META, STORE, &store_row(self.instances, self.next_instance));
            self.write_to_disk(&format)?;
        }
        let began = Instant::now();
        let removed = self.write_to_disk(batch)?;
        self.activity.lock().synced(began);
        self.freed_bytes += removed;
        self.check_location()
    }

    /// As [`write`](Self::write), of something that was begun in a life of the database and means nothing in another.
    pub(super) fn write_in(&mut self, life: u64, batch: &WriteBatch) -> Result<()> {
        if life == self.database.life() { self.write(batch) } else { Err(self.last_failure()) }
    }

    /// Why the store failed last, also if it has resumed since.
    pub(super) fn last_failure(&self) -> Error {
        self.failed.clone().or_else(|| self.former_failure.clone()).unwrap_or(Error::StoreClosed)
    }

    fn write_to_disk(&mut self, batch: &WriteBatch) -> Result<u64> {
        let written = self.database.with(|database| database.write(batch, self.quick_repair))?;
        written.map_err(|fault| self.fail(&fault))
    }

    /// Checks that the file is where the next opener looks for it. Called after every write, so that acknowledged
    /// commits are in that file.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub(super) fn check_location(&mut self) -> Result<()> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let checked = self.location.as_ref().map_or(Ok(()), Location::check);
        checked.map_err(|fault| self.fail(&fault))
    }

    /// Compacts and shortens the file, if a good part of it became free.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Damaged`]. The file has the same in it then.
    pub(super) fn compact(&self, database: &Database, file_len: u64) -> Result<()> {
        if self.failed.is_some() || self.freed_bytes <= file_len / 4 {
            return Ok(());
        }
        database.compact().map(drop).map_err(|fault| fault.into_error(&self.path, None))
    }

    fn fail(&mut self, fault: &Fault) -> Error {
        let durable = self.loaded.values().map(|loaded| (loaded.name.to_string(), loaded.index.durable_revision()));
        let cause = format!("{}: {fault}", self.path.display());
        let failed = || Event::Failed { store: self.path.display().to_string(), cause: fault.to_string() };
        trace::tell_elsewhere(&self.waker_caller, failed);
        let error = Error::StoreFailed { cause, durable: durable.collect() };
        self.failed = Some(error.clone());
        self.activity.lock().failure = Some(error.clone());
        for loaded in self.loaded.values() {
            loaded.index.end_journal(error.clone());
        }
        error
    }

    /// Takes the commits that are queued, with the versions that they make.
    pub(super) fn take(&self, instances: &BTreeSet<u64>) -> Vec<(u64, Group)> {
        let loaded = instances.iter().filter_map(|instance| Some((*instance, self.loaded.get(instance)?)));
        loaded.filter_map(|(instance, loaded)| Some((instance, loaded.index.take_group()?))).collect()
    }

    /// Makes groups durable, all in one transaction.
    ///
    /// # Errors
    ///
    /// As [`write`](Self::write).
    pub(super) fn commit(&mut self, mut groups: Vec<(u64, Group)>) -> Result<()> {
        groups.retain(|(_, group)| !group.commits.is_empty());
        if groups.is_empty() {
            return self.failed.clone().map_or(Ok(()), Err);
        }
        let now = now();
        let records: Vec<Record> = groups
            .iter()
            .filter_map(|(instance, group)| {
                Some(Record::of(*instance, self.loaded.get(instance)?.position.extent, group, now))
            })
            .collect();
        let mut batch = WriteBatch::default();
        records.iter().for_each(|record| record.put(&mut batch));
        self.write(&batch)?;
        for ((instance, group), record) in groups.into_iter().zip(records) {
            let Some(loaded) = self.loaded.get_mut(&instance) else { continue };
            loaded.position.extent = record.extent;
            loaded.position.log_bytes += u64::try_from(record.commits.len()).unwrap_or(u64::MAX);
            loaded.index.settle_group(group);
            if loaded.checkpoint.is_none() && loaded.position.is_long(self.log_allowance) {
                self.signal.due(instance);
            }
        }
        Ok(())
    }
}

/// The time for records, in milliseconds since 1970.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

impl LogPosition {
    /// Whether the log is longer than it should be.
    pub(super) fn is_long(&self, allowance: LogAllowance) -> bool {
        allowance.is_exceeded(self.log_bytes, self.checkpoint_bytes)
    }
}

/// A group of commits as it is written.
struct Record {
    instance: u64,
    number: u64,
    /// How far the log goes with it.
    extent: LogExtent,
    commits: Vec<u8>,
}

impl Record {
    fn of(instance: u64, extent: LogExtent, group: &Group, now: u64) -> Self {
        let mut commits = Vec::new();
        encode_record(now, &group.commits, &mut commits);
        let changes = u64::try_from(group.changes()).unwrap_or(u64::MAX);
        let with_it = extent.with_record(group.version.revision, changes);
        Self { instance, number: extent.next_record, extent: with_it, commits }
    }

    /// Writes the record, and where the log ends now: in most cases on the same page.
    fn put(&self, batch: &mut WriteBatch) {
        for (part, bytes) in (0..).zip(self.commits.chunks(RECORD_PART)) {
            batch.put(LOG, part_key(self.instance, self.number, part), bytes);
        }
        batch.put(LOG, log_key(self.instance, TAIL), &self.extent.encode());
    }
}
