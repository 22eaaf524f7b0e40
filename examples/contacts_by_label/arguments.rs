//! The command line.

use std::env;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use clap::Parser;
use label_index::{Filter, Page};

use crate::failure::Failure;

/// Shows which chats carry any of the given labels, and all labels of each.
///
/// FILE is a CSV file with the header `chat,label`; a label is named by its name, and gets the ids 1, 2, .. in order
/// of first appearance. --ids, --names and --name together are one clause: a chat passes with any of them. Without
/// any clause the answer is every chat. Names are compared without regard to case.
///
/// With --store the rows are added to what a store has, batch by batch; after each one that is on disk, standard error
/// says `committed ROWS`, all rows read so far. A label is then the stored one of exactly that name, the first if there
/// are several, or a new one. Whoever was stopped starts again: what is there already changes nothing. Without FILE
/// the store answers as it is.
///
/// Without any argument, a bundled sample is asked for VIP or Support.
#[derive(Debug, Parser)]
#[command(name = "contacts_by_label", version)]
pub(crate) struct Arguments {
    /// CSV file, plain or gzip; `-` is standard input; without --store the bundled sample if absent
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Label ids, any of which is enough, separated by commas
    #[arg(long, value_name = "IDS")]
    ids: Vec<String>,
    /// Label names, any of which is enough, separated by commas
    #[arg(long, value_name = "NAMES")]
    names: Vec<String>,
    /// One more label name that is enough; it may contain commas
    #[arg(long, value_name = "NAME")]
    name: Vec<String>,
    /// A label name that each chat must have
    #[arg(long, value_name = "NAME")]
    all_of: Vec<String>,
    /// A label name that no chat may have
    #[arg(long, value_name = "NAME")]
    none_of: Vec<String>,
    /// The most chats to list, up to 10000; 0 gives the totals only
    #[arg(long, value_name = "N", default_value_t = 50, allow_negative_numbers = true)]
    limit: usize,
    /// Lists the chats behind this cursor, which an answer gave
    #[arg(long, value_name = "CURSOR")]
    after: Option<String>,
    /// Prints the answer as JSON
    #[arg(long)]
    json: bool,
    /// The folder of a store, made if FILE is to be stored there
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The instance of the store, made if FILE is to be stored there
    #[arg(long, value_name = "NAME", default_value = "default", requires = "store")]
    instance: String,
    /// Rows that are stored together, or not at all
    #[arg(long, value_name = "N", default_value = "10000", requires = "store", allow_negative_numbers = true)]
    batch: NonZeroUsize,
}

impl Arguments {
    /// The options that ask for VIP or Support.
    const SHOWN_BY_DEFAULT: &'static str = "--names VIP,Support";

    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// The folder of the store.
    pub(crate) fn store(&self) -> Option<&Path> {
        self.store.as_deref()
    }

    pub(crate) fn instance(&self) -> &str {
        &self.instance
    }

    /// Rows in one batch.
    pub(crate) fn batch(&self) -> usize {
        self.batch.get()
    }

    pub(crate) fn json(&self) -> bool {
        self.json
    }

    pub(crate) fn filter(&self) -> Filter {
        let mut filter = Filter::new();
        if no_arguments() {
            filter = filter.any_of_names(["VIP", "Support"]);
        }
        // A clause whose option occurs is given, even when its list is empty.
        if !self.ids.is_empty() {
            filter = filter.any_of_ids(self.ids.iter().flat_map(|ids| Filter::split(ids)));
        }
        if !self.names.is_empty() {
            filter = filter.any_of_names(self.names.iter().flat_map(|names| Filter::split(names)));
        }
        if !self.name.is_empty() {
            filter = filter.any_of_names(&self.name);
        }
        if !self.all_of.is_empty() {
            filter = filter.all_of_names(&self.all_of);
        }
        if !self.none_of.is_empty() {
            filter = filter.none_of_names(&self.none_of);
        }
        filter
    }

    pub(crate) fn page(&self) -> Result<Page, Failure> {
        match &self.after {
            None => Ok(Page::first(self.limit)),
            Some(cursor) => Page::after(self.limit, cursor).map_err(Failure::Question),
        }
    }

    /// The options that the same question needs beside those that were given.
    pub(crate) fn question_options(&self) -> Option<&'static str> {
        no_arguments().then_some(Self::SHOWN_BY_DEFAULT)
    }
}

fn no_arguments() -> bool {
    env::args_os().len() <= 1
}
