//! A consumer of events, like a webhook: it stores its position together with its results, and is killed now and then.

use label_index::{Commit, Delivery, Error, LabelIndex, PublicEvent, Subscriber};

use super::random::Random;

/// The events of one commit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Published {
    pub(crate) revision: u64,
    pub(crate) changes: usize,
    pub(crate) events: Vec<PublicEvent>,
}

impl From<&Commit> for Published {
    fn from(commit: &Commit) -> Self {
        Self { revision: commit.revision, changes: commit.changes.len(), events: commit.events().collect() }
    }
}

/// The data that a consumer has stored; it outlives the store and the consumer itself.
#[derive(Debug, Default)]
pub(crate) struct Consumer {
    /// The position of the last processed commit.
    position: Option<String>,
    /// The processed commits in order, since it last missed some.
    done: Vec<Published>,
}

/// Why a consumer stopped reading.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// There is no further commit, or it has read enough.
    Waits,
    Failed(Error),
    Closed,
}

impl Consumer {
    /// Subscribes like a consumer that was just started.
    pub(crate) fn start(&self, index: &LabelIndex) -> Subscriber {
        match &self.position {
            Some(position) => index.subscribe_from(position).expect("a position that was stored"),
            None => index.subscribe_after(0),
        }
    }

    /// The revision of the last processed commit.
    pub(crate) fn revision(&self) -> u64 {
        self.done.last().map_or(0, |last| last.revision)
    }

    fn take(&mut self, commit: &Commit) {
        self.position = Some(commit.position.to_string());
        self.done.push(commit.into());
    }

    /// Reads at most `commits` commits. It may be killed before or after it stored one.
    ///
    /// # Panics
    ///
    /// If a commit is missed that is one of the last `retained` changes among those that were written.
    pub(crate) fn read(
        &mut self,
        feed: &mut Subscriber,
        index: &LabelIndex,
        (written, retained): (&[Published], Option<usize>),
        mut commits: usize,
        random: &mut Random,
    ) -> Stopped {
        while commits > 0 {
            commits -= 1;
            match feed.try_recv() {
                Some(Delivery::Commit(_)) if random.one_in(5) => *feed = self.start(index),
                Some(Delivery::Commit(commit)) => {
                    self.take(&commit);
                    if random.one_in(5) {
                        *feed = self.start(index);
                    }
                }
                Some(Delivery::Missed { after }) => {
                    let since = written.iter().filter(|commit| commit.revision > after);
                    let changes: usize = since.map(|commit| commit.changes).sum();
                    let retained = retained.expect("everything is retained");
                    assert!(changes > retained, "missed after {after}: {changes} changes, and {retained} are retained");
                    let snapshot = index.snapshot();
                    self.done.clear();
                    self.done.extend(written.iter().filter(|commit| commit.revision <= snapshot.revision()).cloned());
                    self.position = Some(snapshot.position().to_string());
                    feed.resume_after(snapshot.revision());
                }
                Some(Delivery::Failed(error)) => return Stopped::Failed(error),
                Some(Delivery::Closed) => return Stopped::Closed,
                None => return Stopped::Waits,
            }
        }
        Stopped::Waits
    }

    /// # Panics
    ///
    /// Unless it has processed each of these once, in order.
    pub(crate) fn assert_has(&self, written: &[Published]) {
        assert_eq!(self.done, written, "every event exactly once, in order");
    }
}
