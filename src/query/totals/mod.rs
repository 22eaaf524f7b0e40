//! Exact totals of a filter, computed the cheapest way.

mod any_of;
mod bitmaps;
mod candidates;
mod overlaps;
mod rows;
mod sets;
mod union;

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
    /// For any-of or none-of alone: the counters of the labels, less what the labels have in common.
    Overlaps,
    /// For any-of or none-of alone: the union of the labels' posting lists, as bits.
    Union,
    /// For other filters: the label set of each chat that can pass, at the cost of these chats.
    Candidates,
    /// For other filters: bitmaps united, intersected and subtracted, at the cost of their containers.
    Bitmaps,
}

/// Cost of estimating the others, in nanoseconds: a scan that costs no more is chosen without estimates.
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
            Strategy::Overlaps => self.totals_of_one_clause(clauses, Self::totals_by_overlaps),
            Strategy::Union => self.totals_of_one_clause(clauses, Self::totals_by_union),
            Strategy::Bitmaps => self.totals_by_bitmaps(clauses),
            Strategy::Sets => SetScan::new(self, clauses).totals(),
        };
        self.with_matched_rows(totals, clauses)
    }

    /// The totals of a filter of one clause, from those of the chats that have any of its labels.
    fn totals_of_one_clause(&self, clauses: &ResolvedFilter, with_any: impl Fn(&Self, &[Slot]) -> Totals) -> Totals {
        let with_any = with_any(self, clauses.only_clause().unwrap_or_default());
        if clauses.any.is_some() {
            return with_any;
        }
        let all = self.grand_totals();
        Totals { chats: all.chats - with_any.chats, rows: all.rows - with_any.rows, matched_rows: 0 }
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
        if SetScan::new(self, clauses).cost() <= ESTIMATES {
            return Strategy::Sets;
        }
        self.costs(clauses).into_iter().min_by_key(|(_, cost)| *cost).map_or(Strategy::Sets, |(strategy, _)| strategy)
    }

    /// The strategies for a filter, and what each is expected to cost, in nanoseconds.
    pub(crate) fn costs(&self, clauses: &ResolvedFilter) -> [(Strategy, u64); 3] {
        let sets = (Strategy::Sets, SetScan::new(self, clauses).cost());
        match clauses.only_clause() {
            Some(slots) => {
                let mut lens: Vec<u64> = slots.iter().map(|&slot| self.postings.len(slot)).collect();
                let union = self.cost_by_union(&lens);
                [sets, (Strategy::Overlaps, self.cost_by_overlaps(&mut lens)), (Strategy::Union, union)]
            }
            None => [
                sets,
                (Strategy::Candidates, self.cost_by_candidates(clauses)),
                (Strategy::Bitmaps, self.cost_by_bitmaps(clauses)),
            ],
        }
    }

    /// The entry that a chat has to pass and that has the fewest pairs, if the filter has such an entry.
    pub(crate) fn shortest_entry<'a>(&self, clauses: &'a ResolvedFilter) -> Option<&'a [Slot]> {
        let required = clauses.any.iter().chain(&clauses.all);
        required.map(Vec::as_slice).min_by_key(|slots| self.counts_of(slots).chats)
    }

    /// The chats of some labels and their rows, of each label added up.
    fn counts_of(&self, slots: &[Slot]) -> Counts {
        let counts = slots.iter().map(|&slot| self.postings.counts(slot));
        counts.fold(Counts::default(), |sum, of| Counts { chats: sum.chats + of.chats, rows: sum.rows + of.rows })
    }

    /// The segments that the list of a frequent label has.
    fn segments(&self) -> u64 {
        to_u64(self.chats.len() / PLACES + 1)
    }
}
