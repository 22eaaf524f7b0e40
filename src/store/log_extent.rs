//! The extent of an instance's log.

use crate::codec::{Damage, RecordFormat};
use crate::model::change::Revision;
use crate::store::tables::{Fields, fields};

/// The tail of a log: its end, and the first commit that is retained for subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LogExtent {
    /// The number of the next record.
    pub(super) next_record: u64,
    /// D4: the revision of the last commit.
    pub(super) revision: Revision,
    /// The first record that is retained for subscribers. Records before it, in a store that was written in format 1, are
    /// only replayed.
    pub(super) first_record: u64,
    /// The revision before the first commit of that record.
    pub(super) first_revision: Revision,
    /// D6: the changes in the records from that one on.
    pub(super) changes: u64,
}

/// Records of a log that are not retained any more, from its first one on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trim {
    /// The first record that stays, and the revision before it.
    pub(super) first_record: u64,
    pub(super) first_revision: Revision,
    /// How many changes go.
    pub(super) changes: u64,
}

impl LogExtent {
    /// A log without a record, behind a revision.
    pub(super) fn empty(revision: Revision) -> Self {
        Self { next_record: 0, revision, first_record: 0, first_revision: revision, changes: 0 }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let Self { next_record, revision, first_record, first_revision, changes } = *self;
        fields(&[next_record, revision, first_record, first_revision, changes])
    }

    /// Reads the tail of a log. In format 1 it has two numbers, and nothing is retained.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut bytes = Fields(bytes);
        let (next_record, revision) = (bytes.number()?, bytes.number()?);
        let former = Self { next_record, revision, first_record: next_record, first_revision: revision, changes: 0 };
        if bytes.0.is_empty() {
            return Ok(former);
        }
        let (first_record, first_revision, changes) = (bytes.number()?, bytes.number()?, bytes.number()?);
        bytes.end()?;
        let extent = Self { first_record, first_revision, changes, ..former };
        let (records, commits) = (next_record.checked_sub(first_record), revision.checked_sub(first_revision));
        match (records, commits) {
            (Some(0), Some(0)) if changes == 0 => Ok(extent),
            (Some(records), Some(commits)) if (1..=commits).contains(&records) && changes >= commits => Ok(extent),
            _ => Err(Damage::new(format!("the tail of the log says {extent:?}"))),
        }
    }

    /// The encoding of the record with a number.
    pub(super) fn format_of(&self, record: u64) -> RecordFormat {
        if record < self.first_record { RecordFormat::One } else { RecordFormat::Two }
    }

    /// The extent with one more record.
    pub(super) fn with_record(self, revision: Revision, changes: u64) -> Self {
        Self { next_record: self.next_record + 1, revision, changes: self.changes.saturating_add(changes), ..self }
    }

    /// The extent without the records that are no longer retained.
    pub(super) fn without(self, trim: &Trim) -> Self {
        Self {
            first_record: trim.first_record,
            first_revision: trim.first_revision,
            changes: self.changes.saturating_sub(trim.changes),
            ..self
        }
    }
}
