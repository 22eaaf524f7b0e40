//! The options that make a question.

use std::env;
use std::ffi::OsStr;

use clap::Args;
use label_index::{Filter, Page};

use crate::failure::Failure;

#[derive(Debug, Args)]
pub(crate) struct Question {
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
}

impl Question {
    /// The labels that the sample is asked for when there is no argument.
    const SHOWN_BY_DEFAULT: [&str; 2] = ["VIP", "Support"];

    pub(crate) fn filter(&self) -> Filter {
        let mut filter = Filter::new();
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

    /// The filter, which for a command line without any argument is the one that shows the sample.
    pub(crate) fn filter_or_default(&self) -> Filter {
        if without_arguments() { Filter::new().any_of_names(Self::SHOWN_BY_DEFAULT) } else { self.filter() }
    }

    pub(crate) fn page(&self) -> Result<Page, Failure> {
        match &self.after {
            None => Ok(Page::first(self.limit)),
            Some(cursor) => Page::after(self.limit, cursor).map_err(Failure::Question),
        }
    }
}

/// Whether there is nothing on the command line but the command `query`, if that.
pub(crate) fn without_arguments() -> bool {
    env::args_os().skip(1).all(|argument| argument == OsStr::new("query"))
}
