//! Exact totals of a filter, computed the cheapest way.

mod candidates;
mod overlaps;
mod posting_lists;
mod rows;
mod sets;

use crate::collections::number::to_u64;
use crate::query::answer::Totals;
use crate::query::resolved_filter::ResolvedFilter;
use crate::query::totals::sets::SetScan;
use crate::state::State;
use crate::state::labels::Slot;
use crate::state::postings::Counts;
use crate::state::postings::place_parts::PLACES;

/// A way to compute totals. All give the same numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// A scan over the distinct label sets: the cost is that of the sets, whatever the number of chats.
    Sets,
    /// The label set of each chat that can pass: the cost is that of these chats.
    Candidates,
    /// Posting lists, segment by segment: the cost is that of the containers of the lists.
    PostingLists,
}

/// Cost of estimating the other two strategies, in nanoseconds: a scan that costs no more is chosen without estimates.
const ESTIMATES: u64 = 100;

impl State {
    /// The totals of everything that passes.
    pub(crate) fn totals(&self, clauses: &ResolvedFilter) -> Totals {
        if clauses.pass_nobody() {
            return Totals::default();
        }
        if clauses.pass_everybody() {
            return self.grand_totals();
        }
        if let Some(&[label]) = clauses.only_any() {
            let Counts { chats, rows } = self.postings.counts(label);
            return Totals { chats, rows, matched_rows: chats };
        }
        self.totals_by(self.choose_strategy(clauses), clauses)
    }

    fn grand_totals(&self) -> Totals {
        Totals { chats: self.total_chats(), rows: self.total_rows, matched_rows: self.total_rows }
    }

    /// The totals of a filter that some chat can pass, by one strategy.
    pub(crate) fn totals_by(&self, strategy: Strategy, clauses: &ResolvedFilter) -> Totals {
        let totals = match strategy {
            Strategy::Candidates => self.totals_by_candidates(clauses),
            Strategy::PostingLists => self.totals_by_posting_lists(clauses),
            Strategy::Sets => SetScan::new(self, clauses).totals(),
        };
        self.with_matched_rows(totals, clauses)
    }

    /// Sets `matched_rows` where counters or the other totals give it.
    fn with_matched_rows(&self, totals: Totals, clauses: &ResolvedFilter) -> Totals {
        let matched_rows = match (clauses.only_any(), &clauses.any) {
            (Some(any), _) => any.iter().map(|&slot| self.postings.len(slot)).sum(),
            (None, Some(_)) => totals.matched_rows,
            (None, None) => totals.rows,
        };
        Totals { matched_rows, ..totals }
    }

    /// The strategy that is expected to cost least.
    pub(crate) fn choose_strategy(&self, clauses: &ResolvedFilter) -> Strategy {
        let sets = SetScan::new(self, clauses).cost();
        if sets <= ESTIMATES {
            return Strategy::Sets;
        }
        let costs = [
            (sets, Strategy::Sets),
            (self.cost_by_candidates(clauses), Strategy::Candidates),
            (self.cost_by_posting_lists(clauses), Strategy::PostingLists),
        ];
        costs.into_iter().min_by_key(|(cost, _)| *cost).map_or(Strategy::Sets, |(_, strategy)| strategy)
    }

    /// The entry that a chat has to pass and that has the fewest pairs, if the filter has such an entry.
    pub(crate) fn shortest_entry<'a>(&self, clauses: &'a ResolvedFilter) -> Option<&'a [Slot]> {
        let required = clauses.any.iter().chain(&clauses.all);
        required.map(Vec::as_slice).min_by_key(|slots| self.pairs_of(slots))
    }

    /// The pairs of some labels.
    fn pairs_of(&self, slots: &[Slot]) -> u64 {
        slots.iter().map(|&slot| self.postings.len(slot)).sum()
    }

    /// The segments that the list of a frequent label has.
    fn segments(&self) -> u64 {
        to_u64(self.chats.len() / PLACES + 1)
    }
}
