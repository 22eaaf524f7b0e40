//! Collects rows for a bulk load.

use std::io::Read;
use std::mem;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

use label_index::{BulkLoad, ChatId, Error, LabelId, LabelName, Options};

use crate::PAGE_LIMIT;
use crate::block::Block;
use crate::failure::Failure;
use crate::input_error::InputError;
use crate::pairs::{Pairs, index_of};
use crate::rows::Rows;
use crate::shapes::Shapes;
use crate::texts::{Texts, TooMany};

/// The most blocks that are read ahead.
const AHEAD: usize = 16;

/// Collects the next rows, at most as many, in any order. Each distinct display name is one label; their ids are 1, 2, .. in
/// order of first appearance.
///
/// One thread reads and splits lines, another one collects the pairs. In addition to the index they need 24 bytes for each
/// distinct pair (at least 96 MiB), and the memory of [`Texts`] and a [`ChatId`] for each chat.
pub(crate) fn gather(source: &str, rows: &mut Rows<impl Read>, most: u64) -> Result<Gathered, Failure> {
    let (sender, blocks) = sync_channel(AHEAD);
    let gathered = thread::scope(|scope| {
        let gathering = scope.spawn(move || Gathered::of(blocks));
        let read = read(rows, most, &sender);
        drop(sender);
        let gathered = gathering.join().unwrap_or_else(|panic| resume_unwind(panic));
        // A refused row comes before the place where reading failed.
        gathered.and_then(|gathered| read.map(|()| gathered))
    });
    gathered.map_err(|error| Failure::input(source, error))
}

/// Reads the next rows, or stops early when the receiver is gone.
fn read(rows: &mut Rows<impl Read>, most: u64, blocks: &SyncSender<Block>) -> Result<(), InputError> {
    let mut block = Block::default();
    let mut shapes = Shapes::default();
    for _ in 0..most {
        let Some(row) = rows.next()? else { break };
        block.push(&row, &mut shapes);
        if block.is_full() && blocks.send(mem::take(&mut block)).is_err() {
            return Ok(());
        }
    }
    // Sending fails only when the receiver is gone, which has an error of its own.
    let _ = blocks.send(block);
    Ok(())
}

fn too_many(TooMany: TooMany) -> InputError {
    InputError::whole(&"more than 4294967296 different texts")
}

/// The chats, labels and pairs of rows.
pub(crate) struct Gathered {
    bulk: BulkLoad,
    rows: u64,
    chat_texts: Texts,
    /// Chat ids by the number of their text. A chat with several spellings occurs several times; the bulk load merges them.
    chats: Vec<ChatId>,
    /// Display names, compared byte for byte: `VIP` and `vip` are two labels.
    label_texts: Texts,
    label_shapes: Shapes,
    /// The number of labels.
    labels: u32,
    pairs: Pairs,
}

impl Gathered {
    fn new() -> Self {
        Self {
            bulk: Options::new().page_limit(PAGE_LIMIT).bulk_load(),
            rows: 0,
            chat_texts: Texts::default(),
            chats: Vec::new(),
            label_texts: Texts::default(),
            label_shapes: Shapes::default(),
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
        self.chat_texts.preload(block.keys());
        let mut last = (None, 0);
        for row in block.rows() {
            let refused = |error: Error| InputError::at(row.line, &error);
            // Rows of one chat are often adjacent.
            let chat = match last {
                (Some(key), chat) if row.key == Some(key) => chat,
                _ => self.chat_texts.number(row.key, row.chat).map_err(too_many)?,
            };
            last = (row.key, chat);
            if index_of(chat) == self.chats.len() {
                self.chats.push(row.chat.parse().map_err(refused)?);
            }
            // Display names are trimmed.
            let name = row.label.trim();
            let label = self.label_texts.number(self.label_shapes.key(name), name).map_err(too_many)?;
            if label == self.labels {
                self.define(label, row.label).map_err(refused)?;
                self.labels += 1;
            }
            self.pairs.push(chat, label);
        }
        self.rows += block.len();
        Ok(())
    }

    fn define(&mut self, label: u32, name: &str) -> label_index::Result<()> {
        let name: LabelName = name.parse()?;
        self.bulk.label(id_of(label), name)
    }

    /// How many rows were collected, with those that were repeated.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Loads the pairs, chat by chat. `source` is the name of the input in errors.
    pub(crate) fn into_bulk_load(self, source: &str) -> Result<BulkLoad, Failure> {
        self.loaded().map_err(|error| Failure::input(source, InputError::whole(&error)))
    }

    fn loaded(self) -> label_index::Result<BulkLoad> {
        let Self { mut bulk, chats, pairs, chat_texts, .. } = self;
        drop(chat_texts);
        let grouped = pairs.grouped(chats.len());
        for (chat, labels) in chats.into_iter().zip(grouped.labels()) {
            bulk.chat(chat, labels.iter().map(|&label| id_of(label)))?;
        }
        Ok(bulk)
    }
}

/// The id of the label with a number.
fn id_of(label: u32) -> LabelId {
    LabelId::from(label.saturating_add(1))
}
