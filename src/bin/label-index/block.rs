//! Blocks of rows, passed from one thread to another.

use crate::rows::Row;

/// Rows, with all their texts in one buffer.
#[derive(Default)]
pub(crate) struct Block {
    text: String,
    ends: Vec<Ends>,
}

/// A row of a block.
pub(crate) struct BlockRow<'a> {
    pub(crate) line: u64,
    pub(crate) chat: &'a str,
    pub(crate) label: &'a str,
}

/// The line of a row, and where its texts end in the buffer.
struct Ends {
    line: u64,
    chat: usize,
    label: usize,
}

impl Block {
    /// The bytes at which a block is full. It can exceed this by one row, which has at most a mebibyte.
    const FULL: usize = 1 << 16;

    pub(crate) fn push(&mut self, row: &Row<'_>) {
        self.text.push_str(&row.chat);
        let chat = self.text.len();
        self.text.push_str(&row.label);
        self.ends.push(Ends { line: row.line, chat, label: self.text.len() });
    }

    pub(crate) fn is_full(&self) -> bool {
        self.text.len() >= Self::FULL
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = BlockRow<'_>> + Clone {
        let mut start = 0;
        self.ends.iter().map(move |&Ends { line, chat, label }| {
            let text = |from: usize, to: usize| self.text.get(from..to).unwrap_or_default();
            let row = BlockRow { line, chat: text(start, chat), label: text(chat, label) };
            start = label;
            row
        })
    }
}
