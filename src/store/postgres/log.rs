//! The log of an instance as it is read.

use tokio_postgres::Row;

use crate::store::postgres::fault::Fault;
use crate::store::postgres::record::{Head, Record};
use crate::store::postgres::session::{Endpoint, RowReader, Session, column, int8};

/// The records of an instance behind a head, as they were when the first was asked for.
pub(super) struct LogReader {
    rows: RowReader,
    /// The log up to the next record.
    behind: Head,
}

impl LogReader {
    /// Reads what follows a head: the record with the next revision, and those behind it. It is for the caller to see whether
    /// each [follows](Record::is_next) the one before; with the first of them in the middle, or trimmed, it does not.
    pub(super) async fn after(
        session: &Session,
        endpoint: &Endpoint,
        instance: u64,
        head: Head,
    ) -> Result<Self, Fault> {
        let rows = session.stream(&endpoint.tables.log, &[instance, head.revision]).await?;
        Ok(Self { rows, behind: head })
    }

    pub(super) async fn next(&mut self) -> Result<Option<Record>, Fault> {
        let Some(row) = self.rows.next().await? else { return Ok(None) };
        let record = self.record(&row)?;
        self.behind = record.head;
        Ok(Some(record))
    }

    fn record(&self, row: &Row) -> Result<Record, Fault> {
        Ok(Record {
            behind: self.behind,
            head: Head { revision: int8(row, 0)?, chain: int8(row, 2)? },
            group_id: int8(row, 1)?,
            changes: int8(row, 4)?,
            written: int8(row, 5)?,
            commits: column(row, 3)?,
        })
    }
}
