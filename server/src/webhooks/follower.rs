//! The events of one instance that are posted to one webhook.

use std::sync::Arc;

use label_index::Commit;
use serde_json::json;

use crate::events::InstanceEvent;
use crate::follow::{Deliverer, DeliveryRecord, Ending, FeedReader};
use crate::webhooks::meter::Meter;
use crate::webhooks::receiver::Receiver;

/// The most events in one delivery: some ten KiB, which every receiver accepts.
const EVENTS: usize = 100;

/// Posts the events of commits in order. Each event has the same identifier when it is posted again.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) reader: FeedReader,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) meter: Arc<Meter>,
}

impl Deliverer for Follower {
    fn reader(&mut self) -> &mut FeedReader {
        &mut self.reader
    }

    /// Posts a commit together with later commits that are ready, so that a burst of writes does not need a request for
    /// each. A commit that is too large for one delivery is posted in parts.
    async fn deliver_commits(&mut self, first: Commit) -> Result<(), Ending> {
        let mut events: Vec<InstanceEvent> = Vec::new();
        let mut commit = first;
        let position = loop {
            let position = commit.position;
            let mut is_full = false;
            for event in InstanceEvent::of_commit(&self.reader.instance, commit) {
                events.push(event);
                if events.len() == EVENTS {
                    self.post(&events).await?;
                    events.clear();
                    is_full = true;
                }
            }
            if is_full {
                break position;
            }
            match self.reader.next_commit() {
                Some(next) => commit = next,
                None => break position,
            }
        };
        // There are none left if the last delivery was full, or if the commit only changed aliases.
        if !events.is_empty() {
            self.post(&events).await?;
        }
        self.reader.advance(position).await;
        Ok(())
    }

    /// Posts that events were missed, so that the receiver reads the whole state again.
    async fn deliver_missed(&mut self, after: u64) -> Result<(), Ending> {
        let position = self.reader.skip();
        let id = format!("{position}-missed");
        let missed = json!({ "id": id, "instance": self.reader.instance, "event": "missed", "after": after });
        self.deliver(&id, &json!({ "instance": self.reader.instance, "events": [missed] }).to_string()).await?;
        self.reader.advance(position).await;
        Ok(())
    }
}

impl Follower {
    /// Posts events with an identifier that no other combination of events has: a receiver that drops repeated
    /// identifiers drops nothing else.
    async fn post(&self, events: &[InstanceEvent]) -> Result<(), Ending> {
        let ends = events.first().zip(events.last()).map(|(first, last)| (first.id(), last.id()));
        let id = match ends {
            Some((first, last)) if first != last => format!("{first}_{last}"),
            ends => ends.map(|(only, _)| only.to_owned()).unwrap_or_default(),
        };
        self.deliver(&id, &json!({ "instance": self.reader.instance, "events": events }).to_string()).await
    }

    /// Posts a body until it is accepted, or given up and among the dead letters, in the form in which it can be posted
    /// again.
    async fn deliver(&self, id: &str, body: &str) -> Result<(), Ending> {
        let fields = json!({ "webhook": self.receiver.address(), "body": body });
        let record = DeliveryRecord { id, to: self.receiver.origin(), fields };
        let attempt = async || {
            let verdict = self.receiver.post(id, body).await;
            self.meter.attempted(verdict.name());
            verdict
        };
        self.reader.deliver(&record, attempt).await
    }
}
