//! Walking over the chats with any of several labels, without uniting their lists first.

use crate::change::Place;
use crate::state::labels::Slot;
use crate::state::postings::Postings;
use crate::state::postings::chunk::{Bits, Iter, PLACES, Words, join, split, unite};

/// With more lists than this, uniting them costs less than merging them.
const FEW: usize = 64;

impl Postings {
    /// Gives the chats with any of these labels, from `start` on, in order and each once, until it is told to stop.
    pub(in crate::state) fn walk(&self, slots: &[Slot], start: Place, mut go_on: impl FnMut(Place) -> bool) {
        let (first, start) = split(start);
        for number in first..self.chunk_count() {
            let from = if number == first { start } else { 0 };
            let on = if slots.len() > FEW {
                let mut union: Words = [0; PLACES / 64];
                self.chunks_of(slots, number).for_each(|chunk| unite(&mut union, chunk.form()));
                Bits::from(&union, from).all(|low| go_on(join(number, low)))
            } else {
                Merged::new(self, slots, number, from).all(|low| go_on(join(number, low)))
            };
            if !on {
                return;
            }
        }
    }
}

/// Lists of one chunk that are merged on the way, each with its next chat.
struct Merged<'a>(Vec<(u16, Iter<'a>)>);

impl<'a> Merged<'a> {
    fn new(postings: &'a Postings, slots: &[Slot], number: u32, from: u16) -> Self {
        let heads = postings.chunks_of(slots, number).filter_map(|chunk| {
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
