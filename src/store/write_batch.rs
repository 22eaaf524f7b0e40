//! The changes of one transaction.

use crate::store::tables::{Table, instance_key};

/// Changes of rows that are written together, in order: all of them or none.
#[derive(Debug, Default)]
pub(super) struct WriteBatch(Vec<RowChange>);

#[derive(Debug)]
pub(super) enum RowChange {
    Put {
        table: Table,
        key: Vec<u8>,
        sealed: Vec<u8>,
    },
    Remove {
        table: Table,
        key: Vec<u8>,
    },
    /// Every row whose key begins so.
    RemoveAll {
        table: Table,
        prefix: Vec<u8>,
    },
}

impl RowChange {
    pub(super) fn table(&self) -> Table {
        match self {
            Self::Put { table, .. } | Self::Remove { table, .. } | Self::RemoveAll { table, .. } => *table,
        }
    }
}

impl WriteBatch {
    /// Writes a row; gives the bytes that it takes.
    pub(super) fn put(&mut self, table: Table, key: impl Into<Vec<u8>>, payload: &[u8]) -> u64 {
        let key = key.into();
        let sealed = table.seal(&key, payload);
        let bytes = u64::try_from(sealed.len()).unwrap_or(u64::MAX);
        self.0.push(RowChange::Put { table, key, sealed });
        bytes
    }

    pub(super) fn remove(&mut self, table: Table, key: impl Into<Vec<u8>>) {
        self.0.push(RowChange::Remove { table, key: key.into() });
    }

    pub(super) fn remove_all(&mut self, table: Table, prefix: impl Into<Vec<u8>>) {
        self.0.push(RowChange::RemoveAll { table, prefix: prefix.into() });
    }

    /// Removes everything of an instance from tables in which the keys begin with its number.
    pub(super) fn remove_instance(&mut self, tables: &[Table], instance: u64) {
        tables.iter().for_each(|&table| self.remove_all(table, instance_key(instance)));
    }

    /// Adds the changes of another batch behind those of this one.
    pub(super) fn append(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// About the bytes that a transaction of these changes reads and writes: what others wait for.
    pub(super) fn weight(&self) -> usize {
        /// A removal rewrites the page of its row: of removals in one place some share a page.
        const REMOVAL: usize = 128;
        self.0.iter().fold(0, |sum, change| {
            sum.saturating_add(match change {
                RowChange::Put { key, sealed, .. } => key.len() + sealed.len(),
                RowChange::Remove { .. } | RowChange::RemoveAll { .. } => REMOVAL,
            })
        })
    }

    pub(super) fn changes(&self) -> &[RowChange] {
        &self.0
    }
}
