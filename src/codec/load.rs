//! Builds a state from its header and rows.

use crate::codec::bytes::Reader;
use crate::codec::damage::{Damage, require};
use crate::codec::header::{Header, Rows};
use crate::codec::keys::Keys;
use crate::codec::row_id::{RowId, RowKind};
use crate::codec::sets::{PlaceSets, decode_members};
use crate::codec::{buckets, ids};
use crate::collections::cow_hash_index::Twice;
use crate::collections::cow_vec::CowVec;
use crate::collections::number::{to_index, to_u64};
use crate::model::chat_id::ChatId;
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::state::State;
use crate::state::aliases::Aliases;
use crate::state::chats::{Chats, Record};
use crate::state::label_sets::LabelSets;
use crate::state::labels::Labels;
use crate::state::members::Members;
use crate::state::postings::Postings;

/// Collects the rows of a state, which are fed in their order, and builds the state at the end.
#[derive(Debug)]
pub(crate) struct Loader {
    header: Header,
    hash_seed: u64,
    /// The rows that are still to come.
    rows: Rows,
    labels: Vec<Option<Label>>,
    deleted: Vec<LabelId>,
    aliases: Vec<(ChatId, ChatId)>,
    members: CowVec<Members, 128>,
    keys: Keys,
    places: PlaceSets,
}

impl Loader {
    pub(crate) fn new(header: Header, hash_seed: u64) -> Self {
        Self {
            header,
            hash_seed,
            rows: header.rows(),
            labels: Vec::new(),
            deleted: Vec::new(),
            aliases: Vec::new(),
            members: CowVec::default(),
            keys: Keys::default(),
            places: PlaceSets { records: CowVec::default(), counts: Vec::new() },
        }
    }

    /// Reads the next row of [`Header::rows`].
    ///
    /// **O(length of the row)**.
    ///
    /// # Errors
    ///
    /// [`Damage`] if this is not the next row, or its bytes are no row. The loader cannot be used any more.
    pub(crate) fn feed(&mut self, id: RowId, row: &[u8]) -> Result<(), Damage> {
        let next = self.rows.next();
        require(next == Some(id), || format!("{id:?} where {next:?} should be"))?;
        self.take(id, row).map_err(|damage| damage.within(format_args!("{id:?}")))
    }

    fn take(&mut self, id: RowId, row: &[u8]) -> Result<(), Damage> {
        let extent = self.header.extent;
        // The number of the `of` items that are in this row.
        let share =
            |of: u32| to_index(id.kind.range().min(of.saturating_sub(id.chunk.saturating_mul(id.kind.range()))));
        let buckets = extent.rows(id.kind);
        match id.kind {
            RowKind::Labels => {
                let mut reader = Reader::new(row);
                for _ in 0..share(extent.slots) {
                    self.labels.push(ids::label(&mut reader)?);
                }
                reader.end()
            }
            RowKind::DeletedLabels => buckets::decode(row, id.chunk, buckets, &mut self.deleted),
            RowKind::Aliases => buckets::decode(row, id.chunk, buckets, &mut self.aliases),
            RowKind::LabelSets => decode_members(row, share(extent.sets + 1), &self.labels, &mut self.members),
            RowKind::ChatKeys => self.keys.feed(row, share(extent.places), self.header.revision),
            RowKind::ChatSets => {
                self.places.counts.resize(self.members.len().max(1), 0);
                let first = self.places.records.len();
                let keys = self.keys.keys.get(first..).unwrap_or_default();
                self.places.feed(row, share(extent.places), keys, extent.places)
            }
        }
    }

    /// Builds the state.
    ///
    /// **O(chats + pairs)**, plus sorting of labels, aliases and deleted ids.
    ///
    /// # Errors
    ///
    /// [`Damage`] if rows are missing or contradict each other: if a count in the header is not that of the rows, if an
    /// item occurs twice, or if the list of free places is broken.
    pub(crate) fn finish(mut self) -> Result<State, Damage> {
        let missing = self.rows.next();
        require(missing.is_none(), || format!("{missing:?} is missing"))?;
        let header = self.header;
        let twice = |what: String| Damage::new(format!("{what} is there twice"));
        let labels =
            Labels::bulk(&self.labels, self.deleted, header.highest).map_err(|id| twice(format!("label {id}")))?;
        let aliases = Aliases::bulk(self.aliases).map_err(|alias| twice(format!("alias {alias}")))?;
        let PlaceSets { records, mut counts } = self.places;
        counts.resize(self.members.len().max(1), 0);
        if let Some(free) = counts.first_mut() {
            *free = 0;
        }
        for (set, (members, &count)) in self.members.iter().zip(&counts).enumerate() {
            let agree = (count > 0) != members.is_empty();
            require(agree, || format!("set {set} has {} labels, and {count} chats", members.len()))?;
        }
        let sets =
            LabelSets::bulk(self.hash_seed, self.members, &counts).map_err(|set| twice(format!("label set {set}")))?;
        let (chats, repeated) = Chats::bulk(self.hash_seed, records, self.keys.texts, header.free);
        if let Some(Twice { kept, .. }) = repeated.first() {
            return Err(twice(format!("the chat at place {kept}")));
        }
        let total_rows = sets.iter().map(|(_, members, count)| u64::from(count) * to_u64(members.len())).sum();
        // Bitmaps may be much larger than rows, so they are built only once the rows are found sound.
        require(total_rows == header.total_rows, || {
            format!("there are {total_rows} pairs, not {}", header.total_rows)
        })?;
        let slots_of = |record: &Record| record.taken().map(|set| sets.members(set)).unwrap_or_default();
        let postings = Postings::bulk(labels.slot_count(), chats.records.iter().map(slots_of));
        let state = State {
            revision: header.revision,
            identity: header.identity,
            refresh_state: header.refresh_state,
            total_rows,
            labels,
            aliases,
            chats,
            sets,
            postings,
            vacated: Vec::new(),
        };
        check(&state, &header)?;
        Ok(state)
    }
}

/// Checks what reading the rows one by one cannot.
fn check(state: &State, header: &Header) -> Result<(), Damage> {
    let found = Header::of(state);
    require(found == *header, || format!("the rows make {found:?}, and the header says {header:?}"))?;
    let decimals = state.labels.iter().map(|label| label.id()).chain(state.labels.deleted.iter().map(|(id, ())| id));
    let highest = decimals.filter_map(|id| id.decimal()).max().unwrap_or(0);
    require(highest <= header.highest, || format!("label {highest} is above the highest"))?;
    let both = state.labels.deleted.iter().find(|(id, ())| state.labels.slot(id).is_some());
    require(both.is_none(), || format!("{both:?} is live and deleted"))?;
    for (alias, target) in state.aliases.iter() {
        let last = state.aliases.target(target).is_none() && state.chats.find(alias).is_none();
        require(last, || format!("{alias} means {target}, which is an alias too, or it has labels of its own"))?;
    }
    check_free_list(state, header)
}

/// Requires that the list of free places has each of them once, in the order in which they became free.
fn check_free_list(state: &State, header: &Header) -> Result<(), Damage> {
    let not_a_list = || Damage::new("the list of free places is broken");
    let (mut next, mut last, mut before) = (header.free.map(|(first, _)| first), None, 0);
    // A list that ends after as many places as are free has no place twice.
    for _ in header.chats..header.extent.places {
        let place = next.ok_or_else(not_a_list)?;
        let (freed, behind) = state.chats.free_at(place).ok_or_else(not_a_list)?;
        require(before <= freed, || format!("place {place} became free before the one in front of it"))?;
        (next, last, before) = (behind, Some(place), freed);
    }
    let ends = next.is_none() && last == header.free.map(|(_, last)| last);
    if ends { Ok(()) } else { Err(not_a_list()) }
}
