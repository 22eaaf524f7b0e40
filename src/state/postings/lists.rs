//! Reading the lists of several labels side by side.

use crate::state::labels::Slot;
use crate::state::postings::{List, Part, Parts, Postings};

/// The lists of some labels, read chunk by chunk.
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
    /// From chunk `first` on.
    pub(in crate::state) fn new(postings: &'a Postings, slots: &[Slot], first: u32) -> Self {
        let lists = slots.iter().filter_map(|&slot| {
            let mut cursor = Cursor { next: None, rest: postings.parts(List::Label(slot), first)? };
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
