//! Older commits of an instance, for subscribers that are behind the feed in memory.

use std::sync::Arc;

use crate::index::archive::{Archive, Archived};
use crate::model::change::Revision;
use crate::model::error::{Error, Result};

/// The log of one instance in the database, read by a function of two revisions.
pub(super) struct DatabaseArchive<F> {
    pub(super) name: Arc<str>,
    pub(super) read: F,
}

impl<F: Fn(Revision, Revision) -> Result<Archived> + Send + Sync> Archive for DatabaseArchive<F> {
    fn instance(&self) -> &Arc<str> {
        &self.name
    }

    fn read(&self, after: Revision, up_to: Revision) -> Result<Archived> {
        match (self.read)(after, up_to) {
            Err(Error::StoreClosed) => Ok(Archived::Closed),
            page => page,
        }
    }
}
