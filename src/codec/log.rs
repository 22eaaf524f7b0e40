//! Commits as bytes: what a log holds between two checkpoints.

use crate::codec::bytes::{Reader, put_varint};
use crate::codec::damage::Damage;
use crate::codec::ids::{chat, label, label_id, put_chat, put_label, put_label_id};
use crate::collections::number::to_u64;
use crate::model::change::{Change, Commit};
use crate::model::chat_id::ChatId;
use crate::model::label_id::LabelId;

/// What stands in front of a change. The numbers are for good.
#[derive(Clone, Copy)]
enum Kind {
    LabelCreated = 1,
    LabelUpdated = 2,
    LabelRemoved = 3,
    ChatLinked = 4,
    ChatUnlinked = 5,
    ChatsMerged = 6,
    Refreshed = 7,
    AliasRemoved = 8,
}

impl Kind {
    const ALL: [Self; 8] = [
        Self::LabelCreated,
        Self::LabelUpdated,
        Self::LabelRemoved,
        Self::ChatLinked,
        Self::ChatUnlinked,
        Self::ChatsMerged,
        Self::Refreshed,
        Self::AliasRemoved,
    ];

    const fn code(self) -> u8 {
        self as u8
    }
}

/// Writes commits that follow each other without a gap: the revision of the first, then of each the number of its
/// changes and these. A link takes about 13 bytes.
pub(crate) fn encode_commits(commits: &[Commit], out: &mut Vec<u8>) {
    debug_assert!(commits.is_sorted_by(|a, b| a.revision + 1 == b.revision), "the commits have gaps");
    let Some(first) = commits.first() else { return };
    put_varint(out, first.revision);
    for commit in commits {
        put_varint(out, to_u64(commit.changes.len()));
        commit.changes.iter().for_each(|change| put_change(out, change));
    }
}

/// Reads what [`encode_commits`] wrote of the index with this identity. Whether a state can take the changes is for [`replay`] to say.
///
/// [`replay`]: crate::state::State::replay
///
/// # Errors
///
/// [`Damage`] if these are not the bytes of commits.
pub(crate) fn decode_commits(record: &[u8], identity: u64) -> Result<Vec<Commit>, Damage> {
    let mut reader = Reader::new(record);
    let mut commits = Vec::new();
    if reader.is_empty() {
        return Ok(commits);
    }
    let mut revision = reader.varint()?;
    while !reader.is_empty() {
        let mut changes = Vec::new();
        for _ in 0..reader.varint()? {
            changes.push(change(&mut reader)?);
        }
        commits.push(Commit::new(identity, revision, changes));
        revision = revision.checked_add(1).ok_or_else(|| Damage::new("there are too many revisions"))?;
    }
    Ok(commits)
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
        Change::ChatsMerged { from, into, added } => {
            out.push(Kind::ChatsMerged.code());
            put_chat(out, from);
            put_chat(out, into);
            put_varint(out, to_u64(added.len()));
            added.iter().for_each(|label| put_label_id(out, label));
        }
        Change::Refreshed => out.push(Kind::Refreshed.code()),
        Change::AliasRemoved { from } => {
            out.push(Kind::AliasRemoved.code());
            put_chat(out, from);
        }
    }
}

fn change(reader: &mut Reader<'_>) -> Result<Change, Damage> {
    let kind = reader.byte()?;
    let known = Kind::ALL.into_iter().find(|known| known.code() == kind);
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
        Kind::ChatsMerged => {
            let (from, into): (ChatId, ChatId) = (chat(reader)?, chat(reader)?);
            let mut added: Vec<LabelId> = Vec::new();
            for _ in 0..reader.varint()? {
                added.push(label_id(reader)?);
            }
            Change::ChatsMerged { from, into, added }
        }
        Kind::Refreshed => Change::Refreshed,
        Kind::AliasRemoved => Change::AliasRemoved { from: chat(reader)? },
    })
}
