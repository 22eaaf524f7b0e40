//! Reading an instance's older commits from disk, for subscribers that are behind the feed in memory.

use std::path::PathBuf;
use std::sync::Arc;

use crate::index::archive::{Archive, Archived};
use crate::model::change::Revision;
use crate::model::error::{Error, Result};
use crate::store::backend::database::Database;
use crate::store::backend::fault::Fault;
use crate::store::catalog::{Entry, entry_row};
use crate::store::log_reader::LogReader;
use crate::store::open_database::OpenDatabase;
use crate::store::tables::INSTANCES;

/// The log of one instance.
pub(super) struct LogArchive {
    pub(super) database: Arc<OpenDatabase>,
    pub(super) path: PathBuf,
    pub(super) name: Arc<str>,
    pub(super) entry: Entry,
}

impl LogArchive {
    fn page(&self, database: &Database, after: Revision, up_to: Revision) -> Result<Archived, Fault> {
        let tables = database.begin_read()?;
        let Entry { number, identity } = self.entry;
        let log = LogReader { tables: &tables, instance: number, identity };
        let Some(extent) = log.extent()? else {
            let named = tables.get(INSTANCES, self.name.as_bytes())?;
            let is_there = named.is_some_and(|row| row == entry_row(self.entry));
            return if is_there { Err(Fault::damage("the end of the log is missing")) } else { Ok(Archived::Closed) };
        };
        if after < extent.first_revision {
            return Ok(Archived::Gone);
        }
        let page = log.page(&extent, after, up_to)?;
        if page.is_empty() {
            Err(Fault::damage(format!("the log ends before revision {up_to}")))
        } else {
            Ok(Archived::Page(page))
        }
    }
}

impl Archive for LogArchive {
    fn instance(&self) -> &Arc<str> {
        &self.name
    }

    fn read(&self, after: Revision, up_to: Revision) -> Result<Archived> {
        match self.database.with(|database| self.page(database, after, up_to)) {
            Ok(read) => read.map_err(|fault| fault.into_error(&self.path, Some(&self.name))),
            Err(Error::StoreClosed) => Ok(Archived::Closed),
            Err(failure) => Err(failure),
        }
    }
}
