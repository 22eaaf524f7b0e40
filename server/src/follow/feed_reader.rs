//! The commits of one instance that are delivered to one receiver.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use label_index::{Commit, Delivery, Error, LabelIndex, Position, Subscriber};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::follow::{Bookmark, DeadLetters, Followed, Progress, Verdict};

/// How long to wait after a failure, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The settings that all followers of one kind share.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) dead_letters: Arc<DeadLetters>,
    /// How long one delivery is attempted.
    pub(crate) give_up: Duration,
    /// Cancelled when the server ends.
    pub(crate) ending: CancellationToken,
}

/// Reads commits in order from the bookmark on, and attempts their deliveries until each is accepted, refused or given
/// up. It reads from the feed, for which no write ever waits. A delivery that a kill interrupts is attempted again.
#[derive(Debug)]
pub(crate) struct FeedReader {
    pub(crate) instance: Arc<str>,
    pub(crate) index: LabelIndex,
    pub(crate) progress: Arc<Progress>,
    subscriber: Subscriber,
    /// The next delivery of the feed, if it was read already.
    ahead: Option<Delivery>,
    bookmark: Bookmark,
    terms: Terms,
}

/// How one delivery is named in the log and in the file of dead letters.
#[derive(Debug)]
pub(crate) struct DeliveryRecord<'a> {
    pub(crate) id: &'a str,
    /// The receiver, without secrets, for the log.
    pub(crate) to: &'a str,
    /// The fields of the dead letter, in addition to the time, the id and the cause.
    pub(crate) fields: Value,
}

/// The next thing to deliver.
#[derive(Debug)]
pub(crate) enum Next {
    Commit(Commit),
    /// The commits after a revision are no longer retained.
    Missed {
        after: u64,
    },
}

/// The server is ending. Open deliveries are attempted again after it has started again.
#[derive(Debug)]
pub(crate) struct Ending;

impl FeedReader {
    /// Continues from the bookmark. A new reader begins with later commits only.
    ///
    /// # Errors
    ///
    /// When the bookmark can neither be read nor made.
    pub(crate) fn open(
        instance: &str,
        index: LabelIndex,
        bookmark: Bookmark,
        followed: &Followed,
        terms: Terms,
    ) -> Result<Self, String> {
        let subscriber = subscribe(&index, &bookmark)?;
        let progress = followed.add(&index, subscriber.revision());
        Ok(Self { instance: instance.into(), index, progress, subscriber, ahead: None, bookmark, terms })
    }

    /// Waits for the next thing to deliver. An error of reading is logged, and reading is tried again.
    pub(crate) async fn next(&mut self) -> Result<Next, Ending> {
        loop {
            let ahead = self.ahead.take();
            let delivery = tokio::select! {
                biased;
                () = self.terms.ending.cancelled() => return Err(Ending),
                delivery = async {
                    match ahead {
                        Some(delivery) => delivery,
                        None => self.subscriber.recv_async().await,
                    }
                } => delivery,
            };
            match delivery {
                Delivery::Commit(commit) => return Ok(Next::Commit(commit)),
                Delivery::Missed { after } => return Ok(Next::Missed { after }),
                Delivery::Failed(error) => {
                    tracing::error!(%error, "events could not be read");
                    self.pause(LONGEST_WAIT).await?;
                }
                Delivery::Closed => return Err(Ending),
            }
        }
    }

    /// The next commit, if it is ready and nothing else comes before it.
    pub(crate) fn next_commit(&mut self) -> Option<Commit> {
        match self.subscriber.recv_async().now_or_never() {
            Some(Delivery::Commit(commit)) => Some(commit),
            other => {
                self.ahead = other;
                None
            }
        }
    }

    /// Continues after the newest commit, since some commits were missed. Returns the position.
    pub(crate) fn skip(&mut self) -> Position {
        self.subscriber.resume_after(self.index.revision());
        self.subscriber.position()
    }

    /// Records that nothing up to a position has to be delivered any more.
    pub(crate) async fn advance(&self, position: Position) {
        if let Err(error) = self.bookmark.advance(position).await {
            // Some commits may be delivered again, and none is lost.
            tracing::error!(%error, "how far deliveries have come could not be stored");
        }
        self.progress.reach(position.revision());
    }

    /// Attempts a delivery until it is accepted, or is refused or given up and added to the dead letters.
    pub(crate) async fn deliver<F>(&self, record: &DeliveryRecord<'_>, attempt: impl Fn() -> F) -> Result<(), Ending>
    where
        F: Future<Output = Verdict>,
    {
        let (began, mut wait) = (Instant::now(), FIRST_WAIT);
        let DeliveryRecord { id, to, .. } = record;
        loop {
            let (is_dead, cause) = match attempt().await {
                Verdict::Taken => return Ok(()),
                Verdict::Refused(cause) => (true, cause),
                Verdict::NotNow(cause) => (began.elapsed() + wait > self.terms.give_up, cause),
            };
            if is_dead {
                match self.bury(record, &cause).await {
                    Ok(()) => return Ok(()),
                    Err(error) => tracing::error!(%error, "a dead letter could not be written"),
                }
            } else if wait == FIRST_WAIT {
                tracing::warn!(to, id, cause, "a delivery is not taken; trying again");
            }
            self.progress.fail();
            self.pause(wait).await?;
            wait = LONGEST_WAIT.min(wait * 2);
        }
    }

    /// Adds a delivery that is given up to the file of dead letters.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) async fn bury(&self, record: &DeliveryRecord<'_>, cause: &str) -> std::io::Result<()> {
        let DeliveryRecord { id, to, fields } = record;
        self.terms.dead_letters.add(id, cause, fields).await?;
        tracing::error!(to, id, cause, "a delivery is among the dead letters");
        Ok(())
    }

    /// Waits for some time, or until a caller waits for this follower.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), Ending> {
        tokio::select! {
            () = self.terms.ending.cancelled() => Err(Ending),
            () = self.progress.hurried() => Ok(()),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}

/// Subscribes after the position of a bookmark. A new bookmark gets the newest position.
fn subscribe(index: &LabelIndex, bookmark: &Bookmark) -> Result<Subscriber, String> {
    match bookmark.read()? {
        Some(position) => match index.subscribe_from(position.trim_end()) {
            // A power cut left half a position: all retained commits are delivered again, and none is lost.
            Err(Error::BadPosition { .. }) => Ok(index.subscribe_after(0)),
            subscriber => subscriber.map_err(|error| error.to_string()),
        },
        None => {
            let subscriber = index.subscribe();
            bookmark.create(subscriber.position())?;
            Ok(subscriber)
        }
    }
}
