//! The events of a commit, as clients and webhooks get them.

use std::sync::Arc;

use label_index::{Commit, PublicEvent};
use serde::Serialize;
use utoipa::ToSchema;

use crate::schemas;

/// An event of an instance.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct InstanceEvent {
    /// The identifier of the event, which is the same whenever the event is delivered again.
    id: String,
    #[schema(value_type = String)]
    instance: Arc<str>,
    #[serde(flatten)]
    #[schema(value_type = schemas::PublicEvent)]
    event: PublicEvent,
}

impl InstanceEvent {
    /// The events of one commit in order.
    pub(crate) fn of_commit(instance: &Arc<str>, commit: Commit) -> impl Iterator<Item = Self> + Send + use<> {
        let (instance, position) = (Arc::clone(instance), commit.position);
        commit.into_events().zip(0_u64..).map(move |(event, number)| Self {
            id: format!("{position}-{number}"),
            instance: Arc::clone(&instance),
            event,
        })
    }

    /// The identifier of the event.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The name of the event.
    pub(crate) fn name(&self) -> &'static str {
        self.event.name()
    }
}
