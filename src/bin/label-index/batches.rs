//! Loads rows into a stored index, batch by batch.

use std::collections::{HashMap, VecDeque};
use std::io::Read;
use std::mem;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, TryRecvError, channel, sync_channel};
use std::thread;

use label_index::{Batch, ChatId, Error, LabelId, LabelIndex, LabelName, LabelRef, Receipt};

use crate::failure::Failure;
use crate::input_error::InputError;
use crate::pairs::index_of;
use crate::rows::{Row, Rows};
use crate::shapes::Shapes;
use crate::texts::Texts;

/// The most batches that are read ahead of the writing thread.
const AHEAD: usize = 1;

/// The most batches that are submitted and not yet synced: one sync makes all of them durable.
const IN_FLIGHT: usize = 4;

/// Links every chat to its labels, `rows_in_batch` rows at a time, and reports after each durable batch the rows read so far,
/// with those `before`.
///
/// Each distinct display name is one label: the first that the index has with that name, or else a new one, which is
/// created in the batch of its first link. So an empty index assigns the ids 1, 2, .. in order of first appearance, and
/// loading a file again after an interruption gives the same result as loading it once.
///
/// One thread reads batches, another one commits them. Both together hold a few batches in memory.
pub(crate) fn load(
    index: &LabelIndex,
    source: &str,
    rows: Rows<impl Read>,
    before: u64,
    rows_in_batch: usize,
    committed: impl FnMut(u64) + Send,
) -> Result<(), Failure> {
    let (batches, received) = sync_channel(AHEAD);
    let (created, ids) = channel();
    thread::scope(|scope| {
        let submitting =
            scope.spawn(move || Submitter { source, waiting: VecDeque::new(), created, committed }.run(&received));
        let read = Loader::new(index, batches, ids).load(source, rows, before, rows_in_batch);
        // The writer's error is about earlier rows than the reader's.
        submitting.join().unwrap_or_else(|panic| resume_unwind(panic)).and(read)
    })
}

/// A batch that was read and is not yet submitted.
struct Filled {
    batch: Batch,
    /// The line of the input that each operation comes from.
    lines: Vec<u64>,
    /// How many rows were read up to the end of the batch.
    rows: u64,
}

/// A batch that is submitted and not yet durable.
struct Submitted {
    receipt: Receipt,
    lines: Vec<u64>,
    rows: u64,
}

struct Submitter<'a, C> {
    source: &'a str,
    waiting: VecDeque<Submitted>,
    created: Sender<Vec<LabelId>>,
    committed: C,
}

impl<C: FnMut(u64)> Submitter<'_, C> {
    /// Submits batches in order. Waits for the disk only when too many batches are in flight or no other batch is ready,
    /// so that durable batches are reported without delay.
    fn run(mut self, batches: &Receiver<Filled>) -> Result<(), Failure> {
        loop {
            match batches.try_recv() {
                Ok(filled) => self.submit(filled)?,
                Err(TryRecvError::Disconnected) => break,
                Err(TryRecvError::Empty) => {
                    if self.waiting.is_empty() {
                        let Ok(filled) = batches.recv() else { break };
                        self.submit(filled)?;
                    } else {
                        self.settle()?;
                    }
                }
            }
        }
        while !self.waiting.is_empty() {
            self.settle()?;
        }
        Ok(())
    }

    fn submit(&mut self, Filled { batch, lines, rows }: Filled) -> Result<(), Failure> {
        self.waiting.push_back(Submitted { receipt: batch.submit(), lines, rows });
        if self.waiting.len() > IN_FLIGHT { self.settle() } else { Ok(()) }
    }

    /// Waits until the first batch is durable, reports it, and sends the ids of the labels that it created to the reader.
    fn settle(&mut self) -> Result<(), Failure> {
        let Some(Submitted { receipt, lines, rows }) = self.waiting.pop_front() else { return Ok(()) };
        let done = receipt.wait().map_err(|error| match error {
            Error::BatchRefused { position, cause } => Failure::input(
                self.source,
                match lines.get(position) {
                    Some(&line) => InputError::at(line, &cause),
                    None => InputError::whole(&cause),
                },
            ),
            error => Failure::Store(error),
        })?;
        (self.committed)(rows);
        if !done.created.is_empty() {
            // Sending fails only when the reader has stopped with an error of its own.
            let _ = self.created.send(done.created);
        }
        Ok(())
    }
}

struct Loader<'a> {
    index: &'a LabelIndex,
    filled: SyncSender<Filled>,
    ids: Receiver<Vec<LabelId>>,
    /// Label ids by display name, compared byte for byte: for `ensure_label`, `VIP` and `vip` are the same name.
    labels: HashMap<String, LabelRef>,
    batch: Batch,
    /// The names of the labels that the batch creates, in order, with their line numbers.
    created: Vec<(String, u64)>,
    shapes: Shapes,
    chat_texts: Texts,
    chats: Vec<ChatId>,
    links: Vec<Link>,
}

/// A row of the batch.
struct Link {
    /// The number of the chat in the batch.
    chat: u32,
    label: LabelRef,
    line: u64,
}

impl<'a> Loader<'a> {
    fn new(index: &'a LabelIndex, filled: SyncSender<Filled>, ids: Receiver<Vec<LabelId>>) -> Self {
        let mut labels = HashMap::new();
        for label in index.labels() {
            if let Some(name) = label.name() {
                labels.entry(name.to_string()).or_insert_with(|| LabelRef::Id(label.id().clone()));
            }
        }
        Self {
            index,
            filled,
            ids,
            labels,
            batch: index.batch(),
            created: Vec::new(),
            shapes: Shapes::default(),
            chat_texts: Texts::default(),
            chats: Vec::new(),
            links: Vec::new(),
        }
    }

    fn load(
        mut self,
        source: &str,
        mut rows: Rows<impl Read>,
        before: u64,
        rows_in_batch: usize,
    ) -> Result<(), Failure> {
        let refused = |error| Failure::input(source, error);
        let mut read = before;
        while let Some(row) = rows.next().map_err(refused)? {
            self.add(&row).map_err(|error| refused(InputError::at(row.line, &error)))?;
            read += 1;
            if self.links.len() == rows_in_batch && !self.hand_over(read)? {
                return Ok(());
            }
        }
        if !self.links.is_empty() {
            self.hand_over(read)?;
        }
        Ok(())
    }

    fn add(&mut self, row: &Row<'_>) -> Result<(), Error> {
        // A batch has fewer rows than there are numbers, so every text gets one.
        let chat = self.chat_texts.number(self.shapes.key(&row.chat), &row.chat).unwrap_or_default();
        if index_of(chat) == self.chats.len() {
            self.chats.push(row.chat.parse()?);
        }
        // Display names are trimmed.
        let label = match self.labels.get(row.label.trim()) {
            Some(label) => label.clone(),
            None => self.define(row)?,
        };
        self.links.push(Link { chat, label, line: row.line });
        Ok(())
    }

    /// Creates the label of a row. Links are added only when the batch is sent, so labels come first.
    fn define(&mut self, row: &Row<'_>) -> Result<LabelRef, Error> {
        let name: LabelName = row.label.parse()?;
        let (text, label) = (name.to_string(), LabelRef::Token(self.batch.create_label(name)?));
        self.created.push((text.clone(), row.line));
        self.labels.insert(text, label.clone());
        Ok(label)
    }

    /// Sends the batch to the writer and begins the next one. Returns false if an earlier batch failed.
    ///
    /// Links are grouped by chat, in the order of each chat's first row: the links of a chat then are one change of its
    /// label set, and chats get the same places as row by row.
    fn hand_over(&mut self, read: u64) -> Result<bool, Failure> {
        let mut batch = mem::replace(&mut self.batch, self.index.batch());
        let mut lines: Vec<u64> = self.created.iter().map(|&(_, line)| line).collect();
        self.links.sort_by_key(|link| link.chat);
        let mut chats = self.chats.drain(..);
        for links in self.links.chunk_by(|a, b| a.chat == b.chat) {
            let Some(chat) = chats.next() else { break };
            for link in links {
                batch.link(link.label.clone(), &chat).map_err(Failure::Store)?;
                lines.push(link.line);
            }
        }
        drop(chats);
        self.links.clear();
        self.chat_texts.clear();
        if self.filled.send(Filled { batch, lines, rows: read }).is_err() {
            return Ok(false);
        }
        if self.created.is_empty() {
            return Ok(true);
        }
        // The next batch refers to these labels by their ids.
        let Ok(ids) = self.ids.recv() else { return Ok(false) };
        self.labels.extend(self.created.drain(..).map(|(name, _)| name).zip(ids.into_iter().map(LabelRef::Id)));
        Ok(true)
    }
}
