//! Exact totals of a filter, computed the cheapest way.

mod chats;
mod sets;

use crate::answer::Totals;
use crate::state::State;
use crate::state::clauses::Clauses;
use crate::state::totals::sets::SetScan;

/// A way to compute totals. All give the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A scan over the distinct label sets: the cost is that of the sets, whatever the number of chats.
    Sets,
    /// The totals of each label, less those of the chats that were counted before: for rare labels, and for any-of
    /// clauses alone.
    Repeats,
    /// Sets of chats, chunk by chunk: the cost is that of the chats with the labels asked for, and of the chunks.
    Chats,
}

impl State {
    /// The totals of everything that passes.
    pub(crate) fn totals(&self, clauses: &Clauses) -> Totals {
        if clauses.pass_nobody() {
            return Totals::default();
        }
        if clauses.pass_everybody() {
            return self.grand_totals();
        }
        self.totals_by(self.cheapest_way(clauses), clauses)
    }

    fn grand_totals(&self) -> Totals {
        Totals { chats: self.total_chats(), rows: self.total_rows, matched_rows: self.total_rows }
    }

    pub(crate) fn totals_by(&self, way: Way, clauses: &Clauses) -> Totals {
        let mut totals = match (way, clauses.only_any()) {
            (Way::Repeats, Some(any)) => self.totals_by_repeats(any),
            (Way::Sets, _) => SetScan::new(self, clauses).totals(),
            _ => self.totals_by_chats(clauses),
        };
        if let Some(any) = clauses.only_any() {
            totals.matched_rows = any.iter().map(|&slot| self.postings.len(slot)).sum();
        } else if clauses.any.is_none() {
            totals.matched_rows = totals.rows;
        }
        totals
    }

    /// Estimates all ways, in units of about a nanosecond.
    pub(crate) fn cheapest_way(&self, clauses: &Clauses) -> Way {
        let sets = SetScan::new(self, clauses).cost();
        let chats = self.cost_by_chats(clauses);
        let repeats = clauses.only_any().map(|any| self.cost_by_repeats(any));
        match repeats {
            Some(repeats) if repeats <= sets.min(chats) => Way::Repeats,
            _ if sets <= chats => Way::Sets,
            _ => Way::Chats,
        }
    }
}
