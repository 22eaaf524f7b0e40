//! The command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

/// Runs a mixed load on one index, checks every answer that it can, and tells rates and memory each second.
///
/// Writers own disjoint chats and know exactly what each of them has to carry. Readers walk pages, holders keep snapshots,
/// a network refreshes, subscribers follow or never read, and checkpoints are written. At the end everything is compared,
/// the store is closed, verified and opened, and everything is compared again. The exit code is 1 if anything was wrong.
///
/// The index is in a store, in a temporary folder unless --store names one. The columns: seconds since the beginning;
/// writes, reads and listed pages of the last second, and commits that the following subscriber read; checkpoints and
/// refreshes so far; snapshots held now; bytes that are allocated now, those of the load itself included; bytes of the
/// store's files; mismatches so far. Snapshots are held for up to a minute, so memory rises for about as long before it
/// shows anything.
#[derive(Debug, Clone, Parser)]
#[command(name = "soak", version)]
pub(crate) struct Arguments {
    /// How long the load goes on
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Chats that are written to
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    pub(crate) chats: u32,
    /// Labels that are on chats all the time; others come and go
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) labels: u32,
    /// Threads that write
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) writers: u32,
    /// Threads that ask
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=64))]
    pub(crate) readers: u32,
    /// The folder of a store; it must not have an instance "soak" yet
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Keeps the index in memory alone
    #[arg(long, conflicts_with = "store")]
    pub(crate) memory: bool,
    /// What threads choose at random follows from it; how they meet does not
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Prints a line of JSON each second, and one with "summary" at the end
    #[arg(long)]
    pub(crate) json: bool,
    /// Makes one writer expect a label that it did not link
    #[arg(long, hide = true)]
    pub(crate) plant_mismatch: bool,
}

impl Arguments {
    pub(crate) fn duration(&self) -> Duration {
        Duration::from_secs(self.seconds.into())
    }

    pub(crate) fn store(&self) -> Option<&Path> {
        self.store.as_deref()
    }
}
