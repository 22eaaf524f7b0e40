//! Totals of an any-of clause: those of each label, less what the labels have in common.

use std::borrow::Cow;
use std::cmp::Reverse;

use crate::query::answer::Totals;
use crate::query::totals::any_of::AnyOf;
use crate::state::State;
use crate::state::labels::Slot;
use crate::state::postings::Counts;
use crate::state::postings::posting_list::LONGEST_ARRAY;

/// The most labels that are added up: of many, few have so little in common that uniting them would cost more.
const MOST: usize = 32;

/// Cost of a label in a segment, in nanoseconds, beside that of its places.
const SEGMENT: u64 = 6;

/// Cost of looking for a place among those before, and of adding it to them, in nanoseconds.
const PLACE: u64 = 4;

impl State {
    /// Adds the labels up, the most frequent first, and subtracts from each the chats that were there before. Only these
    /// chats' rows are counted: those of the labels are known.
    pub(super) fn totals_by_overlaps(&self, slots: &[Slot]) -> Totals {
        let Counts { chats, rows } = self.counts_of(slots);
        let mut totals = Totals { chats, rows, matched_rows: 0 };
        let mut entry = AnyOf::new(&self.postings, slots);
        entry.lists.sort_by_key(|list| Reverse(list.len));
        for number in 0..entry.segments() {
            let mut parts = entry.parts(number).peekable();
            let Some(mut before) = parts.next().map(Cow::Borrowed) else { continue };
            while let Some(part) = parts.next() {
                let common = &*before & part;
                if !common.is_empty() {
                    totals.chats -= common.len();
                    totals.rows -= self.rows_in(number, &common);
                }
                if parts.peek().is_some() {
                    *before.to_mut() |= part;
                }
            }
        }
        totals
    }

    /// The cost of that in nanoseconds for lists of these lengths, estimated as if labels were independent of each other.
    pub(super) fn cost_by_overlaps(&self, lens: &mut [u64]) -> u64 {
        if lens.len() > MOST {
            return u64::MAX;
        }
        let (segments, chats) = (self.segments(), self.total_chats().max(1));
        lens.sort_unstable_by_key(|&len| Reverse(len));
        let Some((&most, others)) = lens.split_first() else { return 0 };
        let (mut before, mut cost) = (most, 0);
        for &len in others {
            let common = len * before.min(chats) / chats;
            // Bits are added to in place, a list is written anew.
            let written = if before > segments * LONGEST_ARRAY { 0 } else { before };
            cost += segments.min(len) * SEGMENT + len * PLACE + written + self.cost_of_rows(common);
            before += len;
        }
        cost
    }
}
