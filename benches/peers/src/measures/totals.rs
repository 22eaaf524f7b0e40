//! Totals of any-of, all-of and none-of.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::bench::{About, Bench, Loaded};
use crate::question::{Clause, Question, SIZES, all_of, questions};
use crate::timing::Timing;
use crate::workload::Workload;

/// The number of labels of all-of and none-of.
const K: usize = 3;

pub(super) fn measure(bench: &mut Bench<'_>) {
    let (workload, ranked) = (bench.workload, bench.ranked.clone());
    if bench.settings.wants("totals") {
        let asked = SIZES.into_iter().flat_map(|k| questions(workload, Clause::Any, &ranked, k));
        asked.for_each(|question| time(bench, "totals", &question));
    }
    if bench.settings.wants("totals_all_of") {
        all_of(workload, &ranked, K).iter().for_each(|question| time(bench, "totals_all_of", question));
    }
    if bench.settings.wants("totals_none_of") {
        let asked = questions(workload, Clause::None, &ranked, K);
        asked.iter().for_each(|question| time(bench, "totals_none_of", question));
    }
}

fn time(bench: &mut Bench<'_>, measure: &'static str, question: &Question) {
    let ways = best_ways(&bench.engines, bench.workload, question);
    // An engine that took longer than all turns may is not timed again: the comparison was its one run.
    let all: Vec<usize> = (0..bench.engines.len()).collect();
    let (lanes, slow): (Vec<usize>, Vec<usize>) =
        all.into_iter().partition(|&lane| ways[lane].time < bench.effort().all_turns);
    let timings = bench.effort().in_turn(lanes.len(), |at, ops| {
        let (engine, way) = (&bench.engines[lanes[at]].engine, ways[lanes[at]].way);
        ops.for_each(|_| _ = black_box(engine.totals(black_box(&question.filter), way)));
    });
    let about = About { measure, k: Some(question.k()), labels: Some(question.mix.name()), unit: "us" };
    bench.record_all(about, &lanes, &timings);
    let once: Vec<Timing> = slow.iter().map(|&lane| Timing::once(ways[lane].time.as_secs_f64() * 1e6)).collect();
    bench.record_all(about, &slow, &once);
}

/// An engine's fastest way to an answer, and how long it took when it was tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Best {
    pub(super) way: usize,
    pub(super) time: Duration,
}

/// Compares the answers of all engines in all their ways with the truth, and finds each engine's fastest way.
pub(super) fn best_ways(engines: &[Loaded], workload: &Workload, question: &Question) -> Vec<Best> {
    let truth = question.true_totals(workload);
    let time_of = |Loaded { kind, engine }: &Loaded, way| {
        let began = Instant::now();
        let totals = engine.totals(&question.filter, way);
        let time = began.elapsed();
        assert_eq!(totals, truth, "{} on {}, way {way} of {question:?}", kind.name, workload.name);
        time
    };
    let best = engines.iter().map(|loaded| {
        let ways = loaded.engine.ways(&question.filter);
        if ways.len() == 1 {
            return Best { way: ways.start, time: time_of(loaded, ways.start) };
        }
        // The first run includes cold caches and preparing statements.
        let tried = ways.map(|way| {
            let first = time_of(loaded, way);
            let slow = first.as_millis() > 20;
            let time = if slow { first } else { first.min(time_of(loaded, way)).min(time_of(loaded, way)) };
            Best { way, time }
        });
        tried.min_by_key(|best| best.time).expect("a way")
    });
    best.collect()
}
