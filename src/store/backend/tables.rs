//! The tables of the database, their keys, and the seal around every value.

use redb::{ReadTransaction, ReadableTable, TableDefinition, WriteTransaction};

use crate::codec::{RowId, open, seal};
use crate::store::backend::fault::Fault;

/// D5: a table of values that are sealed with its name, their key and their length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Table(&'static str);

/// What holds of the whole store. One row, [`STORE`].
pub(crate) const META: Table = Table("meta");
/// Instances by name.
pub(crate) const INSTANCES: Table = Table("instances");
/// What makes up the last checkpoint of each instance.
pub(crate) const MANIFESTS: Table = Table("manifests");
/// Checkpoints that were begun, by instance: their rows belong to no manifest yet.
pub(crate) const UNFINISHED: Table = Table("unfinished");
/// Rows of checkpoints, by instance, checkpoint and row.
pub(crate) const CHUNKS: Table = Table("chunks");
/// Groups of commits, by instance and number; behind those of each instance its [`TAIL`].
pub(crate) const LOG: Table = Table("log");

pub(crate) const ALL: [Table; 6] = [META, INSTANCES, MANIFESTS, UNFINISHED, CHUNKS, LOG];

/// The key of the one row in [`META`].
pub(crate) const STORE: &[u8] = b"store";

/// Under this number of a record the log says how far it goes.
pub(crate) const TAIL: u64 = u64::MAX;

pub(crate) fn instance_key(instance: u64) -> [u8; 8] {
    instance.to_be_bytes()
}

pub(crate) fn log_key(instance: u64, record: u64) -> Vec<u8> {
    [instance.to_be_bytes(), record.to_be_bytes()].concat()
}

pub(crate) fn chunk_key(instance: u64, checkpoint: u64, row: RowId) -> Vec<u8> {
    let mut key = [instance.to_be_bytes(), checkpoint.to_be_bytes()].concat();
    key.extend(row.encode());
    key
}

impl Table {
    fn definition<'a>(self) -> TableDefinition<'a, &'static [u8], &'static [u8]> {
        TableDefinition::new(self.0)
    }

    pub(crate) fn read(self, transaction: &ReadTransaction) -> Result<Reading, Fault> {
        Ok(Reading { table: self, inner: transaction.open_table(self.definition())? })
    }

    pub(crate) fn write(self, transaction: &WriteTransaction) -> Result<Writing<'_>, Fault> {
        Ok(Writing { table: self, inner: transaction.open_table(self.definition())? })
    }

    fn unseal(self, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Fault> {
        let payload = open(&[self.0.as_bytes(), key], sealed);
        Ok(payload.map_err(|damage| damage.within(format_args!("{} {key:02x?}", self.0)))?.to_vec())
    }
}

/// A key, and what was sealed under it.
type Row = (Vec<u8>, Vec<u8>);

/// A table in a read transaction.
pub(crate) struct Reading {
    table: Table,
    inner: redb::ReadOnlyTable<&'static [u8], &'static [u8]>,
}

impl Reading {
    pub(crate) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let value = self.inner.get(key)?;
        value.map(|value| self.table.unseal(key, value.value())).transpose()
    }

    /// As [`get`](Self::get), where something has to be.
    pub(crate) fn expect(&self, key: &[u8]) -> Result<Vec<u8>, Fault> {
        let missing = || Fault::damage(format!("{} {key:02x?} is missing", self.table.0));
        self.get(key)?.ok_or_else(missing)
    }

    /// Every row whose key begins so, in order.
    pub(crate) fn rows(&self, prefix: &[u8]) -> Result<impl Iterator<Item = Result<Row, Fault>> + use<>, Fault> {
        let range = self.inner.range(prefix..)?;
        let (table, prefix) = (self.table, prefix.to_vec());
        let rows = range.map(move |row| {
            let (key, value) = row?;
            Ok((key.value().to_vec(), table.unseal(key.value(), value.value())?))
        });
        Ok(rows.take_while(move |row| row.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))))
    }
}

/// A table in a write transaction.
pub(crate) struct Writing<'t> {
    table: Table,
    inner: redb::Table<'t, &'static [u8], &'static [u8]>,
}

impl Writing<'_> {
    /// Writes a row; gives the bytes that it takes.
    pub(crate) fn put(&mut self, key: &[u8], payload: &[u8]) -> Result<u64, Fault> {
        let sealed = seal(&[self.table.0.as_bytes(), key], payload);
        self.inner.insert(key, sealed.as_slice())?;
        Ok(u64::try_from(sealed.len()).unwrap_or(u64::MAX))
    }

    pub(crate) fn remove(&mut self, key: &[u8]) -> Result<(), Fault> {
        self.inner.remove(key)?;
        Ok(())
    }

    /// Removes every row whose key begins so.
    pub(crate) fn remove_all(&mut self, prefix: &[u8]) -> Result<(), Fault> {
        let mut keys = Vec::new();
        for row in self.inner.range(prefix..)? {
            let (key, _) = row?;
            if !key.value().starts_with(prefix) {
                break;
            }
            keys.push(key.value().to_vec());
        }
        keys.iter().try_for_each(|key| self.remove(key))
    }
}

/// Reads numbers of eight bytes off the beginning of a payload.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn number(&mut self) -> Result<u64, Fault> {
        let short = || Fault::damage("a value is too short");
        let (number, rest) = self.0.split_first_chunk::<8>().ok_or_else(short)?;
        self.0 = rest;
        Ok(u64::from_be_bytes(*number))
    }

    pub(crate) fn end(self) -> Result<(), Fault> {
        if self.0.is_empty() { Ok(()) } else { Err(Fault::damage("a value is too long")) }
    }
}

/// Numbers as [`Fields`] reads them.
pub(crate) fn fields(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}
