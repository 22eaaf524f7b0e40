//! Reader threads: queries on the newest version, pages of one snapshot, and snapshots that are held for a while.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, Instant};

use label_index::{Entry, Filter, LabelId, LabelledChat, Page, Snapshot};

use crate::random::Random;
use crate::scene::Scene;
use crate::trouble::{Trouble, same};

/// Chats on one page.
const PAGE: usize = 200;

/// Pages of one walk.
const PAGES: usize = 50;

/// Snapshots that one holder keeps at the same time.
const HELD: usize = 12;

/// Queries until the run ends.
pub(crate) fn read(scene: &Scene, number: u32) -> Result<(), Trouble> {
    let mut random = Random::new(scene.arguments.seed, 1_000 + number);
    while scene.goes_on() {
        for _ in 0..20 {
            ask(scene, &mut random)?;
        }
        let snapshot = scene.index.snapshot();
        hang_together(scene, &snapshot, &mut random)?;
        walk(scene, &snapshot, &mut random)?;
    }
    Ok(())
}

/// One page with its totals, as an inbox shows it.
fn ask(scene: &Scene, random: &mut Random) -> Result<(), Trouble> {
    let before = scene.index.revision();
    let label = scene.label(random);
    let answer = scene.index.query(&Filter::new().any_of_ids([label.to_string()]), Page::first(50))?;
    scene.counters.reads.add(1);
    scene.counters.pages.add(1);
    let revision = answer.revision;
    same(revision, "an answer is not older than the one before", &(revision >= before), &true)?;
    same(revision, "each chat has the label once", &answer.matched_rows, &answer.total_chats)?;
    let listed = answer.chats.iter().filter(|row| carries(row, &label)).count();
    same(revision, format_args!("listed chats with {label}"), &listed, &answer.chats.len())?;
    let is_last = number(listed) == answer.total_chats;
    same(revision, "no next page, and everybody listed", &answer.next.is_none(), &is_last)
}

/// Compares the answers to related queries on one snapshot.
fn hang_together(scene: &Scene, snapshot: &Snapshot, random: &mut Random) -> Result<(), Trouble> {
    let (one, other) = (scene.label(random).to_string(), scene.label(random).to_string());
    let revision = snapshot.revision();
    let totals = |filter: &Filter| {
        scene.counters.reads.add(1);
        snapshot.query(filter, Page::first(0)).map(|answer| (answer.total_chats, answer.total_rows))
    };
    let either = totals(&Filter::new().any_of_ids([&one, &other]))?;
    let both = totals(&Filter::new().all_of_ids([&one, &other]))?;
    let neither = totals(&Filter::new().none_of_ids([&one, &other]))?;
    let everybody = (snapshot.total_chats(), snapshot.total_rows());
    let sum = |a: (u64, u64), b: (u64, u64)| (a.0 + b.0, a.1 + b.1);
    same(revision, format_args!("with {one} or {other}, and without"), &sum(either, neither), &everybody)?;
    let each = snapshot.count(&one) + snapshot.count(&other);
    same(revision, format_args!("with either of {one} and {other}, and with both"), &(either.0 + both.0), &each)
}

/// Walks the pages of one answer and checks each row against the filter.
fn walk(scene: &Scene, snapshot: &Snapshot, random: &mut Random) -> Result<(), Trouble> {
    let labels = snapshot.labels();
    let mut some = |most: u32| -> Vec<Entry> {
        let count = 1 + random.below(most);
        let entry = |_| {
            let label = random.pick(&labels)?;
            let name = label.name().filter(|_| random.one_in(3));
            Some(name.map_or_else(|| Entry::id(label.id().to_string()), |name| Entry::name(name.to_string())))
        };
        (0..count).filter_map(entry).collect()
    };
    let mut filter = Filter::new();
    filter.any_of = Some(some(6));
    if some(2).len() == 2 {
        filter.none_of = Some(some(2));
    }
    let ids = |clause: &Option<Vec<Entry>>| -> Vec<LabelId> {
        let ids = |entry: &Entry| match entry {
            Entry::Id(id) => snapshot.label(id).map(|label| label.id().clone()).into_iter().collect(),
            Entry::Name(name) => snapshot.ids_named(name),
        };
        clause.iter().flatten().flat_map(ids).collect()
    };
    let (any, none) = (ids(&filter.any_of), ids(&filter.none_of));
    let passes = |row: &LabelledChat| {
        any.iter().any(|label| carries(row, label)) && !none.iter().any(|label| carries(row, label))
    };

    let (revision, mut page, mut chats, mut rows) = (snapshot.revision(), Page::first(PAGE), 0, 0);
    for _ in 0..PAGES {
        let answer = snapshot.query(&filter, page)?;
        scene.counters.pages.add(1);
        chats += answer.chats.len();
        rows += answer.chats.iter().map(|row| row.labels.len()).sum::<usize>();
        if let Some(wrong) = answer.chats.iter().find(|row| !passes(row)) {
            same(revision, format_args!("{filter:?} gives"), &Some(wrong), &None)?;
        }
        if let Some(row) = random.pick(&answer.chats) {
            same(revision, format_args!("labels of {}", row.chat_id), &snapshot.labels_of(&row.chat_id), &row.labels)?;
        }
        let Some(next) = answer.next else {
            let totals = (answer.total_chats, answer.total_rows);
            return same(revision, format_args!("totals of {filter:?}"), &totals, &(number(chats), number(rows)));
        };
        page = Page::after(PAGE, next)?;
    }
    Ok(())
}

/// Holds each snapshot for a while, some for long, and checks afterwards that it has not changed.
pub(crate) fn hold(scene: &Scene) -> Result<(), Trouble> {
    let mut random = Random::new(scene.arguments.seed, 2_000);
    let mut held = Vec::new();
    let is_unchanged = |(_, before, snapshot): (Instant, Digest, Snapshot)| {
        same(snapshot.revision(), "a snapshot that was held", &digest(&snapshot), &before)
    };
    while scene.goes_on() {
        if held.len() < HELD {
            let snapshot = scene.index.snapshot();
            let longest = if random.one_in(8) { 60_000 } else { 4_000 };
            let until = Instant::now() + Duration::from_millis(random.below(longest).into());
            held.push((until, digest(&snapshot), snapshot));
        }
        scene.counters.held.set(held.len());
        scene.pause(Duration::from_millis(random.below(400).into()));
        held.extract_if(.., |(until, ..)| *until < Instant::now()).try_for_each(is_unchanged)?;
    }
    scene.counters.held.set(0);
    held.into_iter().try_for_each(is_unchanged)
}

type Digest = (u64, u64, u64);

/// Totals, and a hash of every row.
fn digest(snapshot: &Snapshot) -> Digest {
    let mut hasher = DefaultHasher::new();
    snapshot.iter().for_each(|row| row.hash(&mut hasher));
    (snapshot.total_chats(), snapshot.total_rows(), hasher.finish())
}

fn carries(row: &LabelledChat, label: &LabelId) -> bool {
    row.labels.iter().any(|own| own.id() == label)
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
