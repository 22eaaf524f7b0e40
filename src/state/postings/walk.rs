//! Walking over the chats with any of several labels, without uniting their lists first.

use roaring::bitmap::Iter;
use roaring::{MultiOps, RoaringBitmap};

use crate::model::change::Place;
use crate::state::labels::Slot;
use crate::state::postings::Postings;
use crate::state::postings::place_parts::{join, split};
use crate::state::postings::posting_list::PostingList;

/// With more lists than this, uniting them costs less than merging them.
const FEW: usize = 64;

impl Postings {
    /// Gives the chats with any of these labels, from `start` on, in order and each once, until it is told to stop.
    pub(crate) fn walk(&self, slots: &[Slot], start: Place, mut go_on: impl FnMut(Place) -> bool) {
        let (first, start) = split(start);
        let lists: Vec<&PostingList> = slots.iter().filter_map(|&slot| self.of_label(slot)).collect();
        let end = lists.iter().map(|list| list.segments()).max().unwrap_or(0);
        for number in first..end {
            let from = if number == first { start } else { 0 };
            let segments = lists.iter().filter_map(|list| list.segment(number));
            let on = if lists.len() > FEW {
                let union = segments.union();
                union.range(from..).all(|low| go_on(join(number, low)))
            } else {
                Merged::new(segments, from).all(|low| go_on(join(number, low)))
            };
            if !on {
                return;
            }
        }
    }
}

/// Lists of one segment that are merged on the way, each with its next chat, or [`END`].
struct Merged<'a>(Vec<(u32, Iter<'a>)>);

/// No place of a segment.
const END: u32 = u32::MAX;

impl<'a> Merged<'a> {
    fn new(segments: impl Iterator<Item = &'a RoaringBitmap>, from: u32) -> Self {
        let heads = segments.filter_map(|segment| {
            let mut rest = segment.iter();
            rest.advance_to(from);
            Some((rest.next()?, rest))
        });
        Self(heads.collect())
    }
}

impl Iterator for Merged<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let next = self.0.iter().map(|(head, _)| *head).min().filter(|&next| next != END)?;
        for (head, rest) in self.0.iter_mut().filter(|(head, _)| *head == next) {
            *head = rest.next().unwrap_or(END);
        }
        Some(next)
    }
}
