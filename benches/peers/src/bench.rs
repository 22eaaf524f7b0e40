//! One workload in all engines, and the measured values.

use crate::engine::{Engine, Kind};
use crate::record::Record;
use crate::timing::{Effort, Timing};
use crate::workload::Workload;

/// The settings of a run.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) effort: Effort,
    pub(crate) quick: bool,
    /// All if empty.
    pub(crate) measures: Vec<String>,
}

impl Settings {
    pub(crate) fn wants(&self, measure: &str) -> bool {
        self.measures.is_empty() || self.measures.iter().any(|wanted| wanted == measure)
    }

    pub(crate) fn wants_any(&self, measures: &[&str]) -> bool {
        measures.iter().any(|measure| self.wants(measure))
    }
}

/// A loaded engine.
pub(crate) struct Loaded {
    pub(crate) kind: Kind,
    pub(crate) engine: Box<dyn Engine>,
}

/// A workload and its engines.
pub(crate) struct Bench<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) workload: &'a Workload,
    /// The labels that some chat has, from the most frequent to the rarest.
    pub(crate) ranked: Vec<u16>,
    pub(crate) engines: Vec<Loaded>,
    pub(crate) records: Vec<Record>,
}

/// The subject of a value, apart from the engine.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About {
    pub(crate) measure: &'static str,
    pub(crate) k: Option<usize>,
    pub(crate) labels: Option<&'static str>,
    pub(crate) unit: &'static str,
}

impl About {
    /// The time of an operation without labels.
    pub(crate) fn time(measure: &'static str) -> Self {
        Self { measure, k: None, labels: None, unit: "us" }
    }
}

impl Bench<'_> {
    pub(crate) fn effort(&self) -> &Effort {
        &self.settings.effort
    }

    pub(crate) fn record(&mut self, about: About, engine: &'static str, timing: Timing) {
        let About { measure, k, labels, unit } = about;
        if self.settings.wants(measure) {
            let workload = self.workload.name.clone();
            self.records.push(Record { workload, measure, k, labels, engine, unit, timing });
        }
    }

    /// Records the values of all engines, in their order.
    pub(crate) fn record_all(&mut self, about: About, lanes: &[usize], timings: &[Timing]) {
        for (&lane, &timing) in lanes.iter().zip(timings) {
            self.record(about, self.engines[lane].kind.name, timing);
        }
    }
}
