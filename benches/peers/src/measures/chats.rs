//! Labels of random chats, and labels by name.

use std::hint::black_box;

use crate::bench::{About, Bench};
use crate::question::label_ids;
use crate::random::Random;

/// The number of different chats that are queried: more than fit into the caches.
const PROBES: usize = 1 << 16;

pub(super) fn measure(bench: &mut Bench<'_>) {
    let lanes: Vec<usize> = (0..bench.engines.len()).collect();
    if bench.settings.wants("labels_of") {
        let mut random = Random::new(2);
        let workload = bench.workload;
        let chats: Vec<usize> = (0..PROBES).map(|_| random.below(workload.len())).collect();
        for loaded in &bench.engines {
            for &chat in &chats[..1_000] {
                let labels = loaded.engine.labels_of(workload.key(chat)).plain();
                assert_eq!(labels, label_ids(workload, chat), "{} on {}", loaded.kind.name, workload.name);
            }
        }
        let keys: Vec<&str> = chats.iter().map(|&chat| workload.key(chat)).collect();
        let keys = Texts::of(&keys);
        let timings = bench.effort().in_turn(lanes.len(), |lane, ops| {
            let engine = &bench.engines[lane].engine;
            ops.for_each(|op| _ = black_box(engine.labels_of(keys.at(op)).visit()));
        });
        bench.record_all(About::time("labels_of"), &lanes, &timings);
    }
    if bench.settings.wants("name_lookup") {
        let names: Vec<String> = bench.workload.labels.iter().map(|label| label.name.to_uppercase()).collect();
        for (loaded, name) in bench.engines.iter().flat_map(|loaded| names.iter().map(move |name| (loaded, name))) {
            assert_eq!(loaded.engine.count_named(name), 1, "{} for {name}", loaded.kind.name);
        }
        let timings = bench.effort().in_turn(lanes.len(), |lane, ops| {
            let engine = &bench.engines[lane].engine;
            ops.for_each(|op| _ = black_box(engine.count_named(&names[op % names.len()])));
        });
        bench.record_all(About::time("name_lookup"), &lanes, &timings);
    }
}

/// Texts one after the other in memory, so that no engine has a cache miss for the text of the query.
struct Texts {
    text: String,
    ends: Vec<usize>,
}

impl Texts {
    fn of(texts: &[&str]) -> Self {
        let mut all = Self { text: String::new(), ends: Vec::with_capacity(texts.len()) };
        for text in texts {
            all.text.push_str(text);
            all.ends.push(all.text.len());
        }
        all
    }

    fn at(&self, op: usize) -> &str {
        let at = op % self.ends.len();
        &self.text[at.checked_sub(1).map_or(0, |before| self.ends[before])..self.ends[at]]
    }
}
