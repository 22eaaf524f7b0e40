//! The interface of a measured engine, so that every engine does the same work and gives the same answers.

use std::any::Any;
use std::borrow::Cow;
use std::hint::black_box;
use std::ops::Range;

use label_index::{Answer, ChatLabels, ChatPage, Filter};

use crate::workload::Part;

/// How many chats a page has.
pub(crate) const PAGE: usize = 50;

/// An index of labels on chats. Labels and chats are named by text, as a host has them.
///
/// Filters have one clause, of ids. An engine may have several ways to answer a query; the harness tries all and takes
/// the fastest for each query, as an expert would by hand.
pub(crate) trait Engine: Send {
    fn ways(&self, _filter: &Filter) -> Range<usize> {
        0..1
    }

    fn totals(&self, filter: &Filter, way: usize) -> Totals;

    /// The cursor after a chat; `None` if the engine has no order of chats, as sets have none.
    fn cursor(&self, _after: &Behind<'_>) -> Option<String> {
        None
    }

    /// A page from the start or from a cursor, without totals; `None` likewise.
    fn page(&self, _filter: &Filter, _after: Option<&str>) -> Option<Listed<'_>> {
        None
    }

    /// A first page and the totals: twice the work, unless the engine has both at once.
    fn page_with_totals(&self, filter: &Filter, way: usize) -> Option<(Listed<'_>, Totals)> {
        Some((self.page(filter, None)?, self.totals(filter, way)))
    }

    fn labels_of(&self, chat: &str) -> Labels<'_>;

    /// How many labels have the name, in any case.
    fn count_named(&self, name: &str) -> usize;

    /// Both return whether anything changed.
    fn link(&mut self, label: &str, chat: &str) -> bool;
    fn unlink(&mut self, label: &str, chat: &str) -> bool;

    fn has_snapshots(&self) -> bool {
        true
    }

    /// The whole index as it is now, untouched by later writes.
    fn snapshot(&self) -> Box<dyn Any>;

    /// Bytes in use that the allocator wrapper does not see; for all indexes of the engine in this process.
    fn uncounted_bytes(&self) -> u64 {
        0
    }

    /// The same index for several threads.
    fn share(self: Box<Self>) -> Box<dyn Shared>;
}

/// An index that one thread reads while another writes.
pub(crate) trait Shared: Send + Sync {
    /// Reads one thing and drops it.
    fn read(&self, read: &Read<'_>);
    fn link(&self, label: &str, chat: &str) -> bool;
    fn unlink(&self, label: &str, chat: &str) -> bool;
}

/// A read of an index that another thread writes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Read<'a> {
    Totals(&'a Filter, usize),
    Page(&'a Filter, usize),
    LabelsOf(&'a str),
}

impl Read<'_> {
    /// Reads from an engine; a page comes with its totals.
    pub(crate) fn run(&self, engine: &(impl Engine + ?Sized)) {
        match *self {
            Read::Totals(filter, way) => {
                let _ = black_box(engine.totals(filter, way));
            }
            Read::Page(filter, way) => {
                _ = black_box(engine.page_with_totals(filter, way).map(|(page, _)| page.visit()))
            }
            Read::LabelsOf(chat) => _ = black_box(engine.labels_of(chat).visit()),
        }
    }
}

/// Exact totals of a query. Without an any-of clause `matched_rows` is `rows`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) chats: u64,
    pub(crate) rows: u64,
    pub(crate) matched_rows: u64,
}

/// The last chat before a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind<'a> {
    /// Its number among all chats, in the order of loading.
    pub(crate) chat: usize,
    /// A label that it has, and its number among the chats that have it.
    pub(crate) label: &'a str,
    pub(crate) nth: usize,
}

/// Id and name of a label.
pub(crate) type NamedRef<'a> = (&'a str, &'a str);

/// The labels of a chat, in label order, in the engine's own types, so that no conversion is timed. Peers lend ids and
/// names; label-index returns labels that can be kept.
#[derive(Debug)]
pub(crate) enum Labels<'a> {
    Index(ChatLabels),
    Named(Vec<NamedRef<'a>>),
}

/// A page in the engine's own types.
#[derive(Debug)]
pub(crate) enum Listed<'a> {
    Index(ChatPage),
    Answer(Answer),
    Rows(Vec<(Cow<'a, str>, Vec<NamedRef<'a>>)>),
}

impl Labels<'_> {
    /// Looks at the name of each label, as a host does that writes them.
    pub(crate) fn visit(&self) -> usize {
        match self {
            Self::Index(labels) => labels.iter().map(|label| label.name().map_or(0, |name| seen(name.as_str()))).sum(),
            Self::Named(labels) => labels.iter().map(|(_, name)| seen(name)).sum(),
        }
    }

    /// The ids.
    pub(crate) fn plain(&self) -> Vec<String> {
        match self {
            Self::Index(labels) => labels.iter().map(|label| label.id().to_string()).collect(),
            Self::Named(labels) => labels.iter().map(|&(id, _)| id.to_owned()).collect(),
        }
    }
}

/// A number that depends on the length and the first byte.
fn seen(text: &str) -> usize {
    text.len() + text.as_bytes().first().map_or(0, |&byte| usize::from(byte))
}

impl Listed<'_> {
    /// Looks at the name of each label of each chat.
    pub(crate) fn visit(&self) -> usize {
        match self {
            Self::Index(ChatPage { chats, .. }) | Self::Answer(Answer { chats, .. }) => {
                let labels = chats.iter().flat_map(|chat| &chat.labels);
                labels.map(|label| label.name().map_or(0, |name| seen(name.as_str()))).sum()
            }
            Self::Rows(rows) => rows.iter().flat_map(|(_, labels)| labels).map(|(_, name)| seen(name)).sum(),
        }
    }

    /// The keys, each with its label ids.
    pub(crate) fn plain(self) -> Vec<(String, Vec<String>)> {
        match self {
            Self::Index(ChatPage { chats, .. }) | Self::Answer(Answer { chats, .. }) => {
                let plain = chats.into_iter();
                plain.map(|chat| (chat.chat_id.to_string(), Labels::Index(chat.labels).plain())).collect()
            }
            Self::Rows(rows) => {
                rows.into_iter().map(|(key, ids)| (key.into_owned(), Labels::Named(ids).plain())).collect()
            }
        }
    }
}

/// An engine by name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) name: &'static str,
    /// Loads an index from texts, the chats in their order.
    pub(crate) load: fn(&Part<'_>) -> Box<dyn Engine>,
}
