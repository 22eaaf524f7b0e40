//! Endurance test: every kind of operation at once, for a given time, with every answer checked that can be.
//!
//! `cargo run --release --example soak -- --seconds 1200` runs for twenty minutes; `-- --help` lists the options.

mod arguments;
mod home;
mod network;
mod random;
mod reader;
mod report;
mod scene;
mod subscriber;
mod trouble;
mod upkeep;
mod writer;

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread::{self, ScopedJoinHandle};

use clap::Parser;
use label_index::{LabelId, LabelIndex, Revision};
use peak_alloc::PeakAlloc;

use crate::arguments::Arguments;
use crate::home::Home;
use crate::report::Report;
use crate::scene::Scene;
use crate::trouble::{Trouble, same};
use crate::writer::{Carried, Known, Writer};

/// Counts what is allocated.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let seed = arguments.seed;
    let troubles = run(arguments).unwrap_or_else(|trouble| vec![trouble]);
    for trouble in &troubles {
        let _ = writeln!(io::stderr(), "{trouble} (seed {seed})");
    }
    if troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs the load and returns the first failure.
fn run(arguments: Arguments) -> Result<Vec<Trouble>, Trouble> {
    let home = Home::open(&arguments)?;
    let scene = Scene::new(home.index()?, arguments)?;
    let mut report = Report::new(scene.arguments.json);
    let mut expected = load(&scene, &home, &mut report)?;
    let (index, at_end) = (&scene.index, ends_with(&scene.index));
    if !scene.has_failed()
        && let Err(trouble) = expected.compare(index).and_then(|()| upkeep::check_invariants(index))
    {
        scene.fail(trouble);
    }
    report.summary(&scene, at_end)?;
    let troubles = scene.troubles();
    // Handles keep an instance loaded, so they are dropped first.
    drop(scene);
    if troubles.is_empty() {
        expected.at_end = at_end;
        let home = home.reopen()?;
        let index = home.index()?;
        expected.compare(&index)?;
        upkeep::check_invariants(&index)?;
    }
    Ok(troubles)
}

/// The expected content at the end.
#[derive(Default)]
struct Expected {
    carried: Carried,
    names: BTreeMap<LabelId, String>,
    at_end: (Revision, u64, u64),
}

fn ends_with(index: &LabelIndex) -> (Revision, u64, u64) {
    (index.revision(), index.total_chats(), index.total_rows())
}

impl Expected {
    /// Checks that the index has every expected label with its name, every chat with its labels, and nothing else.
    fn compare(&self, index: &LabelIndex) -> Result<(), Trouble> {
        let (revision, found) = (index.revision(), subscriber::carried_by(index.iter()));
        if let Some((chat, labels)) = self.carried.iter().find(|(chat, labels)| found.get(chat) != Some(labels)) {
            same(revision, format_args!("labels of {chat} at the end"), &found.get(chat), &Some(labels))?;
        }
        let more = found.keys().find(|chat| !self.carried.contains_key(chat));
        same(revision, "a chat that nobody labelled", &more, &None)?;
        let name = |label: &label_index::Label| Some((label.id().clone(), label.name()?.to_string()));
        let names: BTreeMap<_, _> = index.labels().iter().filter_map(name).collect();
        same(revision, "labels at the end", &names, &self.names)?;
        let counted = [self.carried.len(), self.carried.values().map(|labels| labels.len()).sum()]
            .map(|count| u64::try_from(count).unwrap_or(u64::MAX));
        same(revision, "totals at the end", &[index.total_chats(), index.total_rows()], &counted)?;
        match self.at_end {
            (0, ..) => Ok(()),
            before => same(revision, "revision and totals after opening again", &ends_with(index), &before),
        }
    }
}

/// Runs all threads to the end and returns the content that the index must then have.
fn load(scene: &Scene, home: &Home, report: &mut Report) -> Result<Expected, Trouble> {
    let writers =
        (0..scene.arguments.writers).map(|number| Writer::begin(scene, number)).collect::<Result<Vec<_>, _>>()?;
    scene.begin();
    thread::scope(|scope| {
        let writers: Vec<_> =
            writers.into_iter().map(|writer| scope.spawn(|| guarded(scene, || writer.run()))).collect();
        let network = scope.spawn(|| guarded(scene, || network::refresh(scene)));
        let mut others: Vec<_> = (0..scene.arguments.readers)
            .map(|number| scope.spawn(move || guarded(scene, || reader::read(scene, number))))
            .collect();
        for role in [reader::hold, subscriber::follow, subscriber::sleep, upkeep::check] {
            others.push(scope.spawn(move || guarded(scene, || role(scene))));
        }
        if let Some(store) = home.store() {
            others.push(scope.spawn(move || guarded(scene, || upkeep::checkpoint(scene, store))));
        }
        if let Err(error) = report.watch(scene, home) {
            scene.fail(error.into());
        }

        let mut expected = Expected::default();
        for Known { carried, names } in writers.into_iter().filter_map(|writer| joined(scene, writer)) {
            expected.carried.extend(carried);
            expected.names.extend(names);
        }
        expected.carried.extend(joined(scene, network).into_iter().flatten());
        for other in others {
            joined(scene, other);
        }
        Ok(expected)
    })
}

/// Returns the result of a thread. A failure ends the run.
fn guarded<T>(scene: &Scene, role: impl FnOnce() -> Result<T, Trouble>) -> Option<T> {
    role().map_err(|trouble| scene.fail(trouble)).ok()
}

fn joined<T>(scene: &Scene, thread: ScopedJoinHandle<'_, Option<T>>) -> Option<T> {
    thread.join().unwrap_or_else(|_| {
        scene.fail(Trouble::Panic);
        None
    })
}
