//! Walking over the chats with any of several labels, without uniting their lists first.

use crate::change::Place;
use crate::state::labels::Slot;
use crate::state::postings::chunk::{Chunk, Iter, join, split};
use crate::state::postings::words::{Bits, NONE, unite};
use crate::state::postings::{Lists, Postings};

/// With more lists than this, uniting them costs less than merging them.
const FEW: usize = 64;

impl Postings {
    /// Gives the chats with any of these labels, from `start` on, in order and each once, until it is told to stop.
    pub(in crate::state) fn walk(&self, slots: &[Slot], start: Place, mut go_on: impl FnMut(Place) -> bool) {
        let (first, start) = split(start);
        let mut lists = Lists::new(self, slots, first);
        while let Some(number) = lists.next_number() {
            let from = if number == first { start } else { 0 };
            let chunks = lists.take(number);
            let on = if slots.len() > FEW {
                let mut union = NONE;
                chunks.for_each(|chunk| unite(&mut union, chunk.form()));
                Bits::from(&union, from).all(|low| go_on(join(number, low)))
            } else {
                Merged::new(chunks, from).all(|low| go_on(join(number, low)))
            };
            if !on {
                return;
            }
        }
    }
}

/// Chunks that are merged on the way, each with its next chat.
struct Merged<'a>(Vec<(u16, Iter<'a>)>);

impl<'a> Merged<'a> {
    fn new(chunks: impl Iterator<Item = &'a Chunk>, from: u16) -> Self {
        let heads = chunks.filter_map(|chunk| {
            let mut rest = chunk.iter_from(from);
            Some((rest.next()?, rest))
        });
        Self(heads.collect())
    }
}

impl Iterator for Merged<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        let next = self.0.iter().map(|(head, _)| *head).min()?;
        self.0.retain_mut(|(head, rest)| {
            if *head > next {
                return true;
            }
            rest.next().map(|following| *head = following).is_some()
        });
        Some(next)
    }
}
