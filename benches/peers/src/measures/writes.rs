//! Single random links and unlinks, and links of existing pairs.

use std::collections::HashSet;
use std::hint::black_box;
use std::time::Instant;

use crate::bench::{About, Bench};
use crate::random::Random;
use crate::timing::Timing;
use crate::workload::Workload;

/// The most pairs that are linked and unlinked in a turn.
const PAIRS: usize = 20_000;

/// A label and a chat, in texts.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) label: String,
    pub(super) chat: String,
}

/// Random pairs that are not linked, each once.
pub(super) fn unlinked_pairs(workload: &Workload, count: usize) -> Vec<Pair> {
    let (mut random, mut seen, mut pairs) = (Random::new(3), HashSet::new(), Vec::with_capacity(count));
    // A workload with few chats may not have enough pairs; this many tries find nearly all.
    for _ in 0..4 * count {
        let (label, chat) = (random.below(workload.labels.len()), random.below(workload.len()));
        let linked = workload.members(chat).iter().any(|&member| usize::from(member) == label);
        if !linked && seen.insert((label, chat)) {
            pairs.push(pair(workload, label, chat));
            if pairs.len() == count {
                break;
            }
        }
    }
    pairs
}

fn pair(workload: &Workload, label: usize, chat: usize) -> Pair {
    Pair { label: workload.labels[label].id.clone(), chat: workload.key(chat).to_owned() }
}

pub(super) fn measure(bench: &mut Bench<'_>) {
    if !bench.settings.wants_any(&["link", "unlink", "relink"]) {
        return;
    }
    let workload = bench.workload;
    let pairs = unlinked_pairs(workload, PAIRS);
    let lanes = bench.engines.len();
    // A turn is 20 times as long as one of reads, since it makes a sample only for a whole list.
    let turn = bench.effort().turn.as_secs_f64() * 20.0;
    let counts: Vec<usize> = (0..lanes).map(|lane| turn_pairs(bench, lane, &pairs, turn)).collect();
    let (mut links, mut unlinks) = (vec![Vec::new(); lanes], vec![Vec::new(); lanes]);
    for _ in 0..bench.effort().rounds {
        for lane in 0..lanes {
            let pairs = &pairs[..counts[lane]];
            let [link, unlink] = there_and_back(bench, lane, pairs);
            links[lane].push(link);
            unlinks[lane].push(unlink);
        }
    }
    let lanes: Vec<usize> = (0..lanes).collect();
    let links: Vec<Timing> = links.into_iter().map(Timing::of).collect();
    let unlinks: Vec<Timing> = unlinks.into_iter().map(Timing::of).collect();
    bench.record_all(About::time("link"), &lanes, &links);
    bench.record_all(About::time("unlink"), &lanes, &unlinks);
    if bench.settings.wants("relink") {
        relink(bench, &lanes);
    }
}

/// How many of the pairs fill a turn.
fn turn_pairs(bench: &mut Bench<'_>, lane: usize, pairs: &[Pair], turn: f64) -> usize {
    let some = &pairs[..pairs.len().min(200)];
    let [link, unlink] = there_and_back(bench, lane, some);
    let fit = turn * 1e6 / (link + unlink);
    (fit as usize).clamp(some.len(), pairs.len())
}

/// Links all pairs, and unlinks them again in the same order: the microseconds for each.
fn there_and_back(bench: &mut Bench<'_>, lane: usize, pairs: &[Pair]) -> [f64; 2] {
    let loaded = &mut bench.engines[lane];
    [true, false].map(|link| {
        let began = Instant::now();
        let changed =
            pairs.iter().all(
                |Pair { label, chat }| {
                    if link { loaded.engine.link(label, chat) } else { loaded.engine.unlink(label, chat) }
                },
            );
        let time = began.elapsed().as_secs_f64() * 1e6;
        assert!(changed, "{} changes what it is told to", loaded.kind.name);
        time / pairs.len() as f64
    })
}

fn relink(bench: &mut Bench<'_>, lanes: &[usize]) {
    let workload = bench.workload;
    let mut random = Random::new(4);
    let pairs: Vec<Pair> = (0..PAIRS)
        .map(|_| {
            let chat = random.below(workload.len());
            let members = workload.members(chat);
            pair(workload, usize::from(members[random.below(members.len())]), chat)
        })
        .collect();
    let effort = *bench.effort();
    let engines = &mut bench.engines;
    let timings = effort.in_turn(lanes.len(), |lane, ops| {
        let loaded = &mut engines[lane];
        for op in ops {
            let Pair { label, chat } = &pairs[op % pairs.len()];
            assert!(!black_box(loaded.engine.link(label, chat)), "{} has it already", loaded.kind.name);
        }
    });
    bench.record_all(About::time("relink"), lanes, &timings);
}
