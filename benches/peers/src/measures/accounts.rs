//! Many small indexes in one process.

use std::hint::black_box;
use std::time::Instant;

use super::load::load;
use super::writes::Pair;
use crate::bench::{About, Bench, Settings};
use crate::engine::{Engine, Kind};
use crate::question::{Clause, Mix, Question, by_frequency, questions};
use crate::random::Random;
use crate::record::Record;
use crate::timing::Timing;
use crate::workload::{Part, Workload};
use crate::workloads::ACCOUNT_CHATS;

/// The number of labels in a query.
const K: usize = 3;

/// The most links of a turn.
const LINKS: usize = 10_000;

/// Takes the requested measures, one engine after the other: the memory has room for one of them.
pub(crate) fn measure(settings: &Settings, workload: &Workload, kinds: &[Kind]) -> Vec<Record> {
    let ranked = by_frequency(workload);
    let asked = questions(workload, Clause::Any, &ranked, K);
    let question = asked.iter().find(|question| question.mix == Mix::Mixed).expect("enough labels");
    let mut bench = Bench { settings, workload, ranked, engines: Vec::new(), records: Vec::new() };
    // Every account would need two connections to the server, which no host would do.
    for &kind in kinds.iter().filter(|kind| kind.name != "redis") {
        Accounts::load(&mut bench, kind).measure(&mut bench, kind, question);
    }
    bench.records
}

struct Accounts<'a> {
    parts: Vec<Part<'a>>,
    engines: Vec<Box<dyn Engine>>,
}

impl<'a> Accounts<'a> {
    fn load(bench: &mut Bench<'a>, kind: Kind) -> Self {
        let workload = bench.workload;
        let accounts = workload.len() / ACCOUNT_CHATS;
        let extent = |nth: usize| nth * ACCOUNT_CHATS..(nth + 1) * ACCOUNT_CHATS;
        let parts: Vec<Part<'_>> = (0..accounts).map(|nth| Part { workload, chats: extent(nth) }).collect();
        let (mut engines, mut bytes, mut time) = (Vec::with_capacity(accounts), 0.0, 0.0);
        for part in &parts {
            let (engine, more_bytes, more_time) = load(kind, part);
            (bytes, time) = (bytes + more_bytes, time + more_time);
            engines.push(engine);
        }
        let memory = About { unit: "bytes", ..About::time("bytes_per_chat") };
        bench.record(memory, kind.name, Timing::once(bytes / workload.len() as f64));
        bench.record(About::time("bulk_load"), kind.name, Timing::once(time / workload.pairs() as f64));
        Self { parts, engines }
    }

    fn measure(mut self, bench: &mut Bench<'_>, kind: Kind, question: &Question) {
        let mut random = Random::new(6);
        let order: Vec<usize> = (0..1 << 16).map(|_| random.below(self.engines.len())).collect();
        if bench.settings.wants("totals") {
            let way = self.check(kind, question);
            let timings = bench.effort().in_turn(1, |_, ops| {
                for op in ops {
                    let engine = &self.engines[order[op % order.len()]];
                    let _ = black_box(engine.totals(black_box(&question.filter), way));
                }
            });
            let about = About { k: Some(K), labels: Some(question.mix.name()), ..About::time("totals") };
            bench.record(about, kind.name, timings[0]);
        }
        if bench.settings.wants("labels_of") {
            let keys: Vec<(usize, &str)> = order.iter().map(|&nth| (nth, self.key(nth, &mut random))).collect();
            let timings = bench.effort().in_turn(1, |_, ops| {
                for op in ops {
                    let (nth, key) = keys[op % keys.len()];
                    _ = black_box(self.engines[nth].labels_of(key).visit());
                }
            });
            bench.record(About::time("labels_of"), kind.name, timings[0]);
        }
        if bench.settings.wants_any(&["link", "unlink"]) {
            self.write(bench, kind, &mut random);
        }
    }

    fn key(&self, nth: usize, random: &mut Random) -> &'a str {
        let Part { workload, chats } = &self.parts[nth];
        workload.key(chats.start + random.below(chats.len()))
    }

    /// Compares the totals of all accounts with the truth, in every way. Returns the fastest way.
    fn check(&self, kind: Kind, question: &Question) -> usize {
        let truth = question.true_totals(self.parts[0].workload);
        let ways = self.engines[0].ways(&question.filter);
        let quickest = ways.min_by_key(|&way| {
            let began = Instant::now();
            let totals = self.engines.iter().map(|engine| engine.totals(&question.filter, way));
            let (chats, rows) = totals.fold((0, 0), |(chats, rows), next| (chats + next.chats, rows + next.rows));
            assert_eq!((chats, rows), (truth.chats, truth.rows), "{} in way {way}", kind.name);
            began.elapsed()
        });
        quickest.expect("a way")
    }

    fn write(&mut self, bench: &mut Bench<'_>, kind: Kind, random: &mut Random) {
        let labels = self.parts[0].labels();
        let some = (0..4 * LINKS).map(|_| {
            let nth = random.below(self.engines.len());
            let (label, chat) = (&labels[random.below(labels.len())].id, self.key(nth, random));
            (nth, Pair { label: label.clone(), chat: chat.to_owned() })
        });
        let mut pairs: Vec<(usize, Pair)> = some.collect();
        // Keeps the pairs that were not linked before and can be unlinked again.
        pairs.retain(|(nth, pair)| self.engines[*nth].link(&pair.label, &pair.chat));
        pairs.truncate(LINKS);
        let mut samples = [Vec::new(), Vec::new()];
        for _ in 0..bench.effort().rounds {
            for (link, samples) in [false, true].into_iter().zip(&mut samples) {
                let began = Instant::now();
                for (nth, Pair { label, chat }) in &pairs {
                    let engine = &mut self.engines[*nth];
                    assert!(if link { engine.link(label, chat) } else { engine.unlink(label, chat) }, "{}", kind.name);
                }
                samples.push(began.elapsed().as_secs_f64() * 1e6 / pairs.len() as f64);
            }
        }
        let [unlinks, links] = samples.map(Timing::of);
        bench.record(About::time("link"), kind.name, links);
        bench.record(About::time("unlink"), kind.name, unlinks);
    }
}
