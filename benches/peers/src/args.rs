//! The command line.

use std::path::PathBuf;

use clap::Parser;

use crate::bench::Settings;
use crate::measures::cold;
use crate::timing::Effort;

/// label-index beside what people would use instead.
#[derive(Debug, Parser)]
#[command(after_help = "Workloads: crm-10k crm-100k crm-1m crm-10m tags-1m many-accounts, and with --data \
    census1881 bitsets1925630 debtags.")]
pub(crate) struct Args {
    /// crm-100k, crm-1m and the real files only, in less than three minutes.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Stores on disk beside SQLite instead, with each workload's chats in one account.
    #[arg(long)]
    pub(crate) durable: bool,
    /// A workload by name; may be repeated. Default: all.
    #[arg(long, value_name = "NAME")]
    pub(crate) workload: Vec<String>,
    /// A measure by name; may be repeated. Default: all.
    #[arg(long, value_name = "NAME")]
    measure: Vec<String>,
    /// An engine by name; may be repeated. Default: all that can run here.
    #[arg(long, value_name = "NAME")]
    pub(crate) engine: Vec<String>,
    /// The folder of the real data.
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Writes one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Writes a report in Markdown.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    /// Draws the cost of totals against the number of chats, as SVG.
    #[arg(long, value_name = "FILE")]
    pub(crate) plot: Option<PathBuf>,
}

/// The names of all measures but the cold ones.
const MEASURES: [&str; 17] = [
    "totals",
    "totals_all_of",
    "totals_none_of",
    "page_first",
    "page_middle",
    "page_with_totals",
    "labels_of",
    "link",
    "unlink",
    "relink",
    "bulk_load",
    "bytes_per_chat",
    "snapshot",
    "worst_write_under_snapshot",
    "reads_beside_writer",
    "writes_beside_reader",
    "name_lookup",
];

impl Args {
    /// # Errors
    ///
    /// The name of a measure that does not exist.
    pub(crate) fn settings(&self) -> Result<Settings, String> {
        let known = [&MEASURES[..], &cold::MEASURES].concat();
        if let Some(unknown) = self.measure.iter().find(|measure| !known.contains(&measure.as_str())) {
            return Err(format!("no measure {unknown}; there are {}", known.join(", ")));
        }
        let effort = if self.quick { Effort::QUICK } else { Effort::FULL };
        Ok(Settings { effort, quick: self.quick, measures: self.measure.clone() })
    }

    /// The command that measures the same again, without the names of files.
    pub(crate) fn command(&self) -> String {
        let mut command = "cargo run --release --manifest-path benches/peers/Cargo.toml --".to_owned();
        let options = [("workload", &self.workload), ("measure", &self.measure), ("engine", &self.engine)];
        for (option, values) in options {
            values.iter().for_each(|value| command += &format!(" --{option} {value}"));
        }
        command
            + if self.durable { " --durable" } else { "" }
            + if self.quick { " --quick" } else { "" }
            + if self.data.is_some() { " --data DIR" } else { "" }
    }

    /// Whether an engine takes part.
    pub(crate) fn includes(&self, engine: &str) -> bool {
        self.engine.is_empty() || self.engine.iter().any(|wanted| wanted == engine)
    }
}
