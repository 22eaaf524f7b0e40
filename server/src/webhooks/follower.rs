//! One instance's events on their way to one webhook.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use label_index::{Commit, Delivery, LabelIndex, Position, Subscriber};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::events::{Events, InstanceEvent};
use crate::webhooks::bookmark::Bookmark;
use crate::webhooks::dead_letters::DeadLetters;
use crate::webhooks::meter::{Meter, Progress};
use crate::webhooks::receiver::{Receiver, Verdict};

/// Events in one delivery: some ten KiB, which every receiver takes.
const EVENTS: usize = 100;
/// How long to wait after trouble, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Posts commits in order, and stores how far it came: what a kill leaves open is posted again, and each event has the same
/// identifier then. It reads from the feed, for which no write ever waits.
#[derive(Debug)]
pub(crate) struct Follower {
    pub(crate) instance: Arc<str>,
    pub(crate) index: LabelIndex,
    pub(crate) subscriber: Subscriber,
    pub(crate) bookmark: Bookmark,
    pub(crate) receiver: Arc<Receiver>,
    pub(crate) dead_letters: Arc<DeadLetters>,
    /// How long a delivery is tried.
    pub(crate) give_up: Duration,
    pub(crate) meter: Arc<Meter>,
    pub(crate) progress: Progress,
    pub(crate) ending: CancellationToken,
    /// What was read of the feed, and comes next.
    pub(crate) ahead: Option<Delivery>,
}

/// The server was told to end. What is open is posted when it runs again.
#[derive(Debug)]
struct Ending;

impl Follower {
    /// Posts until the server is told to end, or the instance is removed.
    pub(crate) async fn run(mut self) {
        while self.follow().await.is_ok() {}
    }

    async fn follow(&mut self) -> Result<(), Ending> {
        match self.next().await? {
            Delivery::Commit(commit) => self.post_commits(commit).await,
            Delivery::Missed { after } => self.post_missed(after).await,
            Delivery::Failed(error) => {
                tracing::error!(%error, "events could not be read");
                self.pause(LONGEST_WAIT).await
            }
            Delivery::Closed => Err(Ending),
        }
    }

    async fn next(&mut self) -> Result<Delivery, Ending> {
        let ahead = self.ahead.take();
        tokio::select! {
            biased;
            () = self.ending.cancelled() => Err(Ending),
            delivery = async {
                match ahead {
                    Some(delivery) => delivery,
                    None => self.subscriber.recv_async().await,
                }
            } => Ok(delivery),
        }
    }

    /// Posts a commit together with those behind it that are there already, so that a burst of writes does not take a
    /// request for each. A commit that is too large for one delivery is posted in parts.
    async fn post_commits(&mut self, first: Commit) -> Result<(), Ending> {
        let mut events: Vec<InstanceEvent> = Vec::new();
        let mut commit = first;
        let position = loop {
            let position = commit.position;
            let mut is_full = false;
            for event in Events::of(&self.instance, commit) {
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
            match self.subscriber.recv_async().now_or_never() {
                Some(Delivery::Commit(next)) => commit = next,
                other => {
                    self.ahead = other;
                    break position;
                }
            }
        };
        // None is left of a commit that filled the last delivery, or that only changed aliases.
        if !events.is_empty() {
            self.post(&events).await?;
        }
        self.advance(position).await;
        Ok(())
    }

    /// Posts events under an identifier that no other choice of events has: a receiver that drops what it has seen by
    /// identifier drops nothing else.
    async fn post(&self, events: &[InstanceEvent]) -> Result<(), Ending> {
        let ends = events.first().zip(events.last()).map(|(first, last)| (first.id(), last.id()));
        let id = match ends {
            Some((first, last)) if first != last => format!("{first}_{last}"),
            ends => ends.map(|(only, _)| only.to_owned()).unwrap_or_default(),
        };
        self.deliver(&id, &json!({ "instance": self.instance, "events": events }).to_string()).await
    }

    /// Says that events are gone, so that whoever is behind the webhook reads the state anew.
    async fn post_missed(&mut self, after: u64) -> Result<(), Ending> {
        self.subscriber.resume_after(self.index.revision());
        let position = self.subscriber.position();
        let id = format!("{position}-missed");
        let missed = json!({ "id": id, "instance": self.instance, "event": "missed", "after": after });
        self.deliver(&id, &json!({ "instance": self.instance, "events": [missed] }).to_string()).await?;
        self.advance(position).await;
        Ok(())
    }

    async fn advance(&self, position: Position) {
        self.progress.reach(position.revision());
        if let Err(error) = self.bookmark.advance(position).await {
            // Events may be posted again, and none is lost.
            tracing::error!(%error, "how far a webhook has come could not be stored");
        }
    }

    /// Posts a delivery until it is taken, or given up and among the dead letters.
    async fn deliver(&self, id: &str, body: &str) -> Result<(), Ending> {
        let (began, mut wait) = (Instant::now(), FIRST_WAIT);
        loop {
            let verdict = self.receiver.post(id, body).await;
            self.meter.attempted(verdict.name());
            let (is_dead, cause) = match verdict {
                Verdict::Taken => return Ok(()),
                Verdict::Refused(cause) => (true, cause),
                Verdict::NotNow(cause) => (began.elapsed() + wait > self.give_up, cause),
            };
            let webhook = self.receiver.origin();
            if is_dead {
                match self.dead_letters.add(self.receiver.address(), id, &cause, body).await {
                    Ok(()) => {
                        self.meter.died();
                        tracing::error!(webhook, id, cause, "a delivery is among the dead letters");
                        return Ok(());
                    }
                    Err(error) => tracing::error!(%error, "a dead letter could not be written"),
                }
            } else if wait == FIRST_WAIT {
                tracing::warn!(webhook, cause, "a webhook takes no events; trying again");
            }
            self.pause(wait).await?;
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }

    async fn pause(&self, time: Duration) -> Result<(), Ending> {
        tokio::select! {
            () = self.ending.cancelled() => Err(Ending),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}
