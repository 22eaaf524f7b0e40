//! Older commits of an instance, for subscribers that are behind what is in memory.

use crate::index::archive::{Archive, Archived};
use crate::model::change::Revision;
use crate::model::error::{Error, Result};

/// The log of one instance in the database, read by a function of two revisions.
pub(super) struct DatabaseArchive<F>(pub(super) F);

impl<F: Fn(Revision, Revision) -> Result<Archived> + Send + Sync> Archive for DatabaseArchive<F> {
    fn read(&self, after: Revision, up_to: Revision) -> Result<Archived> {
        match (self.0)(after, up_to) {
            Err(Error::StoreClosed) => Ok(Archived::Closed),
            page => page,
        }
    }
}
