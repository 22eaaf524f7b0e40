//! Instances that come from the database.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::index::label_index::LabelIndex;
use crate::index::trace::{self, Span};
use crate::model::error::{Error, Result};
use crate::store::instance_source::{InstanceSource, LimitsOf, Request};
use crate::store::name::check_name;
use crate::store::options::InstanceLimits;
use crate::store::postgres::fault::no_thread;
use crate::store::postgres::hub::Hub;
use crate::store::postgres::worker::Tasks;

/// Loads instances on the thread that does so for everybody.
pub(in crate::store) struct DatabaseSource {
    pub(super) hub: Arc<Hub>,
    /// Those of that thread.
    pub(super) tasks: Tasks,
}

impl InstanceSource for DatabaseSource {
    fn known(&self, Request { name, .. }: Request<'_>) -> Result<Option<LabelIndex>> {
        check_name(name)?;
        Ok(self.hub.handle(name))
    }

    fn limits(&self) -> &InstanceLimits {
        &self.hub.limits
    }

    fn load(&self, request: Request<'_>, limits_of: LimitsOf<'_>) -> Result<LabelIndex> {
        if let Some(index) = self.known(request)? {
            return Ok(index);
        }
        let Request { name, makes, asked } = request;
        // The limits may be those of a function of the host, which the thread for everybody does not call.
        let limits = limits_of(name)?;
        let (asked, own) = (asked.unwrap_or_else(Instant::now), name.to_owned());
        trace::within(Span::Load { instance: name }, || {
            self.tasks.ask_since(asked, move |worker| worker.load(&own, limits, makes))
        })
    }

    fn no_thread(&self, cause: &io::Error) -> Error {
        no_thread(cause)
    }
}
