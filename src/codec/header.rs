//! The header of an image, and the list of its rows.

use crate::codec::bytes::{Reader, put_uint, put_varint};
use crate::codec::damage::{Damage, require};
use crate::codec::row_id::{Extent, RowId, RowKind};
use crate::codec::rows::Baseline;
use crate::collections::number::{to_u32, to_u64};
use crate::model::change::{MAX_REVISION, Place, Revision};
use crate::model::label_id::LabelId;
use crate::model::op::RefreshState;
use crate::state::State;
use crate::state::chats::Chats;

/// The part of an image beside its rows: revision, identity, and counts that the rows are checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) revision: Revision,
    pub(crate) refresh_state: RefreshState,
    pub(crate) identity: u64,
    /// The number of chats with labels.
    pub(crate) chats: u32,
    /// The number of pairs.
    pub(crate) total_rows: u64,
    /// The number of live labels.
    pub(crate) labels: u32,
    /// The highest decimal id of a label, live or deleted.
    pub(super) highest: u32,
    /// The number of distinct label sets that chats have.
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

    /// Checks the conditions that every state meets.
    fn check(&self, ends: (Option<Place>, Option<Place>)) -> Result<(), Damage> {
        let Self { revision, extent, .. } = *self;
        if let RefreshState::Done { revision: refreshed } = self.refresh_state {
            require(refreshed <= revision, || format!("refreshed at {refreshed}, which is after {revision}"))?;
        }
        let within = self.free.is_none_or(|(first, last)| first.max(last) < extent.places);
        let sound = within
            && revision <= MAX_REVISION
            && ends.0.is_some() == ends.1.is_some()
            && self.free.is_some() == (self.chats < extent.places)
            && self.chats <= extent.places
            && self.labels <= extent.slots
            && self.live_sets <= extent.sets
            && extent.sets < u32::MAX
            && to_u64(Chats::MAX) >= u64::from(extent.places)
            && self.highest <= LabelId::MAX_DECIMAL;
        require(sound, || format!("the counts contradict each other: {self:?}"))
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
