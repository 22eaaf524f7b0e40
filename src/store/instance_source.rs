//! Where the instances of a store come from: the folder, or the database.

use std::io;
use std::time::Instant;

use crate::index::label_index::LabelIndex;
use crate::model::error::{Error, Result};
use crate::model::options::Limits;
use crate::store::options::InstanceLimits;

/// A request for an instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) name: &'a str,
    /// Whether the instance is made if there is none.
    pub(super) makes: bool,
    /// Since when somebody waits. None for a request of this moment.
    pub(super) asked: Option<Instant>,
}

impl<'a> Request<'a> {
    pub(super) fn now(name: &'a str, makes: bool) -> Self {
        Self { name, makes, asked: None }
    }
}

/// Gives the limits of an instance. May call code of the host, so the caller holds no lock.
pub(super) type LimitsOf<'a> = &'a dyn Fn(&str) -> Result<Limits>;

/// Where the instances of a store come from.
pub(super) trait InstanceSource: Send + Sync + 'static {
    /// The answer to a request if it is known: the instance if it is loaded, an error if there cannot be one. None if it has
    /// to be loaded. Never waits.
    fn known(&self, request: Request<'_>) -> Result<Option<LabelIndex>>;

    fn limits(&self) -> &InstanceLimits;

    /// The answer to a request, on this thread. Asks for limits if the instance is not loaded.
    fn load(&self, request: Request<'_>, limits_of: LimitsOf<'_>) -> Result<LabelIndex>;

    /// The error of a request that found no thread.
    fn no_thread(&self, cause: &io::Error) -> Error;
}

/// The answer to a request, on the thread that asks.
pub(super) fn load_here(source: &dyn InstanceSource, request: Request<'_>) -> Result<LabelIndex> {
    source.load(request, &|name| Ok(source.limits().of(name)))
}
