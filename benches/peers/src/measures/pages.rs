//! A page of 50 chats with their labels, without totals and with them.

use std::hint::black_box;

use super::totals::best_ways;
use crate::bench::{About, Bench, Loaded};
use crate::engine::Behind;
use crate::question::{Clause, Question, questions};
use crate::workload::Workload;

/// The numbers of labels in queries.
const SIZES: [usize; 3] = [1, 3, 8];

pub(super) fn measure(bench: &mut Bench<'_>) {
    let (workload, ranked) = (bench.workload, bench.ranked.clone());
    let middle = bench.settings.wants("page_middle").then(|| middle(workload, &ranked)).flatten();
    for question in SIZES.into_iter().flat_map(|k| questions(workload, Clause::Any, &ranked, k)) {
        if bench.settings.wants("page_first") {
            time(bench, "page_first", &question, None);
        }
        if bench.settings.wants("page_with_totals") {
            time_with_totals(bench, &question);
        }
        if let Some(middle) = &middle {
            time(bench, "page_middle", &question, Some(middle));
        }
    }
}

/// The chat in the middle of those of the rarest label, so that every engine finds it quickly.
fn middle<'a>(workload: &'a Workload, ranked: &[u16]) -> Option<Behind<'a>> {
    let counts = workload.counts();
    let rarest = *ranked.iter().rev().find(|&&label| counts[usize::from(label)] > 1)?;
    let nth = counts[usize::from(rarest)] / 2 - 1;
    let chat = (0..workload.len()).filter(|&chat| workload.members(chat).contains(&rarest)).nth(nth)?;
    Some(Behind { chat, label: &workload.labels[usize::from(rarest)].id, nth })
}

fn time(bench: &mut Bench<'_>, measure: &'static str, question: &Question, after: Option<&Behind<'_>>) {
    let workload = bench.workload;
    let start = after.map_or(0, |after| after.chat + 1);
    let truth = question.true_page(workload, start);
    let (mut lanes, mut cursors) = (Vec::new(), Vec::new());
    for (lane, loaded) in bench.engines.iter().enumerate() {
        let cursor = after.map(|after| loaded.engine.cursor(after));
        let cursor = match cursor {
            Some(None) => continue,
            Some(cursor) => cursor,
            None => None,
        };
        let Some(page) = loaded.engine.page(&question.filter, cursor.as_deref()) else { continue };
        assert_eq!(page.plain(), truth, "{} on {}, {measure} of {question:?}", loaded.kind.name, workload.name);
        lanes.push(lane);
        cursors.push(cursor);
    }
    let timings = bench.effort().in_turn(lanes.len(), |at, ops| {
        let (engine, cursor) = (&bench.engines[lanes[at]].engine, cursors[at].as_deref());
        ops.for_each(|_| {
            _ = black_box(engine.page(black_box(&question.filter), black_box(cursor)).map(|page| page.visit()));
        });
    });
    let about = About { measure, k: Some(question.k()), labels: Some(question.mix.name()), unit: "us" };
    bench.record_all(about, &lanes, &timings);
}

fn time_with_totals(bench: &mut Bench<'_>, question: &Question) {
    let (ways, truth) = (best_ways(&bench.engines, bench.workload, question), question.true_page(bench.workload, 0));
    let paging = |&lane: &usize| {
        let Loaded { kind, engine } = &bench.engines[lane];
        let Some((page, _)) = engine.page_with_totals(&question.filter, ways[lane].way) else { return false };
        assert_eq!(page.plain(), truth, "{} on {}, {question:?}", kind.name, bench.workload.name);
        ways[lane].time < bench.effort().all_turns
    };
    let lanes: Vec<usize> = (0..bench.engines.len()).filter(paging).collect();
    let timings = bench.effort().in_turn(lanes.len(), |at, ops| {
        let (engine, way) = (&bench.engines[lanes[at]].engine, ways[lanes[at]].way);
        ops.for_each(|_| {
            let page = engine.page_with_totals(black_box(&question.filter), way);
            _ = black_box(page.map(|(page, _)| page.visit()));
        });
    });
    let about = About { k: Some(question.k()), labels: Some(question.mix.name()), ..About::time("page_with_totals") };
    bench.record_all(about, &lanes, &timings);
}
