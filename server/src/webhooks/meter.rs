//! Metrics of webhooks.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::follow::Followed;

/// Counts deliveries, and has their progress.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    attempts: Family<AttemptLabels, Counter>,
    pub(super) dead_letters: Counter,
    /// The progress of each instance at each webhook.
    pub(crate) followed: Followed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct AttemptLabels {
    result: &'static str,
}

impl Meter {
    /// Adds the counters to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let help = "Attempts to post events to a webhook, by result";
        registry.register("webhook_attempts", help, self.attempts.clone());
        let help = "Deliveries that were refused or given up, and written to the file of dead letters";
        registry.register("webhook_dead_letters", help, self.dead_letters.clone());
    }

    /// Counts an attempt.
    pub(super) fn attempted(&self, result: &'static str) {
        self.attempts.get_or_create(&AttemptLabels { result }).inc();
    }
}
