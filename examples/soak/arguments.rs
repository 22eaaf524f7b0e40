//! The command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Parser;

/// Runs a mixed load on one index, checks every answer that can be checked, and prints rates and memory each second.
///
/// Each writer owns chats of its own and knows exactly which labels they carry. Readers walk pages, holders keep
/// snapshots, a network refreshes, subscribers follow or never read, and checkpoints are written. At the end everything
/// is compared, the store is closed, verified and opened, and everything is compared again. The exit code is 1 if
/// anything was wrong.
///
/// The index is in a store, in a temporary folder unless --store names one. The columns: seconds since the beginning;
/// writes, reads and listed pages of the last second, and commits that the following subscriber read; checkpoints and
/// refreshes so far; snapshots held now; bytes that are allocated now, those of the load itself included; bytes of the
/// store's files; mismatches so far. Snapshots are held for up to a minute, so memory rises for about as long before it
/// shows anything.
#[derive(Debug, Clone, Parser)]
#[command(name = "soak", version)]
pub(crate) struct Arguments {
    /// Seconds that the load runs
    #[arg(long, value_name = "N", default_value_t = 60)]
    seconds: u32,
    /// Number of chats that the writers use
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(10..=10_000_000))]
    pub(crate) chats: u32,
    /// Number of labels that exist for the whole run; others are created and removed
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) labels: u32,
    /// Number of writer threads
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) writers: u32,
    /// Number of reader threads
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u32).range(..=64))]
    pub(crate) readers: u32,
    /// Folder of a store; it must not have an instance "soak" yet
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// Keeps the index in memory, without a store
    #[arg(long, conflicts_with = "store")]
    pub(crate) memory: bool,
    /// Seed of the random choices; the interleaving of threads does not depend on it
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Prints a line of JSON each second, and one with "summary" at the end
    #[arg(long)]
    pub(crate) json: bool,
    /// Makes one writer expect a label that it did not link, so that the run has to fail
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
