//! Rows of maps with text keys: a hash of the key chooses the row of an entry, so that a new entry changes one row.

use std::collections::{BTreeMap, BTreeSet};

use twox_hash::XxHash3_64;

use crate::codec::bytes::Reader;
use crate::codec::damage::{Damage, require};
use crate::codec::ids::{chat, label_id, put_chat, put_label_id};
use crate::collections::number::to_u64;
use crate::model::chat_id::ChatId;
use crate::model::label_id::LabelId;

/// The bucket of an encoded key; `buckets` is a power of two. Part of the format: no version of this crate may change
/// it.
fn bucket_of(key: &[u8], buckets: u32) -> u32 {
    let low = XxHash3_64::oneshot(key) & u64::from(buckets.saturating_sub(1));
    u32::try_from(low).unwrap_or_default()
}

/// The bucket of the entry whose key `put_key` encodes.
pub(super) fn bucket(put_key: impl FnOnce(&mut Vec<u8>), buckets: u32) -> u32 {
    let mut key = Vec::new();
    put_key(&mut key);
    bucket_of(&key, buckets)
}

/// An entry of a map.
pub(super) trait Entry: Sized {
    fn put_key(&self, out: &mut Vec<u8>);
    fn put_value(&self, out: &mut Vec<u8>);
    fn read(reader: &mut Reader<'_>) -> Result<Self, Damage>;
}

/// The id of a deleted label.
impl Entry for LabelId {
    fn put_key(&self, out: &mut Vec<u8>) {
        put_label_id(out, self);
    }

    fn put_value(&self, _: &mut Vec<u8>) {}

    fn read(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        label_id(reader)
    }
}

/// An alias and its target.
impl Entry for (ChatId, ChatId) {
    fn put_key(&self, out: &mut Vec<u8>) {
        put_chat(out, &self.0);
    }

    fn put_value(&self, out: &mut Vec<u8>) {
        put_chat(out, &self.1);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Damage> {
        Ok((chat(reader)?, chat(reader)?))
    }
}

/// Encodes the requested rows of a map that has `buckets` rows.
pub(super) fn encode<E: Entry>(
    entries: impl Iterator<Item = E>,
    buckets: u32,
    asked: &BTreeSet<u32>,
) -> BTreeMap<u32, Vec<u8>> {
    let mut rows: BTreeMap<u32, Vec<u8>> = asked.iter().map(|&bucket| (bucket, Vec::new())).collect();
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.clear();
        entry.put_key(&mut bytes);
        if let Some(row) = rows.get_mut(&bucket_of(&bytes, buckets)) {
            entry.put_value(&mut bytes);
            row.extend_from_slice(&bytes);
        }
    }
    rows
}

/// Reads the entries of one row.
pub(super) fn decode<E: Entry>(row: &[u8], bucket: u32, buckets: u32, entries: &mut Vec<E>) -> Result<(), Damage> {
    let mut reader = Reader::new(row);
    let (before, mut key) = (entries.len(), Vec::new());
    while !reader.is_empty() {
        let entry = E::read(&mut reader)?;
        key.clear();
        entry.put_key(&mut key);
        let belongs = bucket_of(&key, buckets) == bucket;
        require(belongs, || format!("entry {} belongs into another row", to_u64(entries.len() - before)))?;
        entries.push(entry);
    }
    Ok(())
}
