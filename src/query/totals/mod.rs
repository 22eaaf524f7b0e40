//! Exact totals of a filter, computed the cheapest way.

mod chats;
mod sets;

use crate::model::answer::Totals;
use crate::query::resolved_filter::ResolvedFilter;
use crate::query::totals::sets::SetScan;
use crate::state::State;

/// A way to compute totals. All give the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
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
    pub(crate) fn totals(&self, clauses: &ResolvedFilter) -> Totals {
        if clauses.pass_nobody() {
            return Totals::default();
        }
        if clauses.pass_everybody() {
            return self.grand_totals();
        }
        let (way, most) = self.choose_strategy(clauses);
        self.totals_by(way, most, clauses)
    }

    fn grand_totals(&self) -> Totals {
        Totals { chats: self.total_chats(), rows: self.total_rows, matched_rows: self.total_rows }
    }

    /// By one way. Repeats are for any-of clauses alone, and another way is taken where they cost more than `most`.
    pub(crate) fn totals_by(&self, way: Strategy, most: u64, clauses: &ResolvedFilter) -> Totals {
        let totals = match way {
            Strategy::Repeats => match clauses.only_any().and_then(|any| self.totals_by_repeats(any, most)) {
                Some(totals) => totals,
                None => return self.totals_by(self.cheapest_certain_way(clauses).0, most, clauses),
            },
            Strategy::Chats => self.totals_by_chats(clauses),
            Strategy::Sets => SetScan::new(self, clauses).totals(),
        };
        self.with_matched_rows(totals, clauses)
    }

    /// Completes totals by what the counters know.
    fn with_matched_rows(&self, totals: Totals, clauses: &ResolvedFilter) -> Totals {
        let matched_rows = match (clauses.only_any(), &clauses.any) {
            (Some(any), _) => any.iter().map(|&slot| self.postings.len(slot)).sum(),
            (None, Some(_)) => totals.matched_rows,
            (None, None) => totals.rows,
        };
        Totals { matched_rows, ..totals }
    }

    /// The way that is expected to cost least, and what the best of the others costs.
    pub(crate) fn choose_strategy(&self, clauses: &ResolvedFilter) -> (Strategy, u64) {
        let any = clauses.only_any();
        if let Some([_]) = any {
            return (Strategy::Repeats, 0);
        }
        let sets = SetScan::new(self, clauses).cost();
        // Mostly that is least by far, and to estimate the others exactly takes as long.
        if sets <= self.least_cost_by_chunks(clauses) {
            return (Strategy::Sets, sets);
        }
        let (way, cost) = self.cheapest_certain_way(clauses);
        let repeats = any.is_some_and(|any| self.cost_by_repeats(any) <= cost);
        (if repeats { Strategy::Repeats } else { way }, cost)
    }

    /// The cheaper of the ways whose cost is known beforehand, in about nanoseconds.
    fn cheapest_certain_way(&self, clauses: &ResolvedFilter) -> (Strategy, u64) {
        let (sets, chats) = (SetScan::new(self, clauses).cost(), self.cost_by_chats(clauses));
        if sets <= chats { (Strategy::Sets, sets) } else { (Strategy::Chats, chats) }
    }
}
