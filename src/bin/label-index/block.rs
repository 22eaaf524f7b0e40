//! Many rows at once, to hand them to another thread.

use crate::rows::Row;

/// Rows, with their texts one behind the other.
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

/// Where a row stands, and where its texts end.
struct Ends {
    line: u64,
    chat: usize,
    label: usize,
}

impl Block {
    /// Bytes of a block, from which on no row is added: a row has at most a mebibyte more.
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
