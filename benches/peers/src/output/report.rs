//! The report of a run: the aims and whether they were reached, where label-index loses, and all values.

use std::fmt::Write as _;
use std::process::Command;
use std::thread;

use super::bar::{Demand, demands};
use super::numbers::number;
use super::table::{cell, lines, question};
use crate::engines::OURS;
use crate::record::Record;

/// The aims as a table in Markdown, which is readable as plain text.
pub(crate) fn bar(records: &[Record]) -> String {
    let mut text =
        "| measure | workload | wanted | found at worst | holds |\n| --- | --- | --- | --- | --- |\n".to_owned();
    for Demand { measure, workload, wanted, found } in demands(records) {
        let worst = found.iter().min_by(|one, other| one.margin.total_cmp(&other.margin));
        let Some(worst) = worst else { continue };
        let holding = found.iter().filter(|found| found.holds).count();
        let verdict = if holding == found.len() { "yes".to_owned() } else { format!("{holding} of {}", found.len()) };
        let workload = if workload.is_empty() { "all" } else { workload };
        let value = number(worst.value);
        let _ = writeln!(text, "| {measure} | {workload} | {wanted} | {value} ({}) | {verdict} |", worst.question);
    }
    text
}

/// The whole report.
pub(crate) fn markdown(records: &[Record], command: &str, plot: Option<&str>) -> String {
    let mut text = format!("# Beside the peers\n\n{}\n", circumstances(command));
    if let Some(plot) = plot {
        let _ = writeln!(text, "![Totals of three labels against the number of chats]({plot})\n");
    }
    let _ = writeln!(text, "## The bar\n\nA ratio is how many times ours the other takes.\n\n{}", bar(records));
    let _ = writeln!(text, "## Where label-index loses\n\n{}", losses(records));
    let workloads = records.chunk_by(|one, other| one.workload == other.workload);
    for of_workload in workloads {
        let _ = writeln!(text, "## {}\n\n{}", of_workload[0].workload, table(of_workload));
    }
    text
}

/// Machine, date, commit and command.
fn circumstances(command: &str) -> String {
    let cpus = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpus.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": ")).map(|(_, name)| name);
    let cores = thread::available_parallelism().map_or(1, usize::from);
    format!(
        "- machine: {}, {cores} cores\n- date: {}\n- commit: {}\n- compiler: {}\n- command: `{command}`\n\n\
        Each cell: median, half the distance between the quartiles of the runs, times ours. Engines take turns; all \
        answers were compared with one another before anything was timed. Before each operation of a cold measure 96 MiB \
        of other memory were walked.\n",
        cpu.unwrap_or("unknown"),
        told("date", &["-u", "+%F"]),
        told("git", &["describe", "--always", "--dirty"]),
        told("rustc", &["--version"]),
    )
}

/// The output of a command.
fn told(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output.map_or_else(|_| "unknown".to_owned(), |output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// For each workload and measure: in how many queries another engine was faster, and where by the most.
fn losses(records: &[Record]) -> String {
    let mut text = "| workload | measure | lost | by at most |\n| --- | --- | --- | --- |\n".to_owned();
    let mut ours: Vec<&Record> =
        records.iter().filter(|record| record.engine == OURS && record.unit != "share").collect();
    let first = |wanted: &Record| {
        let same = |record: &Record| (&record.workload, record.measure) == (&wanted.workload, wanted.measure);
        records.iter().position(same)
    };
    ours.sort_by_cached_key(|record| first(record));
    for same in ours.chunk_by(|one, other| (&one.workload, one.measure) == (&other.workload, other.measure)) {
        let lost = same.iter().filter_map(|ours| {
            let beside = records.iter().filter(|record| record.is_beside(ours));
            let best = beside.min_by(|one, other| one.value().total_cmp(&other.value()))?;
            (best.value() * 1.1 < ours.value()).then_some((ours, best))
        });
        let ratio = |ours: &Record, best: &Record| ours.value() / best.value();
        let lost: Vec<_> = lost.collect();
        let worst = lost.iter().max_by(|one, other| ratio(one.0, one.1).total_cmp(&ratio(other.0, other.1)));
        let Some((ours, best)) = worst else { continue };
        let (times, value, peer) = (number(ratio(ours, best)), number(ours.value()), best.engine);
        let _ = writeln!(
            text,
            "| {} | {} | {} of {} | {times}x ({}: {value} {}, {peer} {}) |",
            ours.workload,
            ours.measure,
            lost.len(),
            same.len(),
            question(ours),
            ours.unit,
            number(best.value()),
        );
    }
    text
}

/// All values of a workload.
fn table(records: &[Record]) -> String {
    let (engines, lines) = lines(records);
    let mut text = format!("| question | unit | {} |\n|", engines.join(" | "));
    (0..engines.len() + 2).for_each(|_| text.push_str(" --- |"));
    text.push('\n');
    for line in lines {
        let ours = line.ours();
        let cells: Vec<String> = line.cells.iter().map(|record| cell(*record, ours)).collect();
        let _ = writeln!(text, "| {} | {} | {} |", line.question, line.unit, cells.join(" | "));
    }
    text
}
