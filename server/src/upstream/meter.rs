//! Metrics of the gateway.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::follow::Followed;

/// Counts refreshes, and changes that were sent to the gateway.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    refreshes: Family<ResultLabels, Counter>,
    writes: Family<ResultLabels, Counter>,
    pub(super) dead_letters: Counter,
    /// The progress of the queue of each instance, if links are queued.
    pub(crate) followed: Followed,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResultLabels {
    result: &'static str,
}

impl Meter {
    /// Adds the counters to a registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("upstream_refreshes", "Refreshes from the upstream, by result", self.refreshes.clone());
        registry.register("upstream_writes", "Changes that the upstream was told, by result", self.writes.clone());
        let help = "Queued changes that were refused or given up, and written to the file of dead letters";
        registry.register("upstream_dead_letters", help, self.dead_letters.clone());
    }

    /// Counts a refresh.
    pub(super) fn refreshed(&self, result: &'static str) {
        self.refreshes.get_or_create(&ResultLabels { result }).inc();
    }

    /// Counts a change that was sent to the gateway.
    pub(super) fn wrote(&self, result: &'static str) {
        self.writes.get_or_create(&ResultLabels { result }).inc();
    }
}
