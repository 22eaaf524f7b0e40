//! The verbs that a store needs of its database: open, read, write, compact and check.

use std::sync::{PoisonError, RwLock};

use redb::{Builder, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition};

use crate::store::backend::checksums::Checksums;
use crate::store::backend::fault::Fault;
use crate::store::backend::held::{GivenUp, Held};
use crate::store::tables::{ALL, Table};
use crate::store::write_batch::{RowChange, WriteBatch};

type ReadOnlyTable = redb::ReadOnlyTable<&'static [u8], &'static [u8]>;

/// An open database.
pub(crate) struct Database {
    /// None once it is dropped. Locked to begin a transaction, and alone to compact.
    inner: RwLock<Option<redb::Database>>,
    given_up: GivenUp,
    /// Closes the file under a database that was given up.
    close_file: Box<dyn Fn() + Send + Sync>,
}

fn definition<'a>(table: Table) -> TableDefinition<'a, &'static [u8], &'static [u8]> {
    TableDefinition::new(table.name())
}

impl Database {
    /// Opens what the backend has. If that is nothing, makes the tables with the rows of `first`.
    pub(crate) fn open(
        backend: impl StorageBackend,
        cache_bytes: usize,
        first: impl FnOnce() -> WriteBatch,
    ) -> Result<Self, Fault> {
        let given_up = GivenUp::default();
        let fresh = given_up.call(|| backend.len().map_err(redb::Error::Io))? == 0;
        let backend = Checksums::new(backend);
        let close_file = backend.closer();
        let inner = given_up.call(|| Builder::new().set_cache_size(cache_bytes).create_with_backend(backend));
        let inner = inner.inspect_err(|_| close_file())?;
        let database = Self { inner: RwLock::new(Some(inner)), given_up, close_file: Box::new(close_file) };
        if fresh {
            // A change makes the table that it names, also where it finds nothing to remove.
            let mut batch = WriteBatch::default();
            ALL.into_iter().for_each(|table| batch.remove_all(table, []));
            batch.append(first());
            database.write(&batch, false)?;
        }
        Ok(database)
    }

    /// Makes a call on the database itself.
    fn call<T, E: Into<redb::Error>>(&self, call: impl FnOnce(&redb::Database) -> Result<T, E>) -> Result<T, Fault> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        let inner = inner.as_ref().ok_or_else(|| Fault::damage("the database is closed"))?;
        self.given_up.call(|| call(inner))
    }

    fn call_alone<T, E: Into<redb::Error>>(
        &self,
        call: impl FnOnce(&mut redb::Database) -> Result<T, E>,
    ) -> Result<T, Fault> {
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let inner = inner.as_mut().ok_or_else(|| Fault::damage("the database is closed"))?;
        self.given_up.call(|| call(inner))
    }

    /// A view of all tables as they are now.
    pub(crate) fn begin_read(&self) -> Result<Reading<'_>, Fault> {
        let transaction = self.call(ReadableDatabase::begin_read)?;
        Ok(Reading { transaction: self.given_up.hold(transaction), given_up: &self.given_up })
    }

    /// Carries out all changes in one transaction, which is on disk when this returns. Gives the bytes of the rows that
    /// [`WriteBatch::remove_all`] removed.
    pub(crate) fn write(&self, batch: &WriteBatch, quick_repair: bool) -> Result<u64, Fault> {
        let given_up = &self.given_up;
        let mut transaction = given_up.hold(self.call(redb::Database::begin_write)?);
        given_up.call(|| transaction.set_durability(Durability::Immediate))?;
        given_up.call(|| {
            transaction.set_quick_repair(quick_repair);
            Ok::<(), redb::Error>(())
        })?;
        let mut removed = 0;
        let mut changes = batch.changes();
        if changes.is_empty() {
            return Ok(0);
        }
        while let Some(first) = changes.first() {
            let table = first.table();
            let together = changes.iter().take_while(|change| change.table() == table).count();
            let (now, later) = changes.split_at(together);
            changes = later;
            let mut open = given_up.hold(given_up.call(|| transaction.open_table(definition(table)))?);
            for change in now {
                removed += given_up.call(|| carry_out(&mut open, change))?;
            }
        }
        match transaction.into_inner() {
            Some(transaction) => given_up.call(|| transaction.commit())?,
            None => return Err(Fault::damage("the transaction is gone")),
        }
        Ok(removed)
    }

    /// Whether all pages go together.
    pub(crate) fn check_integrity(&self) -> Result<bool, Fault> {
        self.call_alone(redb::Database::check_integrity)
    }

    /// Moves the pages together, and shortens the file.
    pub(crate) fn compact(&self) -> Result<bool, Fault> {
        self.call_alone(redb::Database::compact)
    }
}

/// Reads on the path that a write takes. A read stops where pages of a damaged file point to each other in a circle, and a
/// write would go on until its stack is full.
fn check_path(table: &redb::Table<'_, &'static [u8], &'static [u8]>, key: &[u8]) -> Result<(), redb::StorageError> {
    table.get(key).map(drop)
}

/// Gives the bytes that were removed where a change names rows by how their keys begin.
fn carry_out(
    table: &mut redb::Table<'_, &'static [u8], &'static [u8]>,
    change: &RowChange,
) -> Result<u64, redb::StorageError> {
    match change {
        RowChange::Put { key, sealed, .. } => {
            check_path(table, key)?;
            drop(table.insert(key.as_slice(), sealed.as_slice())?);
        }
        RowChange::Remove { key, .. } => {
            check_path(table, key)?;
            drop(table.remove(key.as_slice())?);
        }
        RowChange::RemoveRange { from, end, .. } => {
            let (mut keys, mut bytes) = (Vec::new(), 0);
            for row in table.range(from.as_slice()..)? {
                let (key, value) = row?;
                if end.as_ref().is_some_and(|end| key.value() >= end.as_slice()) {
                    break;
                }
                bytes += u64::try_from(value.value().len()).unwrap_or(u64::MAX);
                keys.push(key.value().to_vec());
            }
            for key in &keys {
                check_path(table, key)?;
                table.remove(key.as_slice())?;
            }
            return Ok(bytes);
        }
    }
    Ok(0)
}

impl Drop for Database {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        // An error of closing needs no answer: the next opening finds it.
        drop(inner.map(|inner| self.given_up.hold(inner)));
        if self.given_up.is_set() {
            (self.close_file)();
        }
    }
}

/// A key, and the payload that was sealed with it.
type Row = (Vec<u8>, Vec<u8>);

/// All tables at one moment.
pub(crate) struct Reading<'d> {
    transaction: Held<'d, redb::ReadTransaction>,
    given_up: &'d GivenUp,
}

impl<'d> Reading<'d> {
    fn open(&self, table: Table) -> Result<Held<'d, ReadOnlyTable>, Fault> {
        Ok(self.given_up.hold(self.given_up.call(|| self.transaction.open_table(definition(table)))?))
    }

    pub(crate) fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, Fault> {
        let open = self.open(table)?;
        let sealed =
            self.given_up.call(|| Ok::<_, redb::StorageError>(open.get(key)?.map(|value| value.value().to_vec())))?;
        Ok(sealed.map(|sealed| table.unseal(key, &sealed)).transpose()?)
    }

    /// As [`get`](Self::get), for a row that has to exist.
    pub(crate) fn expect(&self, table: Table, key: &[u8]) -> Result<Vec<u8>, Fault> {
        let missing = || Fault::damage(format!("{} {key:02x?} is missing", table.name()));
        self.get(table, key)?.ok_or_else(missing)
    }

    /// Every row whose key begins with a prefix, in order.
    pub(crate) fn rows(
        &self,
        table: Table,
        prefix: &[u8],
    ) -> Result<impl Iterator<Item = Result<Row, Fault>> + use<'d>, Fault> {
        self.rows_from(table, prefix, prefix)
    }

    /// Every row whose key begins with a prefix, in order from a key on.
    pub(crate) fn rows_from(
        &self,
        table: Table,
        from: &[u8],
        prefix: &[u8],
    ) -> Result<impl Iterator<Item = Result<Row, Fault>> + use<'d>, Fault> {
        let (open, given_up) = (self.open(table)?, self.given_up);
        let mut range = given_up.hold(given_up.call(|| open.range(from..))?);
        let prefix = prefix.to_vec();
        let next = move || {
            given_up.call(|| {
                let Some(row) = range.next() else { return Ok::<_, redb::StorageError>(None) };
                let (key, value) = row?;
                Ok(Some((key.value().to_vec(), value.value().to_vec())))
            })
        };
        let rows = std::iter::from_fn({
            let mut next = next;
            move || match next() {
                Ok(Some((key, sealed))) => {
                    let payload = table.unseal(&key, &sealed);
                    Some(payload.map(|payload| (key, payload)).map_err(Fault::from))
                }
                Ok(None) => None,
                Err(fault) => Some(Err(fault)),
            }
        });
        // A row that cannot be read is the last one: the next call may give it again.
        let mut failed = false;
        let rows = rows.take_while(move |row| !std::mem::replace(&mut failed, row.is_err()));
        Ok(rows.take_while(move |row| row.as_ref().map_or(true, |(key, _)| key.starts_with(&prefix))))
    }

    /// Opens every table, so that a missing one is noticed.
    pub(crate) fn check_tables(&self) -> Result<(), Fault> {
        ALL.into_iter().try_for_each(|table| self.open(table).map(drop))
    }
}
