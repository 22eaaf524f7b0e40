//! The time in which `label-index` answers from a CSV file and loads it into a store, compared with the crate `csv`,
//! which reads the same rows and keeps nothing.
//!
//! `cargo bench --bench csv` measures for some minutes; `cargo test --bench csv` runs everything once with small files.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench is a program that may panic"
)]

#[allow(dead_code, reason = "other benches use more of it")]
mod workload;

use std::env;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use workload::Random;

/// An account: every label on every chat with the same probability.
struct Account {
    name: &'static str,
    chats: u32,
    labels: u32,
    /// The average number of labels of a chat, in tenths.
    tenths: usize,
}

/// The order of the rows.
#[derive(Clone, Copy, Debug)]
enum Order {
    Chat,
    Label,
    Random,
}

const ACCOUNTS: [Account; 2] = [
    Account { name: "200 labels", chats: 200_000, labels: 200, tenths: 345 },
    Account { name: "20 labels", chats: 1_000_000, labels: 20, tenths: 66 },
];

impl Account {
    /// Chats and labels by number, ordered by chat.
    fn rows(&self, chats: u32) -> Vec<(u32, u32)> {
        let mut random = Random(7);
        let bound = usize::try_from(self.labels * 10).unwrap();
        let all = (0..chats).flat_map(|chat| (0..self.labels).map(move |label| (chat, label)));
        all.filter(|_| random.below(bound) < self.tenths).collect()
    }
}

impl Order {
    const ALL: [Self; 3] = [Self::Chat, Self::Label, Self::Random];

    fn sort(self, rows: &mut [(u32, u32)]) {
        match self {
            Self::Chat => rows.sort_unstable(),
            Self::Label => rows.sort_unstable_by_key(|&(chat, label)| (label, chat)),
            Self::Random => {
                let mut random = Random(25);
                for end in (1..rows.len()).rev() {
                    rows.swap(end, random.below(end + 1));
                }
            }
        }
    }
}

fn write(path: &Path, rows: &[(u32, u32)]) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "chat,label")?;
    for &(chat, label) in rows {
        writeln!(out, "{}@s.whatsapp.net,Label {label}", 5_511_900_000_000 + u64::from(chat) * 7)?;
    }
    out.flush()
}

/// Reads all rows with the crate `csv`, and counts them.
fn read_by_csv(path: &Path) -> usize {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let (mut record, mut rows) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record).unwrap() {
        rows += 1;
    }
    rows
}

/// Runs the program. Returns the number of rows in its answer.
fn rows_by_program(command: &str, path: &Path, store: Option<&Path>) -> usize {
    let mut program = Command::new(env!("CARGO_BIN_EXE_label-index"));
    program.args([command, "--json", "--limit", "0"]).arg(path);
    if let Some(store) = store {
        program.arg("--store").arg(store);
    }
    let output = program.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
    usize::try_from(answer["total_rows"].as_u64().unwrap()).unwrap()
}

/// Runs something, and keeps the shortest time so far in `best`.
fn time(best: &mut Duration, rows: usize, run: impl FnOnce() -> usize) {
    let began = Instant::now();
    let counted = run();
    *best = began.elapsed().min(*best);
    assert_eq!(counted, rows);
}

fn measure(folder: &Path, account: &Account, order: Order, rows: &[(u32, u32)], rounds: usize) {
    let path: PathBuf = folder.join("rows.csv");
    write(&path, rows).unwrap();
    let [mut csv, mut memory, mut stored] = [Duration::MAX; 3];
    for round in 0..rounds {
        time(&mut csv, rows.len(), || read_by_csv(&path));
        time(&mut memory, rows.len(), || rows_by_program("query", &path, None));
        // A store uses the disk and takes far longer, so it is measured in every other round.
        if round % 2 == 0 {
            let store = tempfile::tempdir_in(folder).unwrap();
            time(&mut stored, rows.len(), || rows_by_program("load", &path, Some(store.path())));
        }
    }
    let [csv, memory, stored] = [csv, memory, stored].map(|best| best.as_secs_f64());
    println!(
        "{:10}  {:6}  {:>9}  csv {csv:.2} s  in memory {memory:.2} s ({:.1}x)  into a store {stored:.2} s ({:.1}x)",
        account.name,
        format!("{order:?}"),
        rows.len(),
        memory / csv,
        stored / csv
    );
}

fn main() {
    let whole = env::args().any(|argument| argument == "--bench");
    let folder = tempfile::tempdir().unwrap();
    for account in ACCOUNTS {
        let mut rows = account.rows(if whole { account.chats } else { 500 });
        for order in Order::ALL {
            order.sort(&mut rows);
            measure(folder.path(), &account, order, &rows, if whole { 5 } else { 1 });
        }
    }
}
