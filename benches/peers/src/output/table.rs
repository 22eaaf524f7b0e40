//! A workload's values as a table: a row for each query, a column for each engine.

use super::numbers::number;
use crate::engines::OURS;
use crate::record::Record;

/// A row: one query, with each engine's value.
pub(crate) struct Line<'a> {
    pub(crate) question: String,
    pub(crate) unit: &'static str,
    pub(crate) cells: Vec<Option<&'a Record>>,
}

impl<'a> Line<'a> {
    /// Our own value.
    pub(crate) fn ours(&self) -> Option<&'a Record> {
        self.cells.iter().copied().flatten().find(|record| record.engine == OURS)
    }
}

/// A query in words.
pub(crate) fn question(record: &Record) -> String {
    let k = record.k.map(|k| format!(" k={k}")).unwrap_or_default();
    let labels = record.labels.map(|labels| format!(" {labels}")).unwrap_or_default();
    format!("{}{k}{labels}", record.measure)
}

/// The names of the engines that have a value, and the rows, both in the order of measuring.
pub(crate) fn lines(records: &[Record]) -> (Vec<&'static str>, Vec<Line<'_>>) {
    let mut engines: Vec<&'static str> = Vec::new();
    let mut firsts: Vec<&Record> = Vec::new();
    for record in records {
        if !engines.contains(&record.engine) {
            engines.push(record.engine);
        }
        if !firsts.iter().any(|first| first.is_beside(record)) {
            firsts.push(record);
        }
    }
    engines.sort_by_key(|&engine| engine != OURS);
    let line = |first: &Record| {
        let of = |engine| records.iter().find(|record| record.engine == engine && record.is_beside(first));
        Line { question: question(first), unit: first.unit, cells: engines.iter().map(|&engine| of(engine)).collect() }
    };
    (engines.clone(), firsts.into_iter().map(line).collect())
}

/// The median, its distance to the quartiles of the runs, and its ratio to our value.
pub(crate) fn cell(record: Option<&Record>, ours: Option<&Record>) -> String {
    let Some(record) = record else { return "-".to_owned() };
    let timing = &record.timing;
    let spread = (timing.high - timing.low) / timing.median / 2.0 * 100.0;
    let spread = if timing.runs > 1 { format!(" ±{spread:.0}%") } else { String::new() };
    let ratio = ours.filter(|ours| ours.engine != record.engine && record.unit != "share");
    let ratio = ratio.map(|ours| format!(" {}x", number(record.value() / ours.value()))).unwrap_or_default();
    format!("{}{spread}{ratio}", number(record.value()))
}

/// The table of one workload in plain text.
pub(crate) fn plain(records: &[Record]) -> String {
    let Some(first) = records.first() else { return String::new() };
    let (engines, lines) = lines(records);
    let mut rows = vec![vec![first.workload.clone(), "unit".to_owned()]];
    rows[0].extend(engines.iter().map(|&engine| engine.to_owned()));
    for line in lines {
        let ours = line.ours();
        let mut row = vec![line.question.clone(), line.unit.to_owned()];
        row.extend(line.cells.iter().map(|record| cell(*record, ours)));
        rows.push(row);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        for (at, (cell, width)) in row.iter().zip(&widths).enumerate() {
            text += &if at < 2 { format!("{cell:<width$}  ") } else { format!("{cell:>width$}  ") };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}
