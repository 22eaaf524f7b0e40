//! Totals of few chats, by the label set of each.

use crate::collections::number::to_u64;
use crate::query::answer::Totals;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::State;
use crate::state::labels::Slot;
use crate::state::postings::Counts;

/// Cost of looking up the label set of a chat, in nanoseconds.
const LOOKUP: u64 = 12;

/// Cost of each step of a search for a label in an entry, in nanoseconds.
const SEARCH: u64 = 2;

/// Cost of checking whether a label has chats in a segment, in nanoseconds.
const SEGMENT: u64 = 2;

impl State {
    /// Looks up the label set of each chat that has a label of the entry with the fewest pairs. Some entry has to be
    /// required.
    pub(super) fn totals_by_candidates(&self, clauses: &ResolvedFilter) -> Totals {
        let mut totals = Totals::default();
        for members in self.with_any(self.shortest_entry(clauses).unwrap_or_default()) {
            if clauses.pass(members) {
                totals.chats += 1;
                totals.rows += to_u64(members.len());
                if clauses.any.is_some() {
                    totals.matched_rows += to_u64(clauses.matched(members));
                }
            }
        }
        totals
    }

    /// The labels of each chat that has any of these labels, each chat once.
    fn with_any(&self, entry: &[Slot]) -> impl Iterator<Item = &[Slot]> {
        entry.iter().flat_map(move |&slot| {
            // A chat with several labels of the entry comes with the first one.
            let is_first = move |members: &[Slot]| {
                entry.len() == 1 || members.iter().find(|member| entry.binary_search(member).is_ok()) == Some(&slot)
            };
            self.postings.places(slot).map(|place| self.slots_at(place)).filter(move |members| is_first(members))
        })
    }

    /// The cost of that in nanoseconds, estimated.
    pub(super) fn cost_by_candidates(&self, clauses: &ResolvedFilter) -> u64 {
        let entry = self.shortest_entry(clauses).unwrap_or_default();
        let Counts { chats, rows } = self.counts_of(entry);
        let walked = self.segments() * SEGMENT * to_u64(entry.len());
        // Each label of a chat is looked for, to find out whether the chat has come with another one.
        let searched = u64::from(entry.len().checked_ilog2().unwrap_or(0)) * rows * SEARCH;
        (chats * LOOKUP).saturating_add(searched).saturating_add(walked)
    }
}
