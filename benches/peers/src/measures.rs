//! The measures. Each compares answers before it times anything.

pub(crate) mod accounts;
mod beside;
mod chats;
pub(crate) mod cold;
mod load;
mod pages;
mod snapshots;
mod totals;
mod writes;

use crate::bench::{Bench, Settings};
use crate::engine::Kind;
use crate::question::by_frequency;
use crate::record::Record;
use crate::workload::Workload;

/// Takes the requested measures of a workload: first reads, then writes, and at the end those that share the index
/// between threads.
pub(crate) fn measure(settings: &Settings, workload: &Workload, kinds: &[Kind]) -> Vec<Record> {
    let ranked = by_frequency(workload);
    let mut bench = Bench { settings, workload, ranked, engines: Vec::new(), records: Vec::new() };
    load::measure(&mut bench, kinds);
    totals::measure(&mut bench);
    pages::measure(&mut bench);
    chats::measure(&mut bench);
    writes::measure(&mut bench);
    cold::measure(&mut bench);
    snapshots::measure(&mut bench);
    beside::measure(&mut bench);
    bench.records
}
