//! The rows of a state that differ from what was written before.

use std::ops::Range;
use std::sync::Arc;

use crate::chat_id::ChatId;
use crate::label::Label;
use crate::label_id::LabelId;
use crate::state::State;
use crate::state::aliases::Aliases;
use crate::state::chats::RUN;
use crate::state::image::buckets;
use crate::state::image::header::{Extent, RowId, RowKind, narrow};
use crate::state::image::ids::put_label;
use crate::state::image::{keys, sets};
use crate::state::labels::{Slot, index};
use crate::state::pages::Pages;
use crate::state::sorted::SortedMap;

/// What the rows of a state were made of. Two marks tell which rows differ by which pieces they do not share.
///
/// Holds some six reference counts. While it is held, the first write to each piece copies it, as beside a snapshot; the
/// bitmaps and hash tables of the state are not among them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mark {
    labels: Pages<Option<Label>, 64>,
    deleted: SortedMap<LabelId, ()>,
    aliases: Aliases,
    members: Pages<Arc<[Slot]>, 128>,
    keys: Pages<u64, 512>,
    sets: Pages<u32, RUN>,
}

/// The numbers that a row covers.
fn range(id: RowId) -> Range<usize> {
    let (range, chunk) = (index(id.kind.range()), index(id.chunk));
    chunk * range..(chunk + 1) * range
}

impl Mark {
    /// Nothing was written: every row differs.
    #[cfg(test)]
    pub(crate) fn empty() -> Self {
        Self::default()
    }

    /// Every row of this state was written.
    ///
    /// **O(1)**.
    pub(crate) fn of(state: &State) -> Self {
        Self {
            labels: state.labels.slots.clone(),
            deleted: state.labels.deleted.clone(),
            aliases: state.aliases.clone(),
            members: state.sets.members.clone(),
            keys: state.chats.keys.clone(),
            sets: state.chats.sets.clone(),
        }
    }

    pub(super) fn extent(&self) -> Extent {
        Extent {
            slots: narrow(self.labels.len()),
            deleted: narrow(self.deleted.len()),
            aliases: narrow(self.aliases.len()),
            sets: narrow(self.members.len().saturating_sub(1)),
            places: narrow(self.keys.len()),
        }
    }

    /// Whether a row, which both have, is known to be the same.
    fn shares(&self, other: &Self, id: RowId) -> bool {
        match id.kind {
            RowKind::Labels => self.labels.shares(&other.labels, range(id)),
            RowKind::DeletedLabels => self.deleted.is_same(&other.deleted),
            RowKind::Aliases => self.aliases.is_same(&other.aliases),
            RowKind::LabelSets => self.members.shares(&other.members, range(id)),
            RowKind::ChatKeys => self.keys.shares(&other.keys, range(id)),
            RowKind::ChatSets => self.sets.shares(&other.sets, range(id)),
        }
    }

    /// All rows of a kind that is kept in buckets; none of another kind.
    fn buckets(&self, kind: RowKind) -> Vec<Vec<u8>> {
        let rows = self.extent().rows(kind);
        match kind {
            RowKind::DeletedLabels => buckets::encode(self.deleted.iter().map(|(id, ())| id.clone()), rows),
            RowKind::Aliases => {
                let pairs = self.aliases.iter().map(|(alias, target)| (alias.clone(), target.clone()));
                buckets::encode::<(ChatId, ChatId)>(pairs, rows)
            }
            _ => Vec::new(),
        }
    }
}

/// The rows of a state that may differ from those that were written, each with its bytes; none for a row that was
/// written and is no more. In the order of [`RowId`].
///
/// Rows are made one by one, as they are asked for. A row costs its length, and every row of the aliases or deleted ids
/// is made at once when one of them came or went since.
pub(crate) fn changed_rows<'a>(
    state: &'a State,
    since: &'a Mark,
) -> impl Iterator<Item = (RowId, Option<Vec<u8>>)> + 'a {
    let now = Mark::of(state);
    let (extent, before) = (now.extent(), since.extent());
    RowKind::ALL.into_iter().flat_map(move |kind| {
        let rows = extent.rows(kind);
        let (now, kept) = (now.clone(), before.rows(kind));
        let is_written = move |id: RowId| id.chunk < kept && now.shares(since, id);
        let changed = (0..rows).map(move |chunk| RowId { kind, chunk }).filter(move |&id| !is_written(id));
        let mut made = Vec::new();
        let changed = changed.filter_map(move |id| {
            if !matches!(kind, RowKind::DeletedLabels | RowKind::Aliases) {
                return Some((id, Some(encode(state, id))));
            }
            if made.is_empty() {
                made = changed_buckets(state, since, kind);
            }
            made.get_mut(index(id.chunk))?.take().map(|row| (id, Some(row)))
        });
        changed.chain((rows..kept).map(move |chunk| (RowId { kind, chunk }, None)))
    })
}

/// The rows of a kind that is kept in buckets, without those that were written as they are.
fn changed_buckets(state: &State, since: &Mark, kind: RowKind) -> Vec<Option<Vec<u8>>> {
    let (now, mut written) = (Mark::of(state).buckets(kind), since.buckets(kind));
    if written.len() != now.len() {
        written.clear();
    }
    let written = written.into_iter().map(Some).chain(std::iter::repeat(None));
    now.into_iter().zip(written).map(|(row, written)| Some(row).filter(|row| written.as_ref() != Some(row))).collect()
}

/// The bytes of a row that is not kept in buckets.
fn encode(state: &State, id: RowId) -> Vec<u8> {
    let Range { start, end } = range(id);
    let count = end - start;
    match id.kind {
        RowKind::Labels | RowKind::DeletedLabels | RowKind::Aliases => {
            let mut out = Vec::new();
            state.labels.slots.iter_from(start).take(count).for_each(|label| put_label(&mut out, label.as_ref()));
            out
        }
        RowKind::LabelSets => sets::encode_members(&state.sets, start, count),
        RowKind::ChatKeys => keys::encode(&state.chats, start, count),
        RowKind::ChatSets => sets::encode_places(&state.chats, start, count),
    }
}
