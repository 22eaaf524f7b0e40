//! The command line.

mod question;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

pub(crate) use crate::arguments::question::{Question, without_arguments};
use crate::delimiter::Delimiter;

/// Finds the chats that carry any of the given labels, and all labels of each.
///
/// Chats and labels come from a CSV file with the columns chat and label, or from a store, which keeps the labels of many
/// accounts: a folder, or a PostgreSQL database, given as postgres://user@host/database. Without a command, a bundled sample is asked for VIP or Support.
#[derive(Debug, Parser)]
#[command(name = "label-index", version, max_term_width = 100, after_help = Arguments::EXAMPLES)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

impl Arguments {
    /// The command; without one, `query` without any option.
    pub(crate) fn into_command(self) -> Command {
        self.command.unwrap_or_else(|| Self::parse_from(["label-index", "query"]).into_command())
    }

    const EXAMPLES: &str = "\
Examples:
  label-index                                               asks the bundled sample
  label-index query contacts.csv --names VIP,Support        asks a file
  label-index load contacts.csv --store labels              keeps a file in a store
  label-index query --store labels --all-of VIP --json      asks the store
  label-index export --store labels > labels.jsonl          saves everything in it
  label-index import labels.jsonl --store postgres://app@db/labels  moves it to a database

Exit codes: 0 done; 1 the input, the store or the output failed; 2 the command line is wrong.";
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Query(Query),
    Load(Load),
    Stats(Stats),
    Verify(Verify),
    Export(Export),
    Import(Import),
    Remove(Remove),
    Completions(Completions),
}

/// Lists the chats that pass a filter, with exact totals
///
/// FILE is a CSV file with the header `chat,label`, plain or gzip. A label is named by its name, and gets the ids 1, 2,
/// .. in order of first appearance. Later lines that repeat the header are skipped, as in files that were joined.
///
/// --ids, --names and --name together are one clause: a chat passes with any of them. Without any clause the answer is
/// every chat. Names are compared without regard to case. Without any argument, the bundled sample is asked for VIP or
/// Support.
///
/// With --store and FILE the rows are added to the store first, as by the command `load`. With --store alone the store
/// answers as it is.
#[derive(Debug, Args)]
#[command(after_help = Query::EXAMPLES)]
pub(crate) struct Query {
    /// CSV file, plain or gzip; `-` is standard input; without --store the bundled sample if absent
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) question: Question,
    /// Prints the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Character between the columns of FILE; `tab` is one
    #[arg(long, value_name = "CHAR", default_value_t, requires = "file")]
    pub(crate) delimiter: Delimiter,
    /// The folder or the database of a store, made if FILE is to be stored there
    #[arg(long, value_name = "STORE")]
    pub(crate) store: Option<PathBuf>,
    /// The instance of the store, made if FILE is to be stored there
    #[arg(long, value_name = "NAME", default_value = "default", requires = "store")]
    pub(crate) instance: String,
    /// Rows that are stored together, or not at all, as by the command `load`
    #[arg(long, value_name = "N", requires = "store", allow_negative_numbers = true)]
    pub(crate) batch: Option<NonZeroUsize>,
}

impl Query {
    const EXAMPLES: &str = "\
Examples:
  label-index query contacts.csv.gz --names VIP,Support
  label-index query contacts.csv --name 'Reclamação, urgente' --none-of VIP --limit 10
  zcat *.gz | label-index query - --all-of VIP --json
  label-index query --store labels --instance shop --ids 1,2 --after CURSOR";
}

/// Adds the rows of a CSV file to a store
///
/// FILE is a CSV file with the header `chat,label`, plain or gzip. A label is the stored one of exactly the name in the
/// row, the first if there are several, or a new one.
///
/// The rows are stored batch by batch. A new instance is made with the first 8388608 rows at once, which is several times
/// faster and takes some 0.1 to 0.2 KB of memory a row, or with a batch if --batch says how large one is. After each of
/// these that is on disk, standard error says `committed ROWS`, all rows read so far. After a load that was stopped, the
/// same command again completes it: rows that are stored already change nothing. At the end the totals of the instance are
/// printed.
#[derive(Debug, Args)]
#[command(after_help = Load::EXAMPLES)]
pub(crate) struct Load {
    /// CSV file, plain or gzip; `-` is standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// The folder or the database of the store, made if there is none
    #[arg(long, value_name = "STORE")]
    pub(crate) store: PathBuf,
    /// The instance of the store, made if there is none
    #[arg(long, value_name = "NAME", default_value = "default")]
    pub(crate) instance: String,
    /// Rows that are stored together, or not at all; 10000 if absent
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) batch: Option<NonZeroUsize>,
    /// Character between the columns of FILE; `tab` is one
    #[arg(long, value_name = "CHAR", default_value_t)]
    pub(crate) delimiter: Delimiter,
    /// The most chats to list at the end, up to 10000
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    pub(crate) limit: usize,
    /// Prints the totals as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

impl Load {
    const EXAMPLES: &str = "\
Examples:
  label-index load contacts.csv.gz --store labels --instance shop
  label-index load contacts.txt --store labels --delimiter tab --batch 50000";
}

/// Tells what a store has: each instance's labels, chats, rows and revision
///
/// BYTES are those that the instance takes in memory; --json has them by part. With --instance also each label of the
/// instance, and how many chats carry it.
#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// The folder or the database of the store
    #[arg(long, value_name = "STORE")]
    pub(crate) store: PathBuf,
    /// One instance, instead of all
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Checks everything in a store, and changes nothing
///
/// Exits with 1 if anything is damaged.
#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The folder or the database of the store
    #[arg(long, value_name = "STORE")]
    pub(crate) store: PathBuf,
    /// Prints JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Writes a store to standard output, as lines of JSON that `import` takes
///
/// The output is complete if it ends with the line `export_end`, and the exit code is 0.
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The folder or the database of the store
    #[arg(long, value_name = "STORE")]
    pub(crate) store: PathBuf,
    /// One instance, instead of all
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Option<String>,
}

/// Adds the instances of an export to a store
///
/// Each instance is there whole, or not at all. One whose name the store has already is refused.
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// What `export` wrote, plain or gzip; `-`, or none, is standard input
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    pub(crate) file: PathBuf,
    /// The folder or the database of the store, made if there is none
    #[arg(long, value_name = "STORE")]
    pub(crate) store: PathBuf,
}

/// Removes an instance from a store, for good
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The folder or the database of the store
    #[arg(long, value_name = "STORE")]
    pub(crate) store: PathBuf,
    /// The instance
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: String,
}

/// Writes the completions of a shell to standard output
///
/// For bash: `label-index completions bash > ~/.local/share/bash-completion/completions/label-index`.
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: Shell,
}
