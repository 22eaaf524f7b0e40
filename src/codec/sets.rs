//! Rows with label sets, and with the label set of each place.

use crate::codec::bytes::{Reader, put_signed, put_varint};
use crate::codec::damage::{Damage, require};
use crate::codec::pack::{Unpack, pack, width_of};
use crate::collections::cow_vec::CowVec;
use crate::collections::number::{to_index, to_u32, to_u64};
use crate::model::change::Place;
use crate::model::label::Label;
use crate::state::chats::{Chats, RUN, Record};
use crate::state::label_sets::{EMPTY, LabelSets};
use crate::state::labels::Slot;
use crate::state::members::Members;

/// Encodes the row of the sets from `first` on: for each set the number of its members, and each member as the
/// difference from the one before.
pub(super) fn encode_members(sets: &LabelSets, first: usize, count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for members in sets.members.iter_from(first).take(count) {
        put_varint(&mut out, to_u64(members.len()));
        let mut before = 0;
        for &slot in members.iter() {
            put_signed(&mut out, i64::from(slot) - before);
            before = i64::from(slot);
        }
    }
    out
}

/// Encodes the row of the places from `first` on: for each place the number of its set, [`EMPTY`] if it is free; then
/// for each free place the distance to the next free one.
pub(super) fn encode_places(chats: &Chats, first: usize, count: usize) -> Vec<u8> {
    let places = || chats.records.iter_from(first).take(count).map(|record| record.taken().unwrap_or(EMPTY));
    let width = width_of(places().max().unwrap_or_default());
    let mut out = vec![u8::try_from(width).unwrap_or_default()];
    pack(&mut out, width, places());
    for place in (to_u32(first)..).take(count) {
        if let Some((_, next)) = chats.free_at(place) {
            // The last free place has distance 0.
            put_signed(&mut out, next.map_or(0, |next| i64::from(next) - i64::from(place)));
        }
    }
    out
}

/// Reads the `count` sets of a row. Members that are not in label order are damage.
pub(super) fn decode_members(
    row: &[u8],
    count: usize,
    labels: &[Option<Label>],
    sets: &mut CowVec<Members, 128>,
) -> Result<(), Damage> {
    let mut reader = Reader::new(row);
    let mut members: Vec<Slot> = Vec::new();
    for _ in 0..count {
        members.clear();
        let (mut before, mut last) = (0, None);
        for _ in 0..reader.varint()? {
            let slot = reader.signed()?.checked_add(before).and_then(|slot| Slot::try_from(slot).ok());
            let label = slot.and_then(|slot| Some((slot, labels.get(to_index(slot))?.as_ref()?.id())));
            let (slot, id) =
                label.ok_or_else(|| Damage::new(format!("set {} has a label that is not there", sets.len())))?;
            require(last < Some(id), || format!("the labels of set {} are not in order", sets.len()))?;
            (before, last) = (i64::from(slot), Some(id));
            members.push(slot);
        }
        sets.push(members.as_slice().into());
    }
    reader.end()
}

/// The records of places, and the number of places with each set.
#[derive(Debug)]
pub(super) struct PlaceSets {
    pub(super) records: CowVec<Record, RUN>,
    /// By the number of the set. A set without an entry here does not exist.
    pub(super) counts: Vec<u32>,
}

impl PlaceSets {
    /// Adds the `count` places of a row, whose keys are given.
    pub(super) fn feed(&mut self, row: &[u8], count: usize, keys: &[u64], places: u32) -> Result<(), Damage> {
        let mut reader = Reader::new(row);
        let width = reader.byte()?;
        let mut numbers = Unpack::new(&mut reader, width.into(), count)?;
        let first = to_u32(self.records.len());
        let mut records: Vec<Record> = Vec::with_capacity(count);
        for (place, &key) in (first..).zip(keys.iter().take(count)) {
            let set = numbers.next();
            let agree = (set == EMPTY) == Chats::is_free_key(key);
            require(agree, || format!("place {place} is free by its key or by its set, but not by both"))?;
            let count = self.counts.get_mut(to_index(set));
            *count.ok_or_else(|| Damage::new(format!("place {place} has set {set}, which is not there")))? += 1;
            records.push(Record::new(key, set));
        }
        for (place, record) in (first..).zip(&mut records).filter(|(_, record)| record.set() == EMPTY) {
            let next = reader.signed()?.checked_add(i64::from(place)).and_then(|next| Place::try_from(next).ok());
            let next = next.filter(|&next| next < places);
            let next = next.ok_or_else(|| Damage::new(format!("the free place behind {place} does not exist")))?;
            *record = Record::new(record.key(), Chats::free_mark(Some(next).filter(|&next| next != place)));
        }
        self.records.extend_from_slice(&records);
        reader.end()
    }
}
