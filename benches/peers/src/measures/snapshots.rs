//! Snapshots, and the cost of writes while one is held.

use std::hint::black_box;
use std::time::Instant;

use super::writes::{Pair, unlinked_pairs};
use crate::bench::{About, Bench, Loaded};
use crate::engine::Engine;
use crate::engines::OURS;
use crate::memory;
use crate::timing::{Latencies, Timing};

/// The most chats for which engines whose snapshots are copies are measured.
const MOST_COPIED: usize = 2_000_000;

/// Writes between one snapshot and the next: the first ones copy the most.
const WRITES_EACH: usize = 64;

pub(super) fn measure(bench: &mut Bench<'_>) {
    if bench.settings.wants("snapshot") {
        let copied = bench.workload.len() <= MOST_COPIED;
        let all = 0..bench.engines.len();
        let taking_part = |loaded: &Loaded| loaded.engine.has_snapshots() && (copied || loaded.kind.name == OURS);
        let lanes: Vec<usize> = all.filter(|&lane| taking_part(&bench.engines[lane])).collect();
        let timings = bench.effort().in_turn(lanes.len(), |at, ops| {
            let engine = &bench.engines[lanes[at]].engine;
            ops.for_each(|_| drop(black_box(engine.snapshot())));
        });
        bench.record_all(About::time("snapshot"), &lanes, &timings);
    }
    if bench.settings.wants("worst_write_under_snapshot") {
        let Some(ours) = bench.engines.iter().position(|loaded| loaded.kind.name == OURS) else { return };
        let pairs = pairs(bench);
        let worst = worst_write(bench.engines[ours].engine.as_mut(), &pairs);
        let time = About::time("worst_write_under_snapshot");
        bench.record(About { labels: Some("p99.99"), ..time }, OURS, Timing::once(worst.p9999));
        bench.record(About { labels: Some("median"), ..time }, OURS, Timing::once(worst.median));
        bench.record(About { labels: Some("p99.99 of a loop"), ..time }, OURS, Timing::once(worst.p9999_of_loop));
        bench.record(About { labels: Some("most"), unit: "bytes", ..time }, OURS, Timing::once(worst.bytes as f64));
    }
}

/// Pairs to link and unlink; every fourth is of a chat that was never seen.
fn pairs(bench: &Bench<'_>) -> Vec<Pair> {
    let mut pairs = unlinked_pairs(bench.workload, bench.effort().writes / 2);
    for (at, pair) in pairs.iter_mut().enumerate().step_by(4) {
        pair.chat = format!("4479{at:08}@c.us");
    }
    pairs
}

struct Worst {
    median: f64,
    p9999: f64,
    /// The same of a loop of about a write's length, between the writes: the share of the machine.
    p9999_of_loop: f64,
    bytes: u64,
}

/// Some microseconds of arithmetic, without memory or calls.
fn compute() {
    black_box((0..5_000_u64).fold(0, |sum, number| black_box(sum ^ number)));
}

/// Links and unlinks all pairs while the newest snapshot is held.
fn worst_write(engine: &mut dyn Engine, pairs: &[Pair]) -> Worst {
    let (mut latencies, mut loops, mut bytes, mut held) = (Latencies::new(), Latencies::new(), 0, None);
    let writes = pairs.iter().map(|pair| (pair, true)).chain(pairs.iter().map(|pair| (pair, false)));
    for (at, (Pair { label, chat }, link)) in writes.enumerate() {
        if at % WRITES_EACH == 0 {
            // The old snapshot is dropped first, so that no timed write frees its memory.
            drop(held.take());
            held = Some(engine.snapshot());
        }
        let (given, began) = (memory::given(), Instant::now());
        let changed = if link { engine.link(label, chat) } else { engine.unlink(label, chat) };
        latencies.note(began.elapsed());
        bytes = bytes.max(memory::given() - given);
        let began = Instant::now();
        compute();
        loops.note(began.elapsed());
        assert!(changed, "it changes what it is told to");
    }
    Worst { median: latencies.at(0.5), p9999: latencies.at(0.9999), p9999_of_loop: loops.at(0.9999), bytes }
}
