//! Walking over the chats with any of several labels, without uniting their lists first.

use crate::model::change::Place;
use crate::state::labels::Slot;
use crate::state::postings::lists::Lists;
use crate::state::postings::place_parts::{join, split};
use crate::state::postings::words::{Bits, Iter, NONE, unite};
use crate::state::postings::{Part, Postings};

/// With more lists than this, uniting them costs less than merging them.
const FEW: usize = 64;

impl Postings {
    /// Gives the chats with any of these labels, from `start` on, in order and each once, until it is told to stop.
    pub(crate) fn walk(&self, slots: &[Slot], start: Place, mut go_on: impl FnMut(Place) -> bool) {
        let (first, start) = split(start);
        let mut lists = Lists::new(self, slots, first);
        while let Some(number) = lists.next_number() {
            let from = if number == first { start } else { 0 };
            let parts = lists.take(number);
            let on = if slots.len() > FEW {
                let mut union = NONE;
                parts.for_each(|part| unite(&mut union, part.form));
                Bits::from(&union, from).all(|low| go_on(join(number, low)))
            } else {
                Merged::new(parts, from).all(|low| go_on(join(number, low)))
            };
            if !on {
                return;
            }
        }
    }
}

/// Parts of one chunk that are merged on the way, each with its next chat.
struct Merged<'a>(Vec<(u16, Iter<'a>)>);

impl<'a> Merged<'a> {
    fn new(parts: impl Iterator<Item = Part<'a>>, from: u16) -> Self {
        let heads = parts.filter_map(|part| {
            let mut rest = part.form.iter_from(from);
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
