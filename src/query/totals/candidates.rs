//! Totals of few chats, by the label set of each.

use crate::collections::number::to_u64;
use crate::query::answer::Totals;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::State;
use crate::state::labels::Slot;

/// Cost of looking up the label set of a chat, in nanoseconds.
const LOOKUP: u64 = 12;

/// Cost of each step of a search for a label in an entry, in nanoseconds.
const SEARCH: u64 = 2;

/// Cost of checking whether a label has chats in a segment, in nanoseconds.
const SEGMENT: u64 = 2;

impl State {
    /// Looks up the label set of each chat that has a label of the entry with the fewest pairs; without an entry that
    /// chats have to pass, of those that are excluded.
    pub(crate) fn totals_by_candidates(&self, clauses: &ResolvedFilter) -> Totals {
        let mut totals = Totals::default();
        if let Some(entry) = self.shortest_entry(clauses) {
            let counts_matches = clauses.any.is_some() && clauses.only_any().is_none();
            let only = clauses.only_any().is_some();
            self.for_each_with(entry, |members| {
                if only || clauses.pass(members) {
                    totals.chats += 1;
                    totals.rows += to_u64(members.len());
                    if counts_matches {
                        totals.matched_rows += to_u64(clauses.matched(members));
                    }
                }
            });
        } else {
            totals = self.grand_totals();
            self.for_each_with(&clauses.none, |members| {
                totals.chats -= 1;
                totals.rows -= to_u64(members.len());
            });
        }
        totals
    }

    /// Gives the labels of each chat that has any of these labels, each chat once.
    fn for_each_with(&self, entry: &[Slot], mut give: impl FnMut(&[Slot])) {
        for &slot in entry {
            let places = self.postings.of_label(slot).into_iter().flat_map(|list| list.iter());
            for place in places {
                let members = self.slots_at(place);
                // A chat with several labels of the entry is given with the first one.
                let is_first = || members.iter().find(|member| entry.binary_search(member).is_ok()) == Some(&slot);
                if entry.len() == 1 || is_first() {
                    give(members);
                }
            }
        }
    }

    /// The cost of that in nanoseconds, estimated.
    pub(crate) fn cost_by_candidates(&self, clauses: &ResolvedFilter) -> u64 {
        let entry = self.shortest_entry(clauses).unwrap_or(&clauses.none);
        let walked = self.segments() * SEGMENT * to_u64(entry.len());
        // Each label of a chat is looked for, to find out whether the chat has been given with another one.
        let labels = self.total_rows / self.total_chats().max(1);
        let searched = u64::from(entry.len().checked_ilog2().unwrap_or(0)) * labels * SEARCH;
        self.pairs_of(entry).saturating_mul(LOOKUP + searched).saturating_add(walked)
    }
}
