//! From rows to an index in memory.

use std::io::BufRead;

use label_index::{BulkLoad, ChatId, LabelId, LabelIndex, LabelName, Options};

use crate::PAGE_LIMIT;
use crate::failure::Failure;
use crate::input_error::InputError;
use crate::rows::{Row, Rows};
use crate::texts::Texts;

/// Makes an index of all rows, in any order. Each distinct display name is a label of its own, with the ids 1, 2, .. in
/// order of first appearance.
///
/// Needs 16 bytes a distinct pair at most, and some 50 bytes and its text for each chat, beside the index.
pub(crate) fn load(source: &str, mut rows: Rows<impl BufRead>) -> Result<LabelIndex, Failure> {
    let refused = |error| Failure::input(source, error);
    let mut gathered = Gathered::new();
    while let Some(row) = rows.next().map_err(refused)? {
        gathered.add(&row).map_err(|reason| refused(InputError::at(row.line, &reason)))?;
    }
    gathered.finish().map_err(|error| refused(InputError::whole(&error)))
}

struct Gathered {
    bulk: BulkLoad,
    chat_texts: Texts,
    /// By number of their text. Several spellings of one chat stand here several times; the bulk load unites them.
    chats: Vec<ChatId>,
    /// Display names, byte for byte: `VIP` and `vip` are two.
    labels: Texts,
    pairs: Pairs,
}

impl Gathered {
    fn new() -> Self {
        Self {
            bulk: Options::new().page_limit(PAGE_LIMIT).bulk_load(),
            chat_texts: Texts::default(),
            chats: Vec::new(),
            labels: Texts::default(),
            pairs: Pairs::new(),
        }
    }

    fn add(&mut self, row: &Row<'_>) -> Result<(), String> {
        const TOO_MANY: &str = "more than 4294967296 different texts";
        let chat = self.chat_texts.number(&row.chat).ok_or(TOO_MANY)?;
        if self.chat_texts.len() > self.chats.len() {
            self.chats.push(row.chat.parse().map_err(|error: label_index::Error| error.to_string())?);
        }
        let known = self.labels.len();
        // A display name is kept trimmed.
        let label = self.labels.number(row.label.trim()).ok_or(TOO_MANY)?;
        if self.labels.len() > known {
            self.define(label, &row.label).map_err(|error| error.to_string())?;
        }
        self.pairs.push(chat, label);
        Ok(())
    }

    fn define(&mut self, label: u32, name: &str) -> label_index::Result<()> {
        let name: LabelName = name.parse()?;
        self.bulk.label(id_of(label), name)
    }

    fn finish(self) -> label_index::Result<LabelIndex> {
        let Self { mut bulk, chats, pairs, chat_texts, .. } = self;
        drop(chat_texts);
        let pairs = pairs.sorted();
        let chats_and_pairs = chats.into_iter().zip(pairs.chunk_by(|a, b| a.chat() == b.chat()));
        for (chat, pairs) in chats_and_pairs {
            bulk.chat(chat, pairs.iter().map(|pair| id_of(pair.label())))?;
        }
        Ok(bulk.finish())
    }
}

/// The id of the label with a number.
fn id_of(label: u32) -> LabelId {
    LabelId::from(label.saturating_add(1))
}

/// Pairs of a chat and a label, by number, in the order of chats and then of labels.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    chat: u32,
    label: u32,
}

impl Pair {
    fn chat(self) -> u32 {
        self.chat
    }

    fn label(self) -> u32 {
        self.label
    }
}

/// All pairs so far. A file that repeats itself takes no more memory than one that does not: whenever there are twice
/// as many as after the last time, repeated ones are dropped.
struct Pairs {
    pairs: Vec<Pair>,
    /// At how many pairs repeated ones are dropped.
    full: usize,
}

impl Pairs {
    /// Eight megabytes.
    const FIRST: usize = 1 << 20;

    fn new() -> Self {
        Self { pairs: Vec::new(), full: Self::FIRST }
    }

    fn push(&mut self, chat: u32, label: u32) {
        if self.pairs.len() >= self.full {
            self.drop_repeated();
            self.full = Self::FIRST.max(self.pairs.len().saturating_mul(2));
        }
        self.pairs.push(Pair { chat, label });
    }

    fn drop_repeated(&mut self) {
        self.pairs.sort_unstable();
        self.pairs.dedup();
    }

    fn sorted(mut self) -> Vec<Pair> {
        self.drop_repeated();
        self.pairs
    }
}
