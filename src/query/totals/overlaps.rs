//! Totals of an any-of clause: those of each label, less what the labels have in common.

use std::borrow::Cow;
use std::cmp::Reverse;

use smallvec::SmallVec;

use crate::query::answer::Totals;
use crate::query::totals::posting_lists::{AnyOf, DENSE_SEGMENT};
use crate::state::State;
use crate::state::labels::Slot;

/// The most labels that are added up: of many, few have so little in common that uniting them would cost more.
const FEW: usize = 32;

/// Cost of a label in a segment, in nanoseconds, beside that of its places.
const LOOKUP: u64 = 6;

/// The most places of a segment that are kept as a list, which costs its length to add to.
const LIST: u64 = 4_096;

impl State {
    /// Adds the labels up, the most frequent first, and subtracts from each the chats that were there before. Only these
    /// chats' rows are counted: those of the labels are known.
    pub(crate) fn totals_by_overlaps(&self, slots: &[Slot]) -> Totals {
        let mut totals = Totals::default();
        for &slot in slots {
            let counts = self.postings.counts(slot);
            totals.chats += counts.chats;
            totals.rows += counts.rows;
        }
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

    /// The cost of that in nanoseconds, estimated as if labels were independent of each other.
    pub(super) fn cost_by_overlaps(&self, slots: &[Slot]) -> u64 {
        if slots.len() > FEW {
            return u64::MAX;
        }
        let (segments, chats) = (self.segments(), self.total_chats().max(1));
        let dense = segments * DENSE_SEGMENT;
        let mut lens: SmallVec<[u64; FEW]> = slots.iter().map(|&slot| self.postings.len(slot)).collect();
        lens.sort_unstable_by_key(|&len| Reverse(len));
        let (mut before, mut cost) = (0, 0);
        for len in lens {
            let common = len * before.min(chats) / chats;
            let added_to = if before > segments * LIST { 0 } else { before };
            let read = segments.min(len) * LOOKUP + added_to + 2 * len.min(dense);
            cost += read + self.cost_of_rows(common);
            before += len;
        }
        cost
    }
}
