//! Bulk load from texts, and the memory that the index holds afterwards.

use std::time::Instant;

use crate::bench::{About, Bench, Loaded};
use crate::engine::{Engine, Kind};
use crate::memory;
use crate::timing::Timing;
use crate::workload::Part;

/// With more pairs, each engine loads twice at most.
const MANY: usize = 10_000_000;

/// Loads every engine in turn; those of the last turn stay.
pub(super) fn measure(bench: &mut Bench<'_>, kinds: &[Kind]) {
    let workload = bench.workload;
    let most = if workload.pairs() > MANY { 2 } else { bench.effort().loads };
    let turns = if bench.settings.wants("bulk_load") { most.min(bench.effort().loads) } else { 1 };
    let mut samples = vec![Vec::new(); kinds.len()];
    for turn in 1..=turns {
        for (&kind, samples) in kinds.iter().zip(&mut samples) {
            let (engine, bytes, time) = load(kind, &workload.whole());
            samples.push(time / workload.pairs() as f64);
            if turn == turns {
                let about = About { unit: "bytes", ..About::time("bytes_per_chat") };
                bench.record(about, kind.name, Timing::once(bytes / workload.len() as f64));
                bench.engines.push(Loaded { kind, engine });
            }
        }
    }
    for (kind, samples) in kinds.iter().zip(samples) {
        bench.record(About::time("bulk_load"), kind.name, Timing::of(samples));
    }
}

/// Loads an index. Returns it, the bytes that it holds, and the microseconds of the load.
pub(super) fn load(kind: Kind, part: &Part<'_>) -> (Box<dyn Engine>, f64, f64) {
    let (held, uncounted) = (memory::held(), uncounted_before(kind));
    let began = Instant::now();
    let engine = (kind.load)(part);
    let time = began.elapsed().as_secs_f64() * 1e6;
    let bytes = (memory::held() - held) as f64 + engine.uncounted_bytes() as f64 - uncounted;
    (engine, bytes, time)
}

/// The memory that engines of the kind hold before one of this workload is loaded.
pub(super) fn uncounted_before(kind: Kind) -> f64 {
    // An empty Redis holds about a megabyte, which counts as memory of the index; an empty SQLite nothing.
    if kind.name == "sqlite" { memory::held_by_sqlite() as f64 } else { 0.0 }
}
