//! Reading several lists side by side.

use crate::state::labels::Slot;
use crate::state::postings::{List, Part, Parts, Postings};

/// Some lists, read chunk by chunk.
pub(in crate::state) struct Lists<'a>(Vec<Cursor<'a>>);

/// The next part of a list with the number of its chunk, and those behind it.
struct Cursor<'a> {
    next: Option<(u32, Part<'a>)>,
    rest: Parts<'a>,
}

impl<'a> Cursor<'a> {
    fn advance(&mut self) {
        self.next = self.rest.next();
    }

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
    pub(in crate::state) fn new(postings: &'a Postings, slots: &[Slot], first: u32) -> Self {
        Self::of(postings, slots.iter().map(|&slot| List::Label(slot)), first)
    }

    /// Those of the lengths, from 2 on.
    pub(in crate::state) fn lengths(postings: &'a Postings) -> Self {
        Self::of(postings, (2..).take(postings.longer.len()).map(List::AtLeast), 0)
    }

    fn of(postings: &'a Postings, lists: impl Iterator<Item = List>, first: u32) -> Self {
        let lists = lists.filter_map(|list| {
            let mut cursor = Cursor { next: None, rest: postings.parts(list, first)? };
            cursor.advance();
            Some(cursor)
        });
        Self(lists.collect())
    }

    /// The least number of a chunk that was not taken.
    pub(in crate::state) fn next_number(&self) -> Option<u32> {
        self.0.iter().filter_map(|cursor| Some(cursor.next?.0)).min()
    }

    /// Takes the parts of one chunk, and skips those before.
    pub(in crate::state) fn take(&mut self, number: u32) -> impl Iterator<Item = Part<'a>> {
        self.0.iter_mut().filter_map(move |cursor| cursor.take(number))
    }
}
