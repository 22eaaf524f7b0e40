//! Pages compared with a loop over all chats.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use proptest::prelude::*;

use super::random::{clauses_of, crm_filters, crm_like, filters, naive, state_of, steps};
use crate::model::change::Place;
use crate::model::filter::Filter;
use crate::state::State;

fn assert_pages(state: &State, filter: &Filter, pages: impl IntoIterator<Item = (Place, usize)>) {
    let clauses = clauses_of(filter, state);
    let all: Vec<Place> = naive(state, &clauses).into_iter().map(|(place, ..)| place).collect();
    for (start, limit) in pages {
        let left = &all[all.partition_point(|&place| place < start)..];
        let (listed, behind) = left.split_at(limit.min(left.len()));
        // A page with limit 0 does not search.
        let more = limit > 0 && !behind.is_empty();
        assert_eq!(state.page(&clauses, start, limit), (listed.to_vec(), more), "{limit} from {start}: {filter:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]

    /// With any-of clauses of a few labels, whose lists are merged, and of many, whose lists are united.
    #[test]
    fn a_page_holds_the_chats_that_pass(
        (labels, steps, filters) in (1_u32..=100).prop_flat_map(|labels| {
            (Just(labels), steps(labels), proptest::collection::vec(filters(labels), 4))
        }),
        pages in proptest::collection::vec((0_u32..45, 0_usize..45), 8),
    ) {
        let state = state_of(labels, &steps);
        for filter in &filters {
            assert_pages(&state, filter, pages.iter().copied());
            assert_pages(&state, filter, [(0, 1), (0, 100), (Place::MAX, 1)]);
        }
    }
}

#[test]
fn a_page_goes_on_in_the_next_segment() {
    let state = crm_like();
    for filter in crm_filters() {
        for start in [0, 19_999, 20_001, 65_500, 65_529, 65_534, 65_535, 65_536, 69_990, 69_999, 70_000, Place::MAX] {
            assert_pages(&state, &filter, [(start, 0), (start, 1), (start, 60)]);
        }
    }
    assert_pages(&state, &Filter::new().any_of_ids(["17"]), [(4, 3), (4, 2), (0, 4)]);
    assert_pages(&state, &Filter::new().any_of_ids((0..18).map(|id| id.to_string())), [(0, 70_000), (65_000, 4_999)]);
}
