//! Records of a log: commits as bytes.

use crate::codec::bytes::{Reader, put_varint};
use crate::codec::damage::Damage;
use crate::codec::ids::{chat, label, label_id, put_chat, put_label, put_label_id};
use crate::collections::number::to_u64;
use crate::model::change::{Change, Commit, Revision};
use crate::model::label_id::LabelId;

/// The first byte of a change. The numbers are part of the format and never change.
#[derive(Clone, Copy)]
enum Kind {
    LabelCreated = 1,
    LabelUpdated = 2,
    LabelRemoved = 3,
    ChatLinked = 4,
    ChatUnlinked = 5,
    /// Without the labels that `from` had: format 1.
    ChatsMergedBefore = 6,
    Refreshed = 7,
    AliasRemoved = 8,
    ChatsMerged = 9,
}

impl Kind {
    const ALL: [Self; 9] = [
        Self::LabelCreated,
        Self::LabelUpdated,
        Self::LabelRemoved,
        Self::ChatLinked,
        Self::ChatUnlinked,
        Self::ChatsMergedBefore,
        Self::Refreshed,
        Self::AliasRemoved,
        Self::ChatsMerged,
    ];

    const fn code(self) -> u8 {
        self as u8
    }
}

/// A decoded record of a log.
#[derive(Debug)]
pub(crate) struct LogRecord {
    /// When it was written, in milliseconds since 1970; 0 in format 1, which does not store it.
    pub(crate) written: u64,
    pub(crate) commits: Vec<Commit>,
}

/// The two forms of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RecordFormat {
    /// Without the time, and without the labels that `from` of a merge had: these decode as none.
    One,
    Two,
}

/// Writes commits that follow each other without a gap: the time, the revision of the first, then for each commit the
/// number of its changes and the changes. A link takes about 13 bytes.
pub(crate) fn encode_record(written: u64, commits: &[Commit], out: &mut Vec<u8>) {
    debug_assert!(commits.is_sorted_by(|a, b| a.revision + 1 == b.revision), "the commits have gaps");
    let Some(first) = commits.first() else { return };
    put_varint(out, written);
    put_varint(out, first.revision);
    for commit in commits {
        put_varint(out, to_u64(commit.changes.len()));
        commit.changes.iter().for_each(|change| put_change(out, change));
    }
}

/// Reads what [`encode_record`] wrote for the index with this identity. [`replay`] checks whether a state can take the
/// changes.
///
/// [`replay`]: crate::state::State::replay
///
/// # Errors
///
/// [`Damage`] if these are not the bytes of commits.
pub(crate) fn decode_record(record: &[u8], identity: u64, format: RecordFormat) -> Result<LogRecord, Damage> {
    let mut reader = Reader::new(record);
    let mut commits = Vec::new();
    let written = if format == RecordFormat::One { 0 } else { reader.varint()? };
    let mut revision = reader.varint()?;
    while !reader.is_empty() {
        let mut changes = Vec::new();
        for _ in 0..reader.varint()? {
            changes.push(change(&mut reader, format)?);
        }
        commits.push(Commit::new(identity, revision, changes));
        revision = revision.checked_add(1).ok_or_else(|| Damage::new("there are too many revisions"))?;
    }
    Ok(LogRecord { written, commits })
}

/// The revision of the first commit of a record of format 2, without reading the others.
///
/// # Errors
///
/// As [`decode_record`].
pub(crate) fn first_revision(record: &[u8]) -> Result<Revision, Damage> {
    let mut reader = Reader::new(record);
    let _written = reader.varint()?;
    reader.varint()
}

fn put_change(out: &mut Vec<u8>, change: &Change) {
    match change {
        Change::LabelCreated { label } => {
            out.push(Kind::LabelCreated.code());
            put_label(out, Some(label));
        }
        Change::LabelUpdated { label } => {
            out.push(Kind::LabelUpdated.code());
            put_label(out, Some(label));
        }
        Change::LabelRemoved { label, links } => {
            out.push(Kind::LabelRemoved.code());
            put_label_id(out, label);
            put_varint(out, *links);
        }
        Change::ChatLinked { label, chat, place } => {
            out.push(Kind::ChatLinked.code());
            put_label_id(out, label);
            put_chat(out, chat);
            put_varint(out, u64::from(*place));
        }
        Change::ChatUnlinked { label, chat } => {
            out.push(Kind::ChatUnlinked.code());
            put_label_id(out, label);
            put_chat(out, chat);
        }
        Change::ChatsMerged { from, into, removed, added } => {
            out.push(Kind::ChatsMerged.code());
            put_chat(out, from);
            put_chat(out, into);
            put_label_ids(out, removed);
            put_label_ids(out, added);
        }
        Change::Refreshed => out.push(Kind::Refreshed.code()),
        Change::AliasRemoved { from } => {
            out.push(Kind::AliasRemoved.code());
            put_chat(out, from);
        }
    }
}

fn put_label_ids(out: &mut Vec<u8>, labels: &[LabelId]) {
    put_varint(out, to_u64(labels.len()));
    labels.iter().for_each(|label| put_label_id(out, label));
}

fn label_ids(reader: &mut Reader<'_>) -> Result<Vec<LabelId>, Damage> {
    let mut labels = Vec::new();
    for _ in 0..reader.varint()? {
        labels.push(label_id(reader)?);
    }
    Ok(labels)
}

fn change(reader: &mut Reader<'_>, format: RecordFormat) -> Result<Change, Damage> {
    let kind = reader.byte()?;
    let other_format = if format == RecordFormat::One { Kind::ChatsMerged } else { Kind::ChatsMergedBefore };
    let mut kinds = Kind::ALL.into_iter().filter(|known| known.code() != other_format.code());
    let known = kinds.find(|known| known.code() == kind);
    let some_label =
        |reader: &mut Reader<'_>| label(reader)?.ok_or_else(|| Damage::new("no label where one should be"));
    Ok(match known.ok_or_else(|| Damage::new(format!("{kind} is no kind of change")))? {
        Kind::LabelCreated => Change::LabelCreated { label: some_label(reader)? },
        Kind::LabelUpdated => Change::LabelUpdated { label: some_label(reader)? },
        Kind::LabelRemoved => Change::LabelRemoved { label: label_id(reader)?, links: reader.varint()? },
        Kind::ChatLinked => {
            Change::ChatLinked { label: label_id(reader)?, chat: chat(reader)?, place: reader.number()? }
        }
        Kind::ChatUnlinked => Change::ChatUnlinked { label: label_id(reader)?, chat: chat(reader)? },
        Kind::ChatsMergedBefore => {
            let (from, into) = (chat(reader)?, chat(reader)?);
            Change::ChatsMerged { from, into, removed: Vec::new(), added: label_ids(reader)? }
        }
        Kind::ChatsMerged => {
            let (from, into) = (chat(reader)?, chat(reader)?);
            Change::ChatsMerged { from, into, removed: label_ids(reader)?, added: label_ids(reader)? }
        }
        Kind::Refreshed => Change::Refreshed,
        Kind::AliasRemoved => Change::AliasRemoved { from: chat(reader)? },
    })
}
