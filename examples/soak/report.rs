//! A line of counts each second, and a summary.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use label_index::Revision;
use serde_json::{Value, json};

use crate::MEMORY;
use crate::home::Home;
use crate::scene::Scene;

/// Lines between two headers.
const LINES: usize = 20;

/// Columns of the table, with the fields of the lines of JSON.
const COLUMNS: [(&str, &str); 12] = [
    ("seconds", "seconds"),
    ("writes/s", "writes_per_s"),
    ("reads/s", "reads_per_s"),
    ("pages/s", "pages_per_s"),
    ("fed/s", "fed_per_s"),
    ("checkpoints", "checkpoints"),
    ("held", "snapshots_held"),
    ("refreshes", "refreshes"),
    ("live MiB", "live_mib"),
    ("file MiB", "file_mib"),
    ("mismatches", "mismatches"),
    ("revision", "revision"),
];

pub(crate) struct Report {
    is_json: bool,
    lines: usize,
    live: Vec<usize>,
}

/// Counts at one moment.
struct Moment {
    at: Instant,
    counts: [u64; 4],
}

impl Moment {
    fn of(scene: &Scene) -> Self {
        let counters = &scene.counters;
        let counts = [&counters.writes, &counters.reads, &counters.pages, &counters.fed].map(|counter| counter.get());
        Self { at: Instant::now(), counts }
    }

    /// The counts since then, for one second.
    fn rates_since(&self, earlier: &Self) -> [u64; 4] {
        let millis = self.at.duration_since(earlier.at).as_millis().max(1);
        let mut rates = self.counts;
        for (rate, before) in rates.iter_mut().zip(earlier.counts) {
            *rate = u64::try_from(u128::from(*rate - before) * 1_000 / millis).unwrap_or(u64::MAX);
        }
        rates
    }
}

impl Report {
    pub(crate) fn new(is_json: bool) -> Self {
        Self { is_json, lines: 0, live: Vec::new() }
    }

    /// Prints a line each second until the end.
    pub(crate) fn watch(&mut self, scene: &Scene, home: &Home) -> io::Result<()> {
        let mut last = Moment::of(scene);
        while scene.goes_on() {
            scene.pause(Duration::from_secs(1));
            let now = Moment::of(scene);
            self.second(scene, home, now.rates_since(&last))?;
            last = now;
        }
        Ok(())
    }

    fn second(&mut self, scene: &Scene, home: &Home, rates: [u64; 4]) -> io::Result<()> {
        let (counters, live) = (&scene.counters, MEMORY.current_usage());
        self.live.push(live);
        let [writes, reads, pages, fed] = rates.map(Value::from);
        let values: [Value; 12] = [
            tenths(scene.elapsed().as_millis(), 1_000),
            writes,
            reads,
            pages,
            fed,
            counters.checkpoints.get().into(),
            counters.held.get().into(),
            counters.refreshes.get().into(),
            mebibytes(live),
            home.file_bytes().map_or(Value::Null, |bytes| tenths(bytes.into(), MIB)),
            counters.mismatches.get().into(),
            scene.index.revision().into(),
        ];
        let mut out = io::stdout().lock();
        if self.is_json {
            let line: serde_json::Map<_, _> =
                COLUMNS.iter().map(|(_, field)| (*field).to_owned()).zip(values).collect();
            writeln!(out, "{}", Value::from(line))?;
        } else {
            if self.lines.is_multiple_of(LINES) {
                row(&mut out, COLUMNS.iter().map(|(title, _)| (*title).to_owned()))?;
            }
            row(&mut out, values.iter().map(|value| if value.is_null() { "-".to_owned() } else { value.to_string() }))?;
        }
        self.lines += 1;
        out.flush()
    }

    /// Prints the summary; `at_end` has the revision and the counts of chats and rows.
    pub(crate) fn summary(&self, scene: &Scene, at_end: (Revision, u64, u64)) -> io::Result<()> {
        let counters = &scene.counters;
        let quarter = self.live.len().div_ceil(4);
        let first = mean(self.live.iter().take(quarter));
        let last = mean(self.live.iter().rev().take(quarter));
        let (revision, chats, rows) = at_end;
        let summary = json!({
            "seed": scene.arguments.seed,
            "seconds": tenths(scene.elapsed().as_millis(), 1_000),
            "writes": counters.writes.get(),
            "reads": counters.reads.get(),
            "pages": counters.pages.get(),
            "fed": counters.fed.get(),
            "missed": counters.missed.get(),
            "copies_compared": counters.copies_compared.get(),
            "checkpoints": counters.checkpoints.get(),
            "refreshes": counters.refreshes.get(),
            "invariant_checks": counters.invariant_checks.get(),
            "revision": revision,
            "chats": chats,
            "rows": rows,
            "live_mib_first_quarter": mebibytes(first),
            "live_mib_last_quarter": mebibytes(last),
            "mismatches": counters.mismatches.get(),
        });
        let mut out = io::stdout().lock();
        if self.is_json {
            return writeln!(out, "{}", json!({ "summary": summary }));
        }
        writeln!(out)?;
        for (field, value) in summary.as_object().into_iter().flatten() {
            writeln!(out, "{:<24}{:>12}", field.replace('_', " ").replace("mib", "MiB"), value.to_string())?;
        }
        Ok(())
    }
}

fn row(out: &mut impl Write, cells: impl Iterator<Item = String>) -> io::Result<()> {
    let cells = cells.zip(COLUMNS).map(|(cell, (title, _))| format!("{cell:>width$}", width = title.len().max(8)));
    writeln!(out, "{}", cells.collect::<Vec<_>>().join("  "))
}

const MIB: u128 = 1 << 20;

fn mebibytes(bytes: usize) -> Value {
    tenths(u128::try_from(bytes).unwrap_or(u128::MAX), MIB)
}

/// A quotient with one decimal.
fn tenths(number: u128, unit: u128) -> Value {
    let tenths = u32::try_from(number.saturating_mul(10) / unit).unwrap_or(u32::MAX);
    (f64::from(tenths) / 10.0).into()
}

fn mean<'a>(values: impl Iterator<Item = &'a usize>) -> usize {
    let (count, sum) = values.fold((0, 0_usize), |(count, sum), &value| (count + 1, sum.saturating_add(value)));
    sum.checked_div(count).unwrap_or_default()
}
