//! Blocks of rows, passed from one thread to another.

use crate::rows::Row;
use crate::shapes::Shapes;

/// Rows, with all their texts in one buffer.
#[derive(Default)]
pub(crate) struct Block {
    text: String,
    rows: Vec<Ends>,
}

/// A row of a block.
pub(crate) struct BlockRow<'a> {
    pub(crate) line: u64,
    pub(crate) chat: &'a str,
    /// The key of the chat's text.
    pub(crate) key: Option<u64>,
    pub(crate) label: &'a str,
}

/// A row, and where its texts end in the buffer.
#[derive(Clone, Copy)]
struct Ends {
    line: u64,
    chat: usize,
    label: usize,
    key: Option<u64>,
}

impl Block {
    /// The bytes at which a block is full. It can exceed this by one row, which has at most a mebibyte.
    const FULL: usize = 1 << 15;

    pub(crate) fn push(&mut self, row: &Row<'_>, shapes: &mut Shapes) {
        // Rows of one chat are often adjacent.
        let last = self.last();
        let key = match last {
            Some((text, key)) if text == row.chat => key,
            _ => shapes.key(&row.chat),
        };
        self.text.push_str(&row.chat);
        let chat = self.text.len();
        self.text.push_str(&row.label);
        self.rows.push(Ends { line: row.line, chat, label: self.text.len(), key });
    }

    /// The last row's chat and its key.
    fn last(&self) -> Option<(&str, Option<u64>)> {
        let (last, before) = self.rows.split_last()?;
        let start = before.last().map_or(0, |before| before.label);
        Some((self.text.get(start..last.chat)?, last.key))
    }

    pub(crate) fn is_full(&self) -> bool {
        self.text.len() >= Self::FULL
    }

    pub(crate) fn len(&self) -> u64 {
        u64::try_from(self.rows.len()).unwrap_or(u64::MAX)
    }

    /// The keys, without those that repeat the one before.
    pub(crate) fn keys(&self) -> impl Iterator<Item = u64> {
        let mut last = None;
        self.rows.iter().filter_map(move |row| row.key.filter(|_| std::mem::replace(&mut last, row.key) != row.key))
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = BlockRow<'_>> {
        let mut start = 0;
        self.rows.iter().map(move |&Ends { line, chat, label, key }| {
            let text = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
            let row = BlockRow { line, chat: text(start, chat), key, label: text(chat, label) };
            start = label;
            row
        })
    }
}
