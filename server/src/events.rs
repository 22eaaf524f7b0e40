//! The events of a commit, as clients and webhooks get them.

use std::collections::VecDeque;
use std::sync::Arc;

use label_index::{Change, Commit, PublicEvent};
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
    /// Of `label.deleted`: how many chats lost the label with it, without an event of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    links: Option<u64>,
}

impl InstanceEvent {
    /// The identifier of the event.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// The name of the event.
    pub(crate) fn name(&self) -> &'static str {
        self.event.name()
    }
}

/// The events of one commit in order, made one by one, since a commit may have a hundred thousand.
#[derive(Debug)]
pub(crate) struct Events {
    instance: Arc<str>,
    commit: Commit,
    /// The number of the next change to look at.
    change: usize,
    /// Events of the last change that was looked at.
    ready: VecDeque<(PublicEvent, Option<u64>)>,
    /// The number of the next event.
    number: u64,
}

impl Events {
    pub(crate) fn of(instance: &Arc<str>, commit: Commit) -> Self {
        Self { instance: Arc::clone(instance), commit, change: 0, ready: VecDeque::new(), number: 0 }
    }
}

impl Iterator for Events {
    type Item = InstanceEvent;

    fn next(&mut self) -> Option<InstanceEvent> {
        while self.ready.is_empty() {
            let change = self.commit.changes.get(self.change)?;
            self.change += 1;
            let links = match change {
                Change::LabelRemoved { links, .. } => Some(*links),
                _ => None,
            };
            self.ready.extend(change.events().map(|event| (event, links)));
        }
        let (event, links) = self.ready.pop_front()?;
        let id = format!("{}-{}", self.commit.position, self.number);
        self.number += 1;
        Some(InstanceEvent { id, instance: Arc::clone(&self.instance), event, links })
    }
}
