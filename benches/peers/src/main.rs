//! Compares label-index with what people would use instead: the same work and the same asserted answers, in one run.

mod args;
mod bench;
#[path = "../../workload/mod.rs"]
#[allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "it belongs to the benches of the crate, which use more of it"
)]
mod crm;
mod durable;
mod engine;
mod engines;
mod measures;
mod memory;
mod output;
mod question;
mod random;
mod record;
mod timing;
mod workload;
mod workloads;

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::time::Instant;

use clap::Parser;

use crate::args::Args;
use crate::output::{plot, report, table};
use crate::record::Record;

fn main() -> Result<(), Box<dyn Error>> {
    memory::count_croaring();
    let args = Args::parse();
    let settings = args.settings()?;
    let began = Instant::now();
    let mut kinds = engines::kinds();
    kinds.retain(|kind| args.includes(kind.name));
    let all = workloads::names(args.quick, args.data.as_deref());
    let names: Vec<&str> =
        if args.workload.is_empty() { all } else { args.workload.iter().map(String::as_str).collect() };
    let mut records: Vec<Record> = Vec::new();
    for name in names {
        let workload = workloads::workload(name, args.data.as_deref())?;
        let measured = match name {
            _ if args.durable => durable::measure(&workload)?,
            workloads::MANY_ACCOUNTS => measures::accounts::measure(&settings, &workload, &kinds),
            _ => measures::measure(&settings, &workload, &kinds),
        };
        writeln!(std::io::stdout(), "{}", table::plain(&measured))?;
        eprintln!("{name}: done after {:.0} s", began.elapsed().as_secs_f64());
        records.extend(measured);
        if let Some(file) = &args.json {
            let lines = records.iter().fold(String::new(), |mut lines, record| {
                let _ = writeln!(lines, "{}", record.json());
                lines
            });
            fs::write(file, lines)?;
        }
    }
    writeln!(std::io::stdout(), "{}", report::bar(&records))?;
    if let Some(file) = &args.report {
        let plot = args.plot.as_ref().and_then(|plot| plot.file_name()?.to_str());
        fs::write(file, report::markdown(&records, &args.command(), plot))?;
    }
    if let Some(file) = &args.plot {
        plot::totals(file, &records)?;
    }
    Ok(())
}
