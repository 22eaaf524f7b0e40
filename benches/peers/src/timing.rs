//! Timing in turn, A B A B, so that disturbances of the machine affect all engines.

use std::ops::Range;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

/// How long and how often is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// Turns of each engine.
    pub(crate) rounds: usize,
    /// The time of a turn; a longer operation is done once. Short, so that few turns lose the processor to other
    /// programs.
    pub(crate) turn: Duration,
    /// The time for all turns of an engine on one query; a longer operation gets fewer turns.
    pub(crate) all_turns: Duration,
    /// The time for which two threads run at the same time.
    pub(crate) beside: Duration,
    /// How often a bulk load is repeated, for this many pairs at most.
    pub(crate) loads: usize,
    /// The number of writes while a snapshot is held.
    pub(crate) writes: usize,
    /// The number of operations with cold caches.
    pub(crate) cold: usize,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        rounds: 21,
        turn: Duration::from_millis(2),
        all_turns: Duration::from_millis(1_500),
        beside: Duration::from_secs(10),
        loads: 3,
        writes: 400_000,
        cold: 301,
    };

    pub(crate) const QUICK: Self = Self {
        rounds: 9,
        turn: Duration::from_micros(600),
        all_turns: Duration::from_millis(30),
        beside: Duration::from_secs(2),
        loads: 1,
        writes: 40_000,
        cold: 51,
    };

    /// Times `lanes` engines in turn. `run` does operations of a lane, by number.
    ///
    /// A turn of several operations begins with one that is not timed, so the state of the caches after other engines
    /// is not measured.
    pub(crate) fn in_turn(&self, lanes: usize, mut run: impl FnMut(usize, Range<usize>)) -> Vec<Timing> {
        let mut timed = |lane: usize, ops: Range<usize>| {
            let (count, began) = (ops.len(), Instant::now());
            run(lane, ops);
            began.elapsed().as_secs_f64() * 1e6 / count as f64
        };
        let mut plans: Vec<LanePlan> = (0..lanes).map(|lane| self.plan(|ops| timed(lane, ops))).collect();
        for round in 0..self.rounds {
            for (lane, plan) in plans.iter_mut().enumerate().filter(|(_, plan)| round < plan.rounds) {
                if plan.ops > 1 {
                    timed(lane, plan.next..plan.next + 1);
                    plan.next += 1;
                }
                let ops = plan.next..plan.next + plan.ops;
                plan.next = ops.end;
                plan.samples.push(timed(lane, ops));
            }
        }
        plans.into_iter().map(|plan| Timing::of(plan.samples)).collect()
    }

    /// Finds how many operations make a turn.
    fn plan(&self, mut timed: impl FnMut(Range<usize>) -> f64) -> LanePlan {
        let turn = self.turn.as_secs_f64() * 1e6;
        let all_turns = self.all_turns.as_secs_f64() * 1e6;
        let first = timed(0..1);
        if first > all_turns {
            return LanePlan { ops: 1, rounds: 0, next: 1, samples: vec![first] };
        }
        let (mut ops, mut next, mut each) = (1, 2, timed(1..2));
        while each * (ops as f64) < turn / 4.0 {
            ops = (turn / 2.0 / each).clamp(2.0 * ops as f64, 64.0 * ops as f64) as usize;
            each = timed(next..next + ops);
            next += ops;
        }
        let ops = ((turn / each) as usize).max(1);
        let rounds = ((all_turns / each / ops as f64) as usize).clamp(1, self.rounds);
        LanePlan { ops, rounds, next, samples: Vec::with_capacity(rounds) }
    }
}

/// The operations of an engine in each turn.
struct LanePlan {
    ops: usize,
    rounds: usize,
    next: usize,
    samples: Vec<f64>,
}

/// The values of all turns, in microseconds for an operation or in another unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Timing {
    pub(crate) median: f64,
    /// The quartiles.
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) runs: usize,
}

impl Timing {
    pub(crate) fn of(mut samples: Vec<f64>) -> Self {
        samples.sort_by(f64::total_cmp);
        let [middle, below] = [samples.len() / 2, (samples.len() - 1) / 2];
        Self {
            median: (samples[middle] + samples[below]) / 2.0,
            low: samples[samples.len() / 4],
            high: samples[(samples.len() - 1) - samples.len() / 4],
            runs: samples.len(),
        }
    }

    pub(crate) fn once(value: f64) -> Self {
        Self { median: value, low: value, high: value, runs: 1 }
    }
}

/// How long single operations took, all of them.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        // Nanoseconds up to ten seconds, to three digits.
        Self(Histogram::new_with_bounds(1, 10_000_000_000, 3).expect("bounds in order"))
    }

    pub(crate) fn note(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }

    /// In microseconds.
    pub(crate) fn at(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }
}
