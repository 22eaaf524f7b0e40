//! One instance's commits on their way to one receiver.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use label_index::{Commit, Delivery, Error, LabelIndex, Position, Subscriber};
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use crate::follow::{Bookmark, DeadLetters, Followed, Progress, Verdict};

/// How long to wait after trouble, at first and at most.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// What holds for all followers of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    pub(crate) dead_letters: Arc<DeadLetters>,
    /// How long one delivery is tried.
    pub(crate) give_up: Duration,
    /// Cancelled when the server ends.
    pub(crate) ending: CancellationToken,
}

/// Reads commits in order from where the bookmark is, and delivers what is made of them until it is taken, refused or given
/// up. It reads from the feed, for which no write ever waits. What a kill leaves open is delivered again.
#[derive(Debug)]
pub(crate) struct Trail {
    pub(crate) instance: Arc<str>,
    pub(crate) index: LabelIndex,
    pub(crate) progress: Arc<Progress>,
    subscriber: Subscriber,
    /// What was read of the feed, and comes next.
    ahead: Option<Delivery>,
    bookmark: Bookmark,
    terms: Terms,
}

/// One delivery, as it is called in the log and in the file of dead letters.
#[derive(Debug)]
pub(crate) struct Letter<'a> {
    pub(crate) id: &'a str,
    /// Who should take it, without secrets: for the log.
    pub(crate) to: &'a str,
    /// The fields of the dead letter, beside the time, the id and the cause.
    pub(crate) fields: Value,
}

/// What comes next on a trail.
#[derive(Debug)]
pub(crate) enum Next {
    Commit(Commit),
    /// The commits behind a revision are not kept any more.
    Missed {
        after: u64,
    },
}

/// The server was told to end. What is open is delivered when it runs again.
#[derive(Debug)]
pub(crate) struct Ending;

impl Trail {
    /// Goes on at the bookmark. A trail that is new begins with what happens from now on.
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

    /// The next thing that happened. A failure to read is logged, and waited out.
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

    /// The next commit, if it is there already and nothing else comes before it.
    pub(crate) fn next_commit(&mut self) -> Option<Commit> {
        match self.subscriber.recv_async().now_or_never() {
            Some(Delivery::Commit(commit)) => Some(commit),
            other => {
                self.ahead = other;
                None
            }
        }
    }

    /// Goes on behind everything that there is, after some of it was missed; gives the position.
    pub(crate) fn skip(&mut self) -> Position {
        self.subscriber.resume_after(self.index.revision());
        self.subscriber.position()
    }

    /// Notes that nothing up to a position has to be delivered any more.
    pub(crate) async fn advance(&self, position: Position) {
        if let Err(error) = self.bookmark.advance(position).await {
            // Some may be delivered again, and nothing is lost.
            tracing::error!(%error, "how far deliveries have come could not be stored");
        }
        self.progress.reach(position.revision());
    }

    /// Delivers something until it is taken, or refused or given up and among the dead letters.
    pub(crate) async fn deliver<F>(&self, letter: &Letter<'_>, attempt: impl Fn() -> F) -> Result<(), Ending>
    where
        F: Future<Output = Verdict>,
    {
        let (began, mut wait) = (Instant::now(), FIRST_WAIT);
        let Letter { id, to, .. } = letter;
        loop {
            let (is_dead, cause) = match attempt().await {
                Verdict::Taken => return Ok(()),
                Verdict::Refused(cause) => (true, cause),
                Verdict::NotNow(cause) => (began.elapsed() + wait > self.terms.give_up, cause),
            };
            if is_dead {
                match self.bury(letter, &cause).await {
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

    /// Puts what will never be delivered into the file of dead letters.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) async fn bury(&self, letter: &Letter<'_>, cause: &str) -> std::io::Result<()> {
        let Letter { id, to, fields } = letter;
        self.terms.dead_letters.add(id, cause, fields).await?;
        tracing::error!(to, id, cause, "a delivery is among the dead letters");
        Ok(())
    }

    /// Waits for some time, or until somebody cannot wait.
    pub(crate) async fn pause(&self, time: Duration) -> Result<(), Ending> {
        tokio::select! {
            () = self.terms.ending.cancelled() => Err(Ending),
            () = self.progress.hurried() => Ok(()),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }
}

/// Goes on where a bookmark is. One that is new is made where the feed is now.
fn subscribe(index: &LabelIndex, bookmark: &Bookmark) -> Result<Subscriber, String> {
    match bookmark.read()? {
        Some(position) => match index.subscribe_from(position.trim_end()) {
            // Half written when the power went: everything that is retained comes again, and nothing is lost.
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
