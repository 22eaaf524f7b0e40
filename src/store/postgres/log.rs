//! The log of an instance as it is read.

use std::future::poll_fn;
use std::pin::Pin;

use futures_core::Stream;
use tokio::time::timeout;
use tokio_postgres::types::Type;
use tokio_postgres::{Row, RowStream};

use crate::model::change::Revision;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::record::{Head, Record};
use crate::store::postgres::session::{Endpoint, Session, column, int8};

/// The records of an instance behind a head, as they were when the first was asked for.
pub(super) struct LogStream<'e> {
    rows: Pin<Box<RowStream>>,
    endpoint: &'e Endpoint,
    instance: &'e str,
    /// The last record that was read. None if the one before the first is not known.
    behind: Option<Head>,
}

impl<'e> LogStream<'e> {
    /// Reads what follows a head.
    pub(super) async fn after(
        session: &Session,
        endpoint: &'e Endpoint,
        (instance, number): (&'e str, u64),
        head: Head,
    ) -> Result<Self, Fault> {
        let stream = Self::after_revision(session, endpoint, (instance, number), head.revision).await?;
        Ok(Self { behind: Some(head), ..stream })
    }

    /// Reads what follows a revision in the middle of a log: the record in which the next one is, and those behind it.
    pub(super) async fn after_revision(
        session: &Session,
        endpoint: &'e Endpoint,
        (instance, number): (&'e str, u64),
        revision: Revision,
    ) -> Result<Self, Fault> {
        let parameters = vec![(number.cast_signed(), Type::INT8), (revision.cast_signed(), Type::INT8)];
        let rows = session.stream(&endpoint.tables.log, parameters).await?;
        Ok(Self { rows: Box::pin(rows), endpoint, instance, behind: None })
    }

    /// The next record, checked to follow the one before.
    pub(super) async fn next(&mut self) -> Result<Option<Record>, Fault> {
        let next = poll_fn(|context| self.rows.as_mut().poll_next(context));
        let next = timeout(self.endpoint.patience, next).await;
        let Some(row) = next.map_err(|_| Fault::Lost("the server does not answer".to_owned()))? else {
            return Ok(None);
        };
        let record = self.record(&row?)?;
        if self.behind.is_some() && !record.is_next() {
            return Err(Fault::damage(self.instance, "the log is not the one that was read before"));
        }
        self.behind = Some(record.head);
        Ok(Some(record))
    }

    fn record(&self, row: &Row) -> Result<Record, Fault> {
        Ok(Record {
            behind: self.behind.unwrap_or_default(),
            head: Head { revision: int8(row, 0)?, chain: int8(row, 2)? },
            group_id: int8(row, 1)?,
            commits: column(row, 3)?,
        })
    }
}
