//! Reading the log of an instance.

use tokio_postgres::Row;

use crate::store::postgres::fault::Fault;
use crate::store::postgres::record::{Head, Record};
use crate::store::postgres::session::{Endpoint, RowReader, Session, column, int8};
#[cfg(doc)]
use crate::store::postgres::tables::PAGE;

/// The records of an instance after a head.
pub(super) struct LogReader {
    rows: RowReader,
    /// The head before the next record.
    behind: Head,
}

impl LogReader {
    /// Reads the records after a head. The caller checks whether each [continues](Record::is_next) the one before; if the log was
    /// trimmed, or the head is inside a record, the first does not.
    pub(super) async fn after(
        session: &Session,
        endpoint: &Endpoint,
        instance: u64,
        head: Head,
    ) -> Result<Self, Fault> {
        Self::run(session, &endpoint.tables.log, instance, head).await
    }

    /// As [`after`](Self::after), up to the record that reaches [`PAGE`] changes.
    pub(super) async fn page(session: &Session, endpoint: &Endpoint, instance: u64, head: Head) -> Result<Self, Fault> {
        Self::run(session, &endpoint.tables.log_page, instance, head).await
    }

    async fn run(session: &Session, sql: &str, instance: u64, head: Head) -> Result<Self, Fault> {
        let rows = session.stream(sql, &[instance, head.revision]).await?;
        Ok(Self { rows, behind: head })
    }

    pub(super) async fn next(&mut self) -> Result<Option<Record>, Fault> {
        let Some(row) = self.rows.next().await? else { return Ok(None) };
        let record = record_of(&row, 0, self.behind)?;
        self.behind = record.head;
        Ok(Some(record))
    }
}

/// The record in a row whose columns from `first` on are `head, group_id, chain, commits, changes, written`.
pub(super) fn record_of(row: &Row, first: usize, behind: Head) -> Result<Record, Fault> {
    Ok(Record {
        behind,
        head: Head { revision: int8(row, first)?, chain: int8(row, first + 2)? },
        group_id: int8(row, first + 1)?,
        changes: int8(row, first + 4)?,
        written: int8(row, first + 5)?,
        commits: column(row, first + 3)?,
    })
}
