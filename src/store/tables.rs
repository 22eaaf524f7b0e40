//! The tables of a store, their keys, and the seal around every value.

use crate::codec::{Damage, RowId, open, seal};

/// D5: a table of values that are sealed with its name, their key and their length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Table(&'static str);

/// What holds of the whole store. One row, [`STORE`].
pub(super) const META: Table = Table("meta");
/// Instances by name.
pub(super) const INSTANCES: Table = Table("instances");
/// What makes up the last checkpoint of each instance.
pub(super) const MANIFESTS: Table = Table("manifests");
/// Checkpoints that were begun, by instance: their rows belong to no manifest yet.
pub(super) const UNFINISHED: Table = Table("unfinished");
/// Rows of checkpoints, by instance, checkpoint and row.
pub(super) const CHUNKS: Table = Table("chunks");
/// Groups of commits, by instance and number; behind those of each instance its [`TAIL`].
pub(super) const LOG: Table = Table("log");

/// Every table of a store.
pub(super) const ALL: [Table; 6] = [META, INSTANCES, MANIFESTS, UNFINISHED, CHUNKS, LOG];

/// The key of the one row in [`META`].
pub(super) const STORE: &[u8] = b"store";

/// Under this number of a record the log says how far it goes.
pub(super) const TAIL: u64 = u64::MAX;

/// The most bytes of a record in one row: what a page of the database has room for. Rows that are larger share their pages
/// with small ones, and each small record that is added there later would write such a page anew.
pub(super) const RECORD_PART: usize = if cfg!(test) { 64 } else { 4_000 };

pub(super) fn instance_key(instance: u64) -> [u8; 8] {
    instance.to_be_bytes()
}

pub(super) fn log_key(instance: u64, record: u64) -> Vec<u8> {
    [instance.to_be_bytes(), record.to_be_bytes()].concat()
}

/// The key of a part of a record. The first part has the key of the record, and the others stand behind it in order.
pub(super) fn part_key(instance: u64, record: u64, part: u64) -> Vec<u8> {
    let mut key = log_key(instance, record);
    if part > 0 {
        key.extend(part.to_be_bytes());
    }
    key
}

pub(super) fn chunk_key(instance: u64, checkpoint: u64, row: RowId) -> Vec<u8> {
    let mut key = [instance.to_be_bytes(), checkpoint.to_be_bytes()].concat();
    key.extend(row.encode());
    key
}

impl Table {
    pub(super) fn name(self) -> &'static str {
        self.0
    }

    /// The bytes that stand under a key for a payload.
    pub(super) fn seal(self, key: &[u8], payload: &[u8]) -> Vec<u8> {
        seal(&[self.0.as_bytes(), key], payload)
    }

    /// The payload of a value that was read under a key.
    pub(super) fn unseal(self, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Damage> {
        let payload = open(&[self.0.as_bytes(), key], sealed);
        Ok(payload.map_err(|damage| damage.within(format_args!("{} {key:02x?}", self.0)))?.to_vec())
    }
}

/// Reads numbers of eight bytes off the beginning of a payload.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn number(&mut self) -> Result<u64, Damage> {
        let short = || Damage::new("a value is too short");
        let (number, rest) = self.0.split_first_chunk::<8>().ok_or_else(short)?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*number))
    }

    pub(super) fn end(self) -> Result<(), Damage> {
        if self.0.is_empty() { Ok(()) } else { Err(Damage::new("a value is too long")) }
    }
}

/// Numbers as [`Fields`] reads them.
pub(super) fn fields(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}
