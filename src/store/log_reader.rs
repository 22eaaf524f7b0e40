//! Reading the log of an instance: to check it, to trim it, and for subscribers that are behind.

use std::collections::VecDeque;
use std::iter;
use std::time::Duration;

use crate::codec::{LogRecord, RecordFormat, decode_record, first_revision};
use crate::model::change::{Commit, Revision};
use crate::store::backend::database::Reading;
use crate::store::backend::fault::Fault;
use crate::store::log_extent::{LogExtent, Trim};
use crate::store::tables::{LOG, RECORD_PART, TAIL, instance_key, log_key, part_key};

/// The changes in one page for a subscriber. Records are read whole, so a page may have more.
const PAGE: usize = 4_096;

/// Which commits of an instance are retained for subscribers that are behind.
#[derive(Debug, Clone, Copy)]
pub(super) struct Retention {
    /// The newest commits that have together at least this number of changes.
    pub(super) changes: u64,
    /// The maximum age of those.
    pub(super) age: Option<Duration>,
}

/// How many neighbours are tried in place of a record that cannot be read.
const NEAR: u64 = 8;

/// The log of one instance in one read transaction.
pub(super) struct LogReader<'r, 'd> {
    pub(super) tables: &'r Reading<'d>,
    pub(super) instance: u64,
    pub(super) identity: u64,
}

fn count(changes: &[Commit]) -> u64 {
    changes.iter().map(|commit| u64::try_from(commit.changes.len()).unwrap_or(u64::MAX)).sum()
}

/// The record that begins with a given part. Behind a part that is not full there is none, and behind a full one there may
/// be one. In format 1 a record is one row.
fn join_parts(
    format: RecordFormat,
    first: Vec<u8>,
    mut next: impl FnMut(u64) -> Result<Option<Vec<u8>>, Fault>,
) -> Result<Vec<u8>, Fault> {
    let (mut payload, mut part) = (first, 1);
    let mut is_full = format == RecordFormat::Two && payload.len() >= RECORD_PART;
    while is_full && let Some(bytes) = next(part)? {
        is_full = bytes.len() >= RECORD_PART;
        payload.extend(bytes);
        part += 1;
    }
    Ok(payload)
}

impl LogReader<'_, '_> {
    /// The extent of the log, if there is one.
    pub(super) fn extent(&self) -> Result<Option<LogExtent>, Fault> {
        let tail = self.tables.get(LOG, &log_key(self.instance, TAIL))?;
        Ok(tail.map(|tail| LogExtent::decode(&tail)).transpose()?)
    }

    /// The first part of a record, which has the revision of its first commit.
    fn first_part(&self, record: u64) -> Result<Vec<u8>, Fault> {
        self.tables.expect(LOG, &log_key(self.instance, record))
    }

    /// A whole record.
    fn payload(&self, extent: &LogExtent, record: u64) -> Result<Vec<u8>, Fault> {
        let first = self.first_part(record)?;
        join_parts(extent.format_of(record), first, |part| self.tables.get(LOG, &part_key(self.instance, record, part)))
    }

    /// All complete records of a log from one on, in order, with their numbers. A gap before the tail is damage. `from` is
    /// the key of the first row that is read.
    pub(super) fn records(
        &self,
        extent: &LogExtent,
        mut number: u64,
        from: &[u8],
    ) -> Result<impl Iterator<Item = Result<(u64, Vec<u8>), Fault>>, Fault> {
        let (instance, extent) = (self.instance, *extent);
        let mut rows = self.tables.rows_from(LOG, from, &instance_key(instance))?.peekable();
        Ok(iter::from_fn(move || {
            let (key, first) = match rows.next()? {
                Ok(row) => row,
                Err(fault) => return Some(Err(fault)),
            };
            if key == log_key(instance, TAIL) {
                return None;
            }
            if key != log_key(instance, number) {
                return Some(Err(Fault::damage(format!("record {number} of the log is missing"))));
            }
            let joined = join_parts(extent.format_of(number), first, |part| {
                let is_part = |key: &[u8]| key == part_key(instance, number, part);
                let next = rows.next_if(|row| row.as_ref().map_or(true, |(key, _)| is_part(key)));
                Ok(next.transpose()?.map(|(_, bytes)| bytes))
            });
            number += 1;
            Some(joined.map(|payload| (number - 1, payload)))
        }))
    }

    /// One page of the commits after a revision up to another one, both within the extent; at least one commit.
    ///
    /// **O(log r)** in the number of records, plus the changes of the page.
    pub(super) fn page(&self, extent: &LogExtent, after: Revision, up_to: Revision) -> Result<VecDeque<Commit>, Fault> {
        let wanted = after + 1;
        // The record of the commit is one of `low..high`.
        let (mut low, mut high) = (extent.first_record, extent.next_record);
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            // An unreadable record must not hide others: the damage is reported when that record itself is needed.
            let first = |record| Some((record, first_revision(&self.first_part(record).ok()?).ok()?));
            match (middle..high.min(middle + NEAR)).find_map(first) {
                Some((record, first)) if first <= wanted => low = record,
                _ => high = middle,
            }
        }
        let (mut page, mut changes, mut next) = (VecDeque::new(), 0, wanted);
        while changes < PAGE && next <= up_to.min(extent.revision) {
            match self.commits_from(extent, low, next) {
                Ok(commits) => {
                    for commit in commits.into_iter().filter(|commit| (next..=up_to).contains(&commit.revision)) {
                        changes += commit.changes.len();
                        page.push_back(commit);
                    }
                }
                // The commits before it are delivered first.
                Err(_) if !page.is_empty() => break,
                Err(fault) => return Err(fault),
            }
            next = page.back().map_or(next, |last: &Commit| last.revision + 1);
            low += 1;
        }
        Ok(page)
    }

    /// The commits of a record. They must not end beyond this revision without containing it.
    fn commits_from(&self, extent: &LogExtent, record: u64, revision: Revision) -> Result<Vec<Commit>, Fault> {
        let commits = decode_record(&self.payload(extent, record)?, self.identity, extent.format_of(record))?.commits;
        if commits.first().is_none_or(|first| first.revision > revision) {
            return Err(Fault::damage(format!("revision {revision} is not in record {record} of the log")));
        }
        Ok(commits)
    }

    /// The records before another one that are no longer retained at a time. `None` if there are none.
    pub(super) fn trim(
        &self,
        extent: &LogExtent,
        before: u64,
        retention: Retention,
        now: u64,
    ) -> Result<Option<Trim>, Fault> {
        let oldest =
            retention.age.map_or(0, |age| now.saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)));
        let mut trim = Trim { first_record: extent.first_record, first_revision: extent.first_revision, changes: 0 };
        while trim.first_record < before {
            let payload = self.payload(extent, trim.first_record)?;
            let format = extent.format_of(trim.first_record);
            let LogRecord { written, commits } = decode_record(&payload, self.identity, format)?;
            let changes = trim.changes.saturating_add(count(&commits));
            if extent.changes.saturating_sub(changes) < retention.changes && written >= oldest {
                break;
            }
            trim.first_record += 1;
            trim.first_revision = commits.last().map_or(trim.first_revision, |last| last.revision);
            trim.changes = changes;
        }
        Ok((trim.first_record > extent.first_record).then_some(trim))
    }

    /// Checks every record: numbered without a gap from the first that is replayed or retained, with the revisions and
    /// changes that the tail has.
    pub(super) fn check(&self, extent: &LogExtent, log_from: u64) -> Result<(), Fault> {
        let mut next_record = extent.first_record.min(log_from);
        let (mut revision, mut changes) = (extent.first_revision, 0);
        // From the first row of the instance, since no row may precede these records.
        for record in self.records(extent, next_record, &instance_key(self.instance))? {
            let (number, payload) = record?;
            if number >= extent.first_record {
                let commits = decode_record(&payload, self.identity, extent.format_of(number))?.commits;
                if commits.first().is_none_or(|first| Some(first.revision) != revision.checked_add(1)) {
                    return Err(Fault::damage(format!("record {number} of the log does not go on after {revision}")));
                }
                revision = commits.last().map_or(revision, |last| last.revision);
                changes += count(&commits);
            }
            next_record = number + 1;
        }
        let found = LogExtent { next_record, revision, changes, ..*extent };
        if found == *extent {
            Ok(())
        } else {
            Err(Fault::damage(format!("the log has {found:?} instead of {extent:?}")))
        }
    }
}
