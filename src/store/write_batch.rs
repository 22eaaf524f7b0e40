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
    /// Every row from one key on and before another one, or to the end of the table.
    RemoveRange {
        table: Table,
        from: Vec<u8>,
        end: Option<Vec<u8>>,
    },
}

impl RowChange {
    pub(super) fn table(&self) -> Table {
        match self {
            Self::Put { table, .. } | Self::Remove { table, .. } | Self::RemoveRange { table, .. } => *table,
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

    /// Removes every row whose key begins so.
    pub(super) fn remove_all(&mut self, table: Table, prefix: impl Into<Vec<u8>>) {
        let from = prefix.into();
        let end = end_of_prefix(from.clone());
        self.0.push(RowChange::RemoveRange { table, from, end });
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
                RowChange::Remove { .. } | RowChange::RemoveRange { .. } => REMOVAL,
            })
        })
    }

    pub(super) fn changes(&self) -> &[RowChange] {
        &self.0
    }
}

/// The least key behind all that begin so. None if there is none.
fn end_of_prefix(mut prefix: Vec<u8>) -> Option<Vec<u8>> {
    while let Some(last) = prefix.pop() {
        if let Some(next) = last.checked_add(1) {
            prefix.push(next);
            return Some(prefix);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::end_of_prefix;

    #[test]
    fn a_prefix_ends_before_the_next_key_that_does_not_begin_so() {
        for (prefix, end) in
            [(vec![], None), (vec![255, 255], None), (vec![1, 255], Some(vec![2])), (vec![0], Some(vec![1]))]
        {
            assert_eq!(end_of_prefix(prefix), end);
        }
    }
}
