//! Checkpoints of instances, written by whichever store holds the lease.

use std::iter;
use std::sync::Arc;

use tokio_postgres::types::Type;

use crate::codec::{Baseline, Header, changed_rows};
use crate::collections::number::to_u64;
use crate::index::trace::{self, Event, Span};
use crate::model::error::Result;
use crate::state::{State, Version};
use crate::store::checkpoint::row_batches;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::hub::Hub;
use crate::store::postgres::image::{HEADER, seal_row};
use crate::store::postgres::loaded::Loaded;
use crate::store::postgres::record::{Head, random_number};
use crate::store::postgres::session::Session;
use crate::store::postgres::worker::Worker;
use crate::store::writer::now;

impl Worker {
    /// Writes a checkpoint of an instance, unless nothing changed since the last one or another store writes one.
    ///
    /// # Errors
    ///
    /// Those of the database. The former checkpoint stays in force.
    pub(super) fn checkpoint(&mut self, loaded: &Arc<Loaded>) -> Result<()> {
        let log_bytes = loaded.begin_checkpoint();
        let Some((version, head)) = loaded.at_rest() else { return Ok(()) };
        if loaded.image_revision() >= head.revision {
            return Ok(());
        }
        trace::within(Span::Checkpoint, || self.write_checkpoint(loaded, &version, head, log_bytes))
    }

    fn write_checkpoint(&mut self, loaded: &Arc<Loaded>, version: &Version, head: Head, log_bytes: u64) -> Result<()> {
        let written = self.with_session(async |hub, session| {
            Lease { hub, session, instance: loaded.number }.checkpoint(version, head).await
        })?;
        if let Some(bytes) = written {
            self.hub.activity.lock().checkpoints += 1;
            loaded.end_checkpoint(head.revision, bytes, log_bytes);
            trace::tell(&Event::Checkpointed { instance: Arc::clone(&loaded.name) });
        }
        Ok(())
    }
}

/// The right to write checkpoints of an instance, until the row of the lease expires. Every statement checks it, so a store that
/// was stopped for longer changes nothing afterwards.
pub(super) struct Lease<'a> {
    pub(super) hub: &'a Hub,
    pub(super) session: &'a Session,
    /// The number of the instance.
    pub(super) instance: u64,
}

impl Lease<'_> {
    /// Gives the bytes of the checkpoint. None if another store has the lease, or if the log has changed history.
    async fn checkpoint(&self, version: &Version, head: Head) -> Result<Option<u64>, Fault> {
        let tables = &self.hub.endpoint.tables;
        if self.holds(&tables.take_lease).await?.is_none() {
            return Ok(None);
        }
        // A new number for each attempt: rows of a former attempt are never mixed in.
        let number = random_number();
        let written = self.write(number, version).await?;
        let image = [number, head.revision, head.chain].map(u64::cast_signed);
        let installed = match written {
            Some(_) => self.holds_with(&tables.install_image, &image).await?,
            None => None,
        };
        if installed.is_none() {
            let (instance, number) = (self.instance.cast_signed(), number.cast_signed());
            let parameters = [(&instance as _, Type::INT8), (&number as _, Type::INT8)];
            self.session.query(&tables.drop_image, &parameters).await?;
            return Ok(None);
        }
        self.holds(&tables.trim_images).await?;
        let retention = &self.hub.retention;
        let oldest =
            retention.age.map_or(0, |age| now().saturating_sub(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)));
        let changes = i64::try_from(retention.changes).unwrap_or(i64::MAX);
        self.holds_with(&tables.trim_log, &[changes, i64::try_from(oldest).unwrap_or(i64::MAX)]).await?;
        self.holds(&tables.drop_lease).await?;
        Ok(written)
    }

    /// Writes the rows under a number that is not in force. Gives their bytes, or none if the lease is lost.
    pub(super) async fn write(&self, number: u64, state: &State) -> Result<Option<u64>, Fault> {
        let since = Baseline::default();
        let header = vec![(HEADER.to_vec(), Header::of(state).encode())];
        let batches = row_batches(changed_rows(state, &since)).map(|batch| {
            let rows = batch.rows.into_iter();
            rows.map(|(id, payload)| (id.encode().to_vec(), payload)).collect()
        });
        let mut total = 0;
        for rows in iter::once(header).chain(batches) {
            match self.put(number, rows).await? {
                Some(bytes) => total += bytes,
                None => return Ok(None),
            }
        }
        Ok(Some(total))
    }

    /// Writes rows by one statement, which extends the lease.
    async fn put(&self, number: u64, rows: Vec<(Vec<u8>, Vec<u8>)>) -> Result<Option<u64>, Fault> {
        let of = (self.instance, number);
        let sealed: Vec<Vec<u8>> = rows.iter().map(|(id, payload)| seal_row(of, id, payload)).collect();
        let bytes = to_u64(sealed.iter().map(Vec::len).sum());
        let ids: Vec<Vec<u8>> = rows.into_iter().map(|(id, _)| id).collect();
        let [instance, holder, image] = [self.instance, self.hub.holder, number].map(u64::cast_signed);
        let parameters = [
            (&instance as _, Type::INT8),
            (&holder as _, Type::INT8),
            (&image as _, Type::INT8),
            (&ids as _, Type::BYTEA_ARRAY),
            (&sealed as _, Type::BYTEA_ARRAY),
        ];
        let put = self.session.query(&self.hub.endpoint.tables.put_rows, &parameters).await?;
        Ok((!put.is_empty()).then_some(bytes))
    }

    /// Runs a statement that has an effect only under the lease. None if it had none.
    pub(super) async fn holds(&self, sql: &str) -> Result<Option<()>, Fault> {
        self.holds_with(sql, &[]).await
    }

    async fn holds_with(&self, sql: &str, numbers: &[i64]) -> Result<Option<()>, Fault> {
        let own = [self.instance.cast_signed(), self.hub.holder.cast_signed()];
        let parameters: Vec<_> = own.iter().chain(numbers).map(|number| (number as _, Type::INT8)).collect();
        let rows = self.session.query(sql, &parameters).await?;
        Ok(rows.first().map(|_| ()))
    }
}
