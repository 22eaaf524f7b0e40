//! Metrics of the store and its indexes.

use std::fmt;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use label_index::{IndexStats, StoreStats};
use prometheus_client::encoding::{EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::{Registry, Unit};

/// A metric of an index.
struct Measure {
    name: &'static str,
    help: &'static str,
    of: fn(&IndexStats) -> u64,
    total: Total,
}

/// How the values of all instances are combined.
#[derive(Debug, Clone, Copy)]
enum Total {
    Sum,
    Largest,
}

impl Total {
    fn of(self, numbers: impl Iterator<Item = u64>) -> u64 {
        match self {
            Self::Sum => numbers.sum(),
            Self::Largest => numbers.max().unwrap_or_default(),
        }
    }

    /// The words that a help text ends with.
    fn said(self) -> &'static str {
        match self {
            Self::Sum => "the sum over loaded instances",
            Self::Largest => "the largest of loaded instances",
        }
    }
}

const MEASURES: [Measure; 11] = [
    Measure { name: "labels", help: "Labels", of: |index| wide(index.labels), total: Total::Sum },
    Measure { name: "chats", help: "Chats with a label", of: |index| index.total_chats, total: Total::Sum },
    Measure { name: "rows", help: "Pairs of a chat and a label", of: |index| index.total_rows, total: Total::Sum },
    Measure {
        name: "places",
        help: "Places of chats in memory, free ones included",
        of: |index| wide(index.places),
        total: Total::Sum,
    },
    Measure {
        name: "memory_bytes",
        help: "Bytes in memory, without what snapshots alone keep",
        of: |index| wide(index.bytes.total()),
        total: Total::Sum,
    },
    Measure { name: "aliases", help: "Ids that mean another chat", of: |index| wide(index.aliases), total: Total::Sum },
    Measure {
        name: "queued_changes",
        help: "Changes on their way to the disk",
        of: |index| wide(index.queued_changes),
        total: Total::Sum,
    },
    Measure {
        name: "snapshots",
        help: "Snapshots that are held",
        of: |index| wide(index.snapshots),
        total: Total::Sum,
    },
    Measure {
        name: "snapshot_age_commits",
        help: "Commits since the oldest snapshot that is held",
        of: |index| index.oldest_snapshot.map_or(0, |oldest| index.revision.saturating_sub(oldest)),
        total: Total::Largest,
    },
    Measure {
        name: "subscribers",
        help: "Subscribers to the feed: streams of events and webhooks",
        of: |index| wide(index.subscribers),
        total: Total::Sum,
    },
    Measure {
        name: "feed_lag_commits",
        help: "Commits that the slowest subscriber has not taken from the feed",
        of: |index| index.subscriber_lag,
        total: Total::Largest,
    },
];

/// One metric with a value for each loaded instance.
struct ByInstance {
    stats: Arc<StoreStats>,
    of: fn(&IndexStats) -> u64,
}

impl EncodeMetric for ByInstance {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> fmt::Result {
        self.stats.loaded.iter().try_for_each(|(name, index)| {
            let labels = [("instance", name.as_str())];
            ConstGauge::new((self.of)(index)).encode(encoder.encode_family(&labels)?)
        })
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Gauge
    }
}

impl fmt::Debug for ByInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ByInstance")
    }
}

/// Adds the metrics of a store, and those of its loaded instances: for each instance, or combined.
pub(super) fn register(registry: &mut Registry, stats: StoreStats, by_instance: bool) {
    gauge(registry, "instances", "Instances, loaded or not", wide(stats.instances));
    gauge(registry, "loaded_instances", "Instances in memory", wide(stats.loaded.len()));
    gauge(registry, "store_file_bytes", "Bytes of the file", stats.file_bytes);
    gauge(registry, "store_failed", "1 once nothing is written any more", u64::from(stats.failure.is_some()));
    let took = ConstGauge::new(stats.last_sync_took.as_secs_f64());
    registry.register_with_unit("store_last_sync_duration", "Time that the last sync took", Unit::Seconds, took);
    let last = stats.last_sync.and_then(|last| last.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let help = "When the last transaction was on disk, in Unix time; 0 before the first";
    registry.register_with_unit("store_last_sync_timestamp", help, Unit::Seconds, ConstGauge::new(last.as_secs_f64()));
    registry.register("store_syncs", "Transactions that were synced", ConstCounter::new(stats.syncs));
    registry.register("store_checkpoints", "Checkpoints that were written", ConstCounter::new(stats.checkpoints));
    let parts = Family::<[(&'static str, &'static str); 1], Gauge>::default();
    for (part, bytes) in stats.loaded.values().flat_map(|index| index.bytes.parts()) {
        parts.get_or_create(&[("part", part)]).inc_by(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
    let help = "Bytes in memory by part: the sum over loaded instances";
    registry.register("memory_part_bytes", help, parts);
    let stats = Arc::new(stats);
    for Measure { name, help, of, total } in MEASURES {
        if by_instance {
            registry.register(name, help, ByInstance { stats: Arc::clone(&stats), of });
        } else {
            let help = format!("{help}: {}", total.said());
            gauge(registry, name, &help, total.of(stats.loaded.values().map(of)));
        }
    }
}

/// Adds a metric with its present value.
pub(super) fn gauge(registry: &mut Registry, name: &str, help: &str, value: u64) {
    registry.register(name, help, ConstGauge::new(value));
}

pub(super) fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
