//! Finds and encodes the rows that changed since they were last written.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use crate::codec::buckets;
use crate::codec::ids::{put_chat, put_label, put_label_id};
use crate::codec::row_id::{Extent, RowId, RowKind};
use crate::codec::{keys, sets};
use crate::collections::cow_btree_map::CowBTreeMap;
use crate::collections::cow_vec::CowVec;
use crate::collections::number::{to_index, to_u32};
use crate::model::chat_id::ChatId;
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::state::State;
use crate::state::aliases::Aliases;
use crate::state::chats::{RUN, Record, text_number};
use crate::state::members::Members;

/// The containers from which the rows of a state were encoded. Two baselines show which rows differ by comparing the
/// pages that they do not share.
///
/// Holds some six reference counts. While it is held, the first write to each page or node copies it, as beside a
/// snapshot; lists of places and hash tables are not held.
#[derive(Debug, Clone, Default)]
pub(crate) struct Baseline {
    labels: CowVec<Option<Label>, 64>,
    deleted: CowBTreeMap<LabelId, ()>,
    aliases: Aliases,
    members: CowVec<Members, 128>,
    records: CowVec<Record, RUN>,
    texts: CowVec<Option<Arc<str>>, 128>,
}

/// The numbers that a row covers.
fn range(id: RowId) -> Range<usize> {
    let (range, chunk) = (to_index(id.kind.range()), to_index(id.chunk));
    chunk * range..(chunk + 1) * range
}

impl Baseline {
    /// The baseline when nothing was written: every row differs.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// The baseline when every row of this state was written.
    ///
    /// **O(1)**.
    pub(crate) fn of(state: &State) -> Self {
        Self {
            labels: state.labels.slots.clone(),
            deleted: state.labels.deleted.clone(),
            aliases: state.aliases.clone(),
            members: state.sets.members.clone(),
            records: state.chats.records.clone(),
            texts: state.chats.texts.clone(),
        }
    }

    pub(super) fn extent(&self) -> Extent {
        Extent {
            slots: to_u32(self.labels.len()),
            deleted: to_u32(self.deleted.len()),
            aliases: to_u32(self.aliases.len()),
            sets: to_u32(self.members.len().saturating_sub(1)),
            places: to_u32(self.records.len()),
        }
    }

    /// Whether a row that both have is known to be unchanged.
    fn shares(&self, other: &Self, id: RowId) -> bool {
        match id.kind {
            RowKind::Labels => self.labels.agrees(&other.labels, range(id), |a, b| a == b),
            RowKind::DeletedLabels => self.deleted.is_same(&other.deleted),
            RowKind::Aliases => self.aliases.is_same(&other.aliases),
            RowKind::LabelSets => self.members.agrees(&other.members, range(id), |a, b| a == b),
            RowKind::ChatKeys => self.records.agrees(&other.records, range(id), |a, b| self.chat(a) == other.chat(b)),
            RowKind::ChatSets => self.records.agrees(&other.records, range(id), |a, b| a.set() == b.set()),
        }
    }

    /// The key of a record, and its text: the same number of a text may refer to different texts in two versions.
    fn chat(&self, record: &Record) -> (u64, Option<&str>) {
        let text = text_number(record.key()).and_then(|number| self.texts.get(to_index(number))?.as_deref());
        (record.key(), text)
    }

    /// The changed rows of a kind that is stored in buckets: all if the number of buckets changed, otherwise those of
    /// the entries that differ.
    fn changed_buckets(&self, since: &Self, kind: RowKind, buckets: u32, before: u32) -> Vec<ChangedRow> {
        let asked: BTreeSet<u32> = match kind {
            _ if buckets != before => (0..buckets).collect(),
            RowKind::Aliases => {
                let differing = self.aliases.differing(&since.aliases);
                differing.map(|alias| buckets::bucket(|key| put_chat(key, alias), buckets)).collect()
            }
            _ => {
                let differing = self.deleted.differing_keys(&since.deleted).into_iter();
                differing.map(|id| buckets::bucket(|key| put_label_id(key, id), buckets)).collect()
            }
        };
        if asked.is_empty() {
            return Vec::new();
        }
        let rows = match kind {
            RowKind::Aliases => buckets::encode(self.aliases(), buckets, &asked),
            _ => buckets::encode(self.deleted(), buckets, &asked),
        };
        rows.into_iter().map(|(chunk, row)| (RowId { kind, chunk }, Some(row))).collect()
    }

    fn deleted(&self) -> impl Iterator<Item = LabelId> {
        self.deleted.iter().map(|(id, ())| id.clone())
    }

    fn aliases(&self) -> impl Iterator<Item = (ChatId, ChatId)> {
        self.aliases.iter().map(|(alias, target)| (alias.clone(), target.clone()))
    }
}

/// A row and its bytes; `None` for a row that no longer exists.
pub(crate) type ChangedRow = (RowId, Option<Vec<u8>>);

/// Encodes a row: the state, its first number, and how many there are.
type Encode = fn(&State, usize, usize) -> Vec<u8>;

/// The rows of a state that differ from those of a baseline, and the rows that no longer exist.
///
/// Rows are encoded as the iterator is advanced, each at the cost of its length. The changed rows of aliases are
/// encoded at once, in a pass over all aliases, and so are those of deleted ids.
pub(crate) fn changed_rows<'a>(state: &'a State, since: &'a Baseline) -> impl Iterator<Item = ChangedRow> + 'a {
    let ranges: [(RowKind, Encode); 4] = [
        (RowKind::Labels, encode_labels),
        (RowKind::LabelSets, |state, first, count| sets::encode_members(&state.sets, first, count)),
        (RowKind::ChatKeys, |state, first, count| keys::encode(&state.chats, first, count)),
        (RowKind::ChatSets, |state, first, count| sets::encode_places(&state.chats, first, count)),
    ];
    let now = Baseline::of(state);
    let (extent, before) = (now.extent(), since.extent());
    let gone = RowKind::ALL
        .into_iter()
        .flat_map(move |kind| (extent.rows(kind)..before.rows(kind)).map(move |chunk| (RowId { kind, chunk }, None)));
    let with_ranges = now.clone();
    let in_ranges = ranges.into_iter().flat_map(move |(kind, encode)| {
        let now = with_ranges.clone();
        let ids = (0..extent.rows(kind)).map(move |chunk| RowId { kind, chunk });
        ids.filter(move |&id| id.chunk >= before.rows(kind) || !now.shares(since, id)).map(move |id| {
            let Range { start, end } = range(id);
            (id, Some(encode(state, start, end - start)))
        })
    });
    let in_buckets = [RowKind::DeletedLabels, RowKind::Aliases]
        .into_iter()
        .flat_map(move |kind| now.changed_buckets(since, kind, extent.rows(kind), before.rows(kind)));
    in_ranges.chain(in_buckets).chain(gone)
}

fn encode_labels(state: &State, first: usize, count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    state.labels.slots.iter_from(first).take(count).for_each(|label| put_label(&mut out, label.as_ref()));
    out
}
