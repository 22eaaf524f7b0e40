//! Reading several lists side by side.

use crate::collections::number::to_index;
use crate::state::labels::Slot;
use crate::state::postings::words::Form;
use crate::state::postings::{List, Part, Parts, Postings};

/// Some lists, read chunk by chunk.
pub(crate) struct Lists<'a>(Vec<Cursor<'a>>);

/// The next part of a list with the number of its chunk, and those behind it.
struct Cursor<'a> {
    next: Option<(u32, Part<'a>)>,
    rest: Parts<'a>,
}

impl<'a> Cursor<'a> {
    /// From chunk `first` on, if there ever was such a list.
    fn new(postings: &'a Postings, list: List, first: u32) -> Option<Self> {
        let mut cursor = Self { next: None, rest: postings.parts(list, first)? };
        cursor.advance();
        Some(cursor)
    }

    #[inline]
    fn advance(&mut self) {
        self.next = self.rest.next();
    }

    #[inline]
    fn take(&mut self, number: u32) -> Option<Part<'a>> {
        while self.next.is_some_and(|(next, _)| next < number) {
            self.advance();
        }
        let (_, part) = self.next.filter(|&(next, _)| next == number)?;
        self.advance();
        Some(part)
    }
}

impl<'a> Lists<'a> {
    /// Those of some labels, from chunk `first` on.
    pub(crate) fn new(postings: &'a Postings, slots: &[Slot], first: u32) -> Self {
        Self(slots.iter().filter_map(|&slot| Cursor::new(postings, List::Label(slot), first)).collect())
    }

    /// The least number of a chunk that was not taken.
    pub(crate) fn next_number(&self) -> Option<u32> {
        self.0.iter().filter_map(|cursor| Some(cursor.next?.0)).min()
    }

    /// Takes the parts of one chunk, and skips those before.
    pub(crate) fn take(&mut self, number: u32) -> impl Iterator<Item = Part<'a>> {
        self.0.iter_mut().filter_map(move |cursor| cursor.take(number))
    }
}

/// The lists of lengths, read chunk by chunk, as far as each chunk has long sets.
pub(crate) struct Lengths<'a> {
    postings: &'a Postings,
    /// From 2 labels on.
    lists: Vec<Cursor<'a>>,
}

impl<'a> Lengths<'a> {
    pub(crate) fn new(postings: &'a Postings) -> Self {
        Self { postings, lists: Vec::new() }
    }

    /// The chats of a chunk with at least so many labels, from 2 on, if there are any. Each list holds the next. Lengths
    /// and chunks are asked for in order.
    pub(crate) fn take(&mut self, len: u32, number: u32) -> Option<Form<'a>> {
        let nth = to_index(len - 2);
        if nth == self.lists.len() {
            self.lists.push(Cursor::new(self.postings, List::AtLeast(len), number)?);
        }
        self.lists.get_mut(nth)?.take(number).map(|part| part.form)
    }
}
