//! Operations of a server that does other work in between: before each timed operation, more memory is walked than fits
//! into the caches.

use std::hint::black_box;
use std::time::{Duration, Instant};

use super::totals::best_ways;
use super::writes::{Pair, unlinked_pairs};
use crate::bench::{About, Bench, Loaded};
use crate::question::{Clause, Mix, Question, questions};
use crate::random::Random;
use crate::timing::Timing;

/// Bytes that are walked: three times the largest cache of the machine that docs/lab.md is about.
const WALKED: usize = 96 << 20;

/// Bytes of a line of the caches.
const LINE: usize = 64;

/// The numbers of labels in queries.
const SIZES: [usize; 2] = [3, 8];

/// The longest operations that are measured: longer ones hardly depend on the caches.
const MOST: Duration = Duration::from_millis(20);

/// The measures of this module.
pub(crate) const MEASURES: [&str; 7] = [
    "cold_totals",
    "cold_page",
    "cold_page_with_totals",
    "cold_labels_of",
    "cold_link",
    "cold_unlink",
    "cold_name_lookup",
];

/// Memory that is walked to fill the caches.
struct Elsewhere {
    lines: Vec<u8>,
}

impl Elsewhere {
    fn new() -> Self {
        Self { lines: vec![1; WALKED] }
    }

    /// Writes to every line, so that no other line stays in a cache.
    fn walk(&mut self) {
        self.lines.iter_mut().step_by(LINE).for_each(|byte| *byte = byte.wrapping_add(1));
        black_box(&mut self.lines);
    }

    /// Times single operations of some engines in turn. `run` does an operation of a lane, by number.
    fn in_turn(&mut self, rounds: usize, lanes: usize, mut run: impl FnMut(usize, usize)) -> Vec<Timing> {
        let mut samples = vec![Vec::with_capacity(rounds); lanes];
        for round in 0..rounds {
            for (lane, samples) in samples.iter_mut().enumerate() {
                self.walk();
                let began = Instant::now();
                run(lane, round);
                samples.push(began.elapsed().as_secs_f64() * 1e6);
            }
        }
        samples.into_iter().map(Timing::of).collect()
    }
}

pub(super) fn measure(bench: &mut Bench<'_>) {
    if !bench.settings.wants_any(&MEASURES) {
        return;
    }
    let mut elsewhere = Elsewhere::new();
    for k in SIZES {
        let asked = questions(bench.workload, Clause::Any, &bench.ranked, k);
        for question in asked.iter().filter(|question| question.mix != Mix::Rare) {
            totals(bench, &mut elsewhere, question);
            pages(bench, &mut elsewhere, question);
        }
    }
    chats(bench, &mut elsewhere);
    writes(bench, &mut elsewhere);
}

fn about(measure: &'static str, question: &Question) -> About {
    About { k: Some(question.k()), labels: Some(question.mix.name()), ..About::time(measure) }
}

fn totals(bench: &mut Bench<'_>, elsewhere: &mut Elsewhere, question: &Question) {
    if !bench.settings.wants_any(&["cold_totals", "cold_page_with_totals"]) {
        return;
    }
    let ways = best_ways(&bench.engines, bench.workload, question);
    let all = (0..bench.engines.len()).filter(|&lane| ways[lane].time < MOST);
    let lanes: Vec<usize> = all.collect();
    let rounds = bench.effort().cold;
    if bench.settings.wants("cold_totals") {
        let timings = elsewhere.in_turn(rounds, lanes.len(), |at, _| {
            let (engine, way) = (&bench.engines[lanes[at]].engine, ways[lanes[at]].way);
            _ = black_box(engine.totals(black_box(&question.filter), way));
        });
        bench.record_all(about("cold_totals", question), &lanes, &timings);
    }
    if bench.settings.wants("cold_page_with_totals") {
        let paging = |&lane: &usize| bench.engines[lane].engine.page(&question.filter, None).is_some();
        let lanes: Vec<usize> = lanes.into_iter().filter(paging).collect();
        let timings = elsewhere.in_turn(rounds, lanes.len(), |at, _| {
            let (engine, way) = (&bench.engines[lanes[at]].engine, ways[lanes[at]].way);
            _ = black_box(engine.page_with_totals(black_box(&question.filter), way).map(|(page, _)| page.visit()));
        });
        bench.record_all(about("cold_page_with_totals", question), &lanes, &timings);
    }
}

fn pages(bench: &mut Bench<'_>, elsewhere: &mut Elsewhere, question: &Question) {
    if !bench.settings.wants("cold_page") {
        return;
    }
    let paging = |loaded: &Loaded| {
        let began = Instant::now();
        loaded.engine.page(&question.filter, None).is_some() && began.elapsed() < MOST
    };
    let lanes: Vec<usize> = (0..bench.engines.len()).filter(|&lane| paging(&bench.engines[lane])).collect();
    let timings = elsewhere.in_turn(bench.effort().cold, lanes.len(), |at, _| {
        _ = black_box(bench.engines[lanes[at]].engine.page(black_box(&question.filter), None).map(|page| page.visit()));
    });
    bench.record_all(about("cold_page", question), &lanes, &timings);
}

/// Labels of another chat each time, and one label by its name.
fn chats(bench: &mut Bench<'_>, elsewhere: &mut Elsewhere) {
    let (workload, rounds) = (bench.workload, bench.effort().cold);
    let lanes: Vec<usize> = (0..bench.engines.len()).collect();
    if bench.settings.wants("cold_labels_of") {
        let mut random = Random::new(8);
        let keys: Vec<String> = (0..rounds).map(|_| workload.key(random.below(workload.len())).to_owned()).collect();
        let timings = elsewhere.in_turn(rounds, lanes.len(), |lane, round| {
            _ = black_box(bench.engines[lane].engine.labels_of(black_box(&keys[round])).visit());
        });
        bench.record_all(About::time("cold_labels_of"), &lanes, &timings);
    }
    if bench.settings.wants("cold_name_lookup") {
        let names: Vec<String> = workload.labels.iter().map(|label| label.name.to_uppercase()).collect();
        let timings = elsewhere.in_turn(rounds, lanes.len(), |lane, round| {
            _ = black_box(bench.engines[lane].engine.count_named(&names[round % names.len()]));
        });
        bench.record_all(About::time("cold_name_lookup"), &lanes, &timings);
    }
}

/// Links of new pairs, each once, and then their unlinks.
fn writes(bench: &mut Bench<'_>, elsewhere: &mut Elsewhere) {
    if !bench.settings.wants_any(&["cold_link", "cold_unlink"]) {
        return;
    }
    let pairs = unlinked_pairs(bench.workload, bench.effort().cold);
    let lanes: Vec<usize> = (0..bench.engines.len()).collect();
    for (measure, link) in [("cold_link", true), ("cold_unlink", false)] {
        let timings = elsewhere.in_turn(pairs.len(), lanes.len(), |lane, round| {
            let (engine, Pair { label, chat }) = (&mut bench.engines[lane].engine, &pairs[round]);
            assert!(if link { engine.link(label, chat) } else { engine.unlink(label, chat) }, "it changes something");
        });
        bench.record_all(About::time(measure), &lanes, &timings);
    }
}
