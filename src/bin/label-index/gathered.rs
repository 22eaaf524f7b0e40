//! Builds an index in memory from rows.

use std::io::Read;
use std::mem;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use label_index::{BulkLoad, ChatId, Error, LabelId, LabelIndex, LabelName, Options};

use crate::PAGE_LIMIT;
use crate::block::Block;
use crate::failure::Failure;
use crate::input_error::InputError;
use crate::pairs::{Pairs, index_of};
use crate::rows::Rows;
use crate::texts::{Texts, TooMany};

/// The most blocks that are read ahead.
const AHEAD: usize = 4;

/// Builds an index from rows in any order. Each distinct display name is one label; their ids are 1, 2, .. in order of
/// first appearance.
///
/// One thread reads and splits lines, another one collects the pairs. In addition to the index they need 24 bytes for each
/// distinct pair (at least 96 MiB), and the memory of [`Texts`] and a [`ChatId`] for each chat.
pub(crate) fn load(source: &str, rows: Rows<impl Read>) -> Result<LabelIndex, Failure> {
    let (sender, blocks) = sync_channel(AHEAD);
    let gathered = thread::scope(|scope| {
        let gathering = scope.spawn(move || Gathered::of(blocks));
        let read = read(rows, &sender);
        drop(sender);
        let gathered = gathering.join().unwrap_or_else(|panic| resume_unwind(panic));
        // A refused row comes before the place where reading failed.
        gathered.and_then(|gathered| read.map(|()| gathered))
    });
    let finished = gathered.and_then(|gathered| gathered.finish().map_err(|error| InputError::whole(&error)));
    finished.map_err(|error| Failure::input(source, error))
}

/// Reads all rows, or stops early when the receiver is gone.
fn read(mut rows: Rows<impl Read>, blocks: &SyncSender<Block>) -> Result<(), InputError> {
    let mut block = Block::default();
    while let Some(row) = rows.next()? {
        block.push(&row);
        if block.is_full() && blocks.send(mem::take(&mut block)).is_err() {
            return Ok(());
        }
    }
    // Sending fails only when the receiver is gone, which has an error of its own.
    let _ = blocks.send(block);
    Ok(())
}

struct Gathered {
    bulk: BulkLoad,
    chat_texts: Texts,
    /// Chat ids by the number of their text. A chat with several spellings occurs several times; the bulk load merges them.
    chats: Vec<ChatId>,
    /// Display names, compared byte for byte: `VIP` and `vip` are two labels.
    label_texts: Texts,
    /// The number of labels.
    labels: u32,
    pairs: Pairs,
}

impl Gathered {
    fn new() -> Self {
        Self {
            bulk: Options::new().page_limit(PAGE_LIMIT).bulk_load(),
            chat_texts: Texts::default(),
            chats: Vec::new(),
            label_texts: Texts::default(),
            labels: 0,
            pairs: Pairs::new(),
        }
    }

    fn of(blocks: Receiver<Block>) -> Result<Self, InputError> {
        let mut gathered = Self::new();
        for block in blocks {
            gathered.add(&block)?;
        }
        Ok(gathered)
    }

    fn add(&mut self, block: &Block) -> Result<(), InputError> {
        let too_many = |TooMany| InputError::whole(&"more than 4294967296 different texts");
        let chats = self.chat_texts.numbers(block.rows().map(|row| row.chat)).map_err(too_many)?;
        // Display names are trimmed.
        let labels = self.label_texts.numbers(block.rows().map(|row| row.label.trim())).map_err(too_many)?;
        for (row, (chat, label)) in block.rows().zip(chats.into_iter().zip(labels)) {
            let refused = |error: Error| InputError::at(row.line, &error);
            if index_of(chat) == self.chats.len() {
                self.chats.push(row.chat.parse().map_err(refused)?);
            }
            if label == self.labels {
                self.define(label, row.label).map_err(refused)?;
                self.labels += 1;
            }
            self.pairs.push(chat, label);
        }
        Ok(())
    }

    fn define(&mut self, label: u32, name: &str) -> label_index::Result<()> {
        let name: LabelName = name.parse()?;
        self.bulk.label(id_of(label), name)
    }

    fn finish(self) -> label_index::Result<LabelIndex> {
        let Self { mut bulk, chats, pairs, chat_texts, .. } = self;
        drop(chat_texts);
        let grouped = pairs.grouped(chats.len());
        for (chat, labels) in chats.into_iter().zip(grouped.labels()) {
            bulk.chat(chat, labels.iter().map(|&label| id_of(label)))?;
        }
        Ok(bulk.finish())
    }
}

/// The id of the label with a number.
fn id_of(label: u32) -> LabelId {
    LabelId::from(label.saturating_add(1))
}
