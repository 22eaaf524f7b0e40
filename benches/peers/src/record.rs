//! One measured value.

use serde_json::json;

use crate::timing::Timing;

/// A measure of an engine on a workload.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    pub(crate) workload: String,
    pub(crate) measure: &'static str,
    /// The number of labels in the query.
    pub(crate) k: Option<usize>,
    /// The choice of the labels; for reads at the same time as a writer, the kind of read.
    pub(crate) labels: Option<&'static str>,
    pub(crate) engine: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) timing: Timing,
}

impl Record {
    pub(crate) fn value(&self) -> f64 {
        self.timing.median
    }

    /// Whether two values are of the same measure and query, for different engines.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        (self.measure, self.k, self.labels, self.unit) == (other.measure, other.k, other.labels, other.unit)
            && self.workload == other.workload
    }

    /// The object of a line of JSON.
    pub(crate) fn json(&self) -> String {
        let Self { workload, measure, k, labels, engine, unit, timing } = self;
        json!({
            "workload": workload, "measure": measure, "k": k, "labels": labels, "engine": engine,
            "value": timing.median, "unit": unit, "runs": timing.runs,
        })
        .to_string()
    }
}
