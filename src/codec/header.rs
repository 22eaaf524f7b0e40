//! What a state has besides its rows, and which rows those are.

use crate::codec::bytes::{Reader, put_uint, put_varint};
use crate::codec::damage::{Damage, require};
use crate::codec::rows::Baseline;
use crate::collections::number::{to_u32, to_u64};
use crate::model::change::{Place, Revision};
use crate::model::chat_id::CompactId;
use crate::model::label_id::LabelId;
use crate::model::op::RefreshState;
use crate::state::State;
use crate::state::chats::Chats;

/// What a row holds, in the order in which rows are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum RowKind {
    /// The labels of a range of slots.
    Labels = 1,
    /// A bucket of the ids that were deleted.
    DeletedLabels = 2,
    /// A bucket of aliases.
    Aliases = 3,
    /// The members of a range of label sets.
    LabelSets = 4,
    /// The chats of a range of places.
    ChatKeys = 5,
    /// The label sets of a range of places.
    ChatSets = 6,
}

impl RowKind {
    pub(super) const ALL: [Self; 6] =
        [Self::Labels, Self::DeletedLabels, Self::Aliases, Self::LabelSets, Self::ChatKeys, Self::ChatSets];

    const fn code(self) -> u8 {
        self as u8
    }

    /// How many slots, sets or places a row covers, a multiple of the page of the vector that they are in; in a bucket,
    /// the most entries on average.
    ///
    /// Stores give a value that is larger than a page a power of two of them. So rows of a large account are just below
    /// 64 KiB: with 7 bytes a key, or with 6.2 as the phone numbers and groups of a CRM have on average, and with up to
    /// 4,096 label sets.
    pub(super) const fn range(self) -> u32 {
        match self {
            Self::Labels => 64,
            Self::DeletedLabels | Self::Aliases => 512,
            Self::LabelSets => 1_024,
            Self::ChatKeys => 9 * 1_024,
            Self::ChatSets => 42 * 1_024,
        }
    }
}

/// The name of a row within its state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RowId {
    pub(crate) kind: RowKind,
    /// Counts from 0 within the kind.
    pub(crate) chunk: u32,
}

impl RowId {
    /// Five bytes, in the order of the ids.
    pub(crate) fn encode(self) -> [u8; 5] {
        let [a, b, c, d] = self.chunk.to_be_bytes();
        [self.kind.code(), a, b, c, d]
    }

    /// # Errors
    ///
    /// [`Damage`] if there is no such kind of row.
    #[cfg(test)]
    pub(crate) fn decode([kind, a, b, c, d]: [u8; 5]) -> Result<Self, Damage> {
        let known = RowKind::ALL.into_iter().find(|known| known.code() == kind);
        let kind = known.ok_or_else(|| Damage::new(format!("{kind} is no kind of row")))?;
        Ok(Self { kind, chunk: u32::from_be_bytes([a, b, c, d]) })
    }
}

/// How much there is of what rows are made of, and so which rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) slots: u32,
    pub(super) deleted: u32,
    pub(super) aliases: u32,
    /// The highest number of a label set.
    pub(super) sets: u32,
    pub(super) places: u32,
}

impl Extent {
    /// How many rows of a kind there are.
    pub(super) fn rows(self, kind: RowKind) -> u32 {
        let of = |number: u32| number.div_ceil(kind.range());
        let buckets = |number: u32| if number == 0 { 0 } else { number.next_power_of_two() };
        match kind {
            RowKind::Labels => of(self.slots),
            RowKind::DeletedLabels => buckets(of(self.deleted)),
            RowKind::Aliases => buckets(of(self.aliases)),
            // Number 0 is that of the set without labels.
            RowKind::LabelSets => {
                if self.sets == 0 {
                    0
                } else {
                    self.sets / kind.range() + 1
                }
            }
            RowKind::ChatKeys | RowKind::ChatSets => of(self.places),
        }
    }
}

/// What a state has besides its rows: its revision and identity, and counts that the rows are checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) revision: Revision,
    pub(crate) refresh_state: RefreshState,
    pub(crate) identity: u64,
    /// How many chats have labels.
    pub(crate) chats: u32,
    /// How many pairs there are.
    pub(crate) total_rows: u64,
    /// How many labels are live.
    pub(crate) labels: u32,
    /// The highest decimal id of a label, live or deleted.
    pub(super) highest: u32,
    /// How many distinct label sets chats have.
    pub(super) live_sets: u32,
    pub(super) extent: Extent,
    /// The first and the last free place.
    pub(super) free: Option<(Place, Place)>,
}

impl Header {
    pub(crate) fn of(state: &State) -> Self {
        Self {
            revision: state.revision,
            refresh_state: state.refresh_state,
            identity: state.identity,
            chats: u32::try_from(state.total_chats()).unwrap_or(u32::MAX),
            total_rows: state.total_rows,
            labels: to_u32(state.labels.len()),
            highest: state.labels.highest,
            live_sets: to_u32(state.sets.live()),
            extent: Baseline::of(state).extent(),
            free: state.chats.free_list(),
        }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let Extent { slots, deleted, aliases, sets, places } = self.extent;
        let refreshed = match self.refresh_state {
            RefreshState::Never => 0,
            RefreshState::Done { revision } => revision + 1,
        };
        let (first, last) = self.free.map_or((0, 0), |(first, last)| (u64::from(first) + 1, u64::from(last) + 1));
        let mut out = Vec::new();
        put_uint(&mut out, self.identity, 8);
        for number in [self.revision, refreshed, self.total_rows, first, last] {
            put_varint(&mut out, number);
        }
        for number in [self.chats, self.labels, self.highest, self.live_sets, slots, deleted, aliases, sets, places] {
            put_varint(&mut out, u64::from(number));
        }
        out
    }

    /// # Errors
    ///
    /// [`Damage`] if no state has these bytes as its header.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, Damage> {
        let mut reader = Reader::new(bytes);
        let identity = reader.uint(8)?;
        let revision = reader.varint()?;
        let refresh_state =
            reader.varint()?.checked_sub(1).map_or(RefreshState::Never, |revision| RefreshState::Done { revision });
        let total_rows = reader.varint()?;
        let mut end = || Ok(reader.number::<u32>()?.checked_sub(1));
        let ends: (Option<Place>, Option<Place>) = (end()?, end()?);
        let header = Self {
            revision,
            refresh_state,
            identity,
            total_rows,
            free: ends.0.zip(ends.1),
            chats: reader.number()?,
            labels: reader.number()?,
            highest: reader.number()?,
            live_sets: reader.number()?,
            extent: Extent {
                slots: reader.number()?,
                deleted: reader.number()?,
                aliases: reader.number()?,
                sets: reader.number()?,
                places: reader.number()?,
            },
        };
        reader.end()?;
        header.check(ends)?;
        Ok(header)
    }

    /// Requires what holds of every state.
    fn check(&self, ends: (Option<Place>, Option<Place>)) -> Result<(), Damage> {
        let Self { revision, extent, .. } = *self;
        if let RefreshState::Done { revision: refreshed } = self.refresh_state {
            require(refreshed <= revision, || format!("refreshed at {refreshed}, which is after {revision}"))?;
        }
        let within = self.free.is_none_or(|(first, last)| first.max(last) < extent.places);
        let sound = within
            && revision >> CompactId::NUMBER_BITS == 0
            && ends.0.is_some() == ends.1.is_some()
            && self.free.is_some() == (self.chats < extent.places)
            && self.chats <= extent.places
            && self.labels <= extent.slots
            && self.live_sets <= extent.sets
            && extent.sets < u32::MAX
            && to_u64(Chats::MAX) >= u64::from(extent.places)
            && self.highest <= LabelId::MAX_DECIMAL;
        require(sound, || format!("the counts do not go together: {self:?}"))
    }

    /// The rows that a state with this header has, in the order in which they are loaded.
    pub(crate) fn rows(&self) -> Rows {
        Rows { extent: self.extent, kinds: RowKind::ALL.into_iter(), kind: RowKind::Labels, next: 0, end: 0 }
    }
}

/// The rows that a state has, in order. See [`Header::rows`].
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    extent: Extent,
    kinds: std::array::IntoIter<RowKind, 6>,
    kind: RowKind,
    next: u32,
    end: u32,
}

impl Iterator for Rows {
    type Item = RowId;

    fn next(&mut self) -> Option<RowId> {
        while self.next == self.end {
            self.kind = self.kinds.next()?;
            (self.next, self.end) = (0, self.extent.rows(self.kind));
        }
        self.next += 1;
        Some(RowId { kind: self.kind, chunk: self.next - 1 })
    }
}
