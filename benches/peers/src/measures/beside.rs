//! One thread reads while another one writes, both at full speed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::totals::best_ways;
use super::writes::{Pair, unlinked_pairs};
use crate::bench::{About, Bench, Loaded};
use crate::engine::{Read, Shared};
use crate::engines::OURS;
use crate::question::{Clause, Mix, questions};
use crate::random::Random;
use crate::timing::{Latencies, Timing};

/// The engines of a quick run.
const QUICK: [&str; 2] = [OURS, "roaring-fold"];

/// The workload of this measure.
const WORKLOAD: &str = "crm-1m";

/// The number of labels in a query.
const K: usize = 3;

/// The number of pairs that are linked at any time: the writer links one, and unlinks the one that it linked this many
/// links before.
const LINKED: usize = 1_000;

/// Consumes the engines: a shared engine cannot be used by a single thread again.
pub(super) fn measure(bench: &mut Bench<'_>) {
    if bench.workload.name != WORKLOAD || !bench.settings.wants_any(&["reads_beside_writer", "writes_beside_reader"]) {
        return;
    }
    let workload = bench.workload;
    let asked = questions(workload, Clause::Any, &bench.ranked, K);
    let question = asked.iter().find(|question| question.mix == Mix::Mixed).expect("enough labels");
    let ways = best_ways(&bench.engines, workload, question);
    let pairs = unlinked_pairs(workload, 100_000);
    let mut random = Random::new(5);
    let chats: Vec<&str> = (0..1 << 16).map(|_| workload.key(random.below(workload.len()))).collect();
    for (Loaded { kind, engine }, best) in bench.engines.drain(..).collect::<Vec<_>>().into_iter().zip(ways) {
        if bench.settings.quick && !QUICK.contains(&kind.name) {
            continue;
        }
        let paged = engine.page(&question.filter, None).is_some();
        let shared = engine.share();
        let reads = [
            ("totals", vec![Read::Totals(&question.filter, best.way)]),
            ("page", vec![Read::Page(&question.filter, best.way)]),
            ("labels_of", chats.iter().map(|chat| Read::LabelsOf(chat)).collect()),
        ];
        for (name, reads) in reads.iter().filter(|(name, _)| paged || *name != "page") {
            let sides = Sides { index: shared.as_ref(), reads, pairs: &pairs, time: bench.effort().beside };
            note(bench, kind.name, name, &sides.measure());
        }
    }
}

/// An index that two threads share.
struct Sides<'a> {
    index: &'a dyn Shared,
    reads: &'a [Read<'a>],
    pairs: &'a [Pair],
    time: Duration,
}

/// The pace of each side alone and at the same time as the other.
struct Measured {
    reads: [Pace; 2],
    writes: [Pace; 2],
}

/// Operations of one side, times in microseconds.
#[derive(Debug, Clone, Copy)]
struct Pace {
    each: f64,
    median: f64,
    p99: f64,
}

impl Sides<'_> {
    fn measure(&self) -> Measured {
        (0..LINKED).for_each(|at| self.change(at, true));
        let [read] = self.run(self.time / 4, [Self::reading]);
        let [write] = self.run(self.time / 4, [Self::writing]);
        let [read_beside, write_beside] = self.run(self.time, [Self::reading, Self::writing]);
        (0..LINKED).for_each(|at| self.change(at, false));
        Measured { reads: [read, read_beside], writes: [write, write_beside] }
    }

    fn change(&self, at: usize, link: bool) {
        let Pair { label, chat } = &self.pairs[at];
        let changed = if link { self.index.link(label, chat) } else { self.index.unlink(label, chat) };
        assert!(changed, "it changes what it is told to");
    }

    /// Runs sides, each in a thread, for a while.
    fn run<const N: usize>(&self, time: Duration, sides: [fn(&Self, &AtomicBool) -> Pace; N]) -> [Pace; N] {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let stop = &stop;
            let threads = sides.map(|side| scope.spawn(move || side(self, stop)));
            thread::sleep(time);
            stop.store(true, Ordering::Relaxed);
            threads.map(|thread| thread.join().expect("a side ends"))
        })
    }

    fn reading(&self, stop: &AtomicBool) -> Pace {
        Pace::of(stop, self.reads.iter().cycle(), |read| self.index.read(read))
    }

    /// Links and unlinks in turn, so that the number of links stays the same; the original links are there at the end.
    fn writing(&self, stop: &AtomicBool) -> Pace {
        let was_linked = |at: usize| at < LINKED;
        let mut linked: Vec<bool> = (0..self.pairs.len()).map(was_linked).collect();
        let pace = Pace::of(stop, 0_usize.., |step| {
            let link = step % 2 == 0;
            let at = (step / 2 + if link { LINKED } else { 0 }) % linked.len();
            linked[at] = link;
            self.change(at, link);
        });
        (0..linked.len()).filter(|&at| linked[at] != was_linked(at)).for_each(|at| self.change(at, !linked[at]));
        pace
    }
}

impl Pace {
    /// Runs one operation after the other until `stop` is set.
    fn of<T>(stop: &AtomicBool, things: impl Iterator<Item = T>, mut run: impl FnMut(T)) -> Self {
        let mut latencies = Latencies::new();
        let (start, mut before) = (Instant::now(), Instant::now());
        let mut count = 0_u64;
        for thing in things {
            if stop.load(Ordering::Relaxed) {
                break;
            }
            run(thing);
            let now = Instant::now();
            latencies.note(now - before);
            (before, count) = (now, count + 1);
        }
        let each = (before - start).as_secs_f64() * 1e6 / count.max(1) as f64;
        Self { each, median: latencies.at(0.5), p99: latencies.at(0.99) }
    }
}

/// Records the time of an operation while the other side runs, the share of the throughput that is kept, and the p99 as
/// a multiple of the undisturbed median.
fn note(bench: &mut Bench<'_>, engine: &'static str, read: &'static str, measured: &Measured) {
    let sides = [("reads_beside_writer", measured.reads), ("writes_beside_reader", measured.writes)];
    for (measure, [alone, beside]) in sides {
        let values =
            [("us", beside.each), ("share", alone.each / beside.each), ("p99/median", beside.p99 / alone.median)];
        for (unit, value) in values {
            let about = About { measure, k: (read != "labels_of").then_some(K), labels: Some(read), unit };
            bench.record(about, engine, Timing::once(value));
        }
    }
}
