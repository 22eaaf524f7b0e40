//! What is posted to webhooks, in numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use label_index::LabelIndex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

/// Counts deliveries, and knows how far each instance's events have come at each webhook.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    attempts: Family<AttemptLabels, Counter>,
    dead_letters: Counter,
    followed: Mutex<Vec<(LabelIndex, Progress)>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    result: &'static str,
}

/// The revision of the last commit whose events were taken or given up.
#[derive(Debug, Clone)]
pub(super) struct Progress(Arc<AtomicU64>);

impl Progress {
    /// Notes that the events of a commit need not be posted any more.
    pub(super) fn reach(&self, revision: u64) {
        self.0.store(revision, Ordering::Relaxed);
    }
}

impl Meter {
    /// Adds the counters to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Attempts to post events to a webhook, by result";
        registry.register("webhook_attempts", help, self.attempts.clone());
        let help = "Deliveries that were refused or given up, and written to the file of dead letters";
        registry.register("webhook_dead_letters", help, self.dead_letters.clone());
    }

    /// An instance's events are posted to a webhook from a revision on.
    pub(super) fn follow(&self, index: &LabelIndex, after: u64) -> Progress {
        let progress = Progress(Arc::new(AtomicU64::new(after)));
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.push((index.clone(), progress.clone()));
        progress
    }

    /// Counts an attempt.
    pub(super) fn attempted(&self, result: &'static str) {
        self.attempts.get_or_create(&AttemptLabels { result }).inc();
    }

    /// Counts a dead letter.
    pub(super) fn died(&self) {
        self.dead_letters.inc();
    }

    /// Commits whose events the slowest webhook has not taken.
    pub(crate) fn lag(&self) -> u64 {
        let followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let lag = |(index, progress): &(LabelIndex, Progress)| {
            index.revision().saturating_sub(progress.0.load(Ordering::Relaxed))
        };
        followed.iter().map(lag).max().unwrap_or_default()
    }
}
