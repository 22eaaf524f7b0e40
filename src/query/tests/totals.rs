//! Totals by every strategy, compared with a loop over all chats.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::random::{clauses_of, crm_filters, crm_like, filters, naive_totals, state_of, steps};
use crate::model::filter::{Filter, Page};
use crate::model::op::Op;
use crate::query::totals;
use crate::state::State;
use crate::state::tests::{chat, commit, define, empty, label, link, unlink};

fn assert_all_strategies(state: &State, filter: &Filter) {
    let clauses = clauses_of(filter, state);
    let expected = naive_totals(state, &clauses);
    for (strategy, _) in state.costs(&clauses) {
        assert_eq!(state.totals_by(strategy, &clauses), expected, "{strategy:?}: {filter:?}");
    }
    assert_eq!(state.totals(&clauses), expected, "the strategy chosen: {filter:?}");
}

/// A test for each range of numbers of labels.
macro_rules! strategies_agree {
    ($($name:ident: $labels:expr;)+) => {
        proptest! {
            #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(200) })]
            $(
                #[test]
                fn $name(
                    (labels, steps, filters) in ($labels).prop_flat_map(|labels: u32| {
                        (Just(labels), steps(labels), proptest::collection::vec(filters(labels), 8))
                    })
                ) {
                    let state = state_of(labels, &steps);
                    for filter in &filters {
                        assert_all_strategies(&state, filter);
                    }
                }
            )+
        }
    };
}

strategies_agree! {
    strategies_agree_with_one_word_of_labels: 1_u32..=64;
    strategies_agree_with_a_bit_for_each_label: 65_u32..=256;
    strategies_agree_with_labels_that_share_bits: 257_u32..=700;
}

#[test]
fn strategies_agree_with_many_chats() {
    let state = crm_like();
    state.check_invariants().unwrap();
    for filter in crm_filters() {
        assert_all_strategies(&state, &filter);
    }
}

/// Also where a chat has more labels than are kept for it as a number.
#[test]
fn strategies_agree_with_many_labels_on_a_chat() {
    let mut state = empty();
    commit(&mut state, (0..700).map(|id| define(id, "name")));
    for (number, labels) in [(0, 0..700), (1, 3..258), (2, 2..258), (3, 1..258), (4, 0..5), (5, 600..700)] {
        let labels = labels.map(label).collect();
        commit(&mut state, [Op::SetLabels { chat: chat(&number.to_string()), labels }]);
    }
    let assert_all = |state: &State| {
        state.check_invariants().unwrap();
        for ids in [vec![0, 1], vec![4, 650], vec![2, 257, 699], (0..700).collect()] {
            assert_all_strategies(state, &Filter::new().any_of_ids(&ids));
            assert_all_strategies(state, &Filter::new().none_of_ids(&ids));
            assert_all_strategies(state, &Filter::new().any_of_ids(&ids).all_of_ids(["4"]));
        }
    };
    assert_all(&state);
    commit(&mut state, [unlink(1, "3"), unlink(2, "3"), unlink(0, "0")]);
    assert_all(&state);
    commit(&mut state, [link(1, "3"), Op::SetLabels { chat: chat("2"), labels: Vec::new() }]);
    assert_all(&state);
}

/// Set numbers that are freed and reused leave nothing behind in the columns that a scan reads.
#[test]
fn strategies_agree_after_label_sets_came_and_went() {
    let mut state = empty();
    commit(&mut state, (0..300).map(|id| define(id, "name")));
    let mut seen = BTreeSet::new();
    for round in 0_u32..12 {
        for number in 0..150 {
            let of = |nth: u32| label((number * 7 + round * 31 + nth * 64) % 300);
            let labels = (0..(number + round) % 7).map(of).collect();
            commit(&mut state, [Op::SetLabels { chat: chat(&number.to_string()), labels }]);
        }
        seen.extend(state.sets.iter().map(|(_, members, _)| members.to_vec()));
        commit(&mut state, [Op::RemoveLabel { label: label(round) }, define(300 + round, "name")]);
        commit(&mut state, [link(300 + round, "1"), link(300 + round, "2")]);
        for low in [0, 5, 44, 300] {
            let ids = (low..low + 6).flat_map(|id| [id, id + 128, id + 256]).map(|id| id.to_string());
            let ids: Vec<String> = ids.collect();
            assert_all_strategies(&state, &Filter::new().any_of_ids(&ids));
            assert_all_strategies(&state, &Filter::new().any_of_ids(&ids).none_of_ids(["7", "263"]));
            assert_all_strategies(&state, &Filter::new().none_of_ids(&ids));
        }
    }
    assert!(seen.len() > 4 * state.sets.len(), "few of {} sets reused a number", seen.len());
    state.check_invariants().unwrap();
}

/// A scan reads the blocks that have sets: no more than before, after more sets came and went.
#[test]
fn few_blocks_have_sets_after_label_sets_came_and_went() {
    let mut state = empty();
    commit(&mut state, (0..40).map(|id| define(id, "name")));
    let chats = 0..2_000_u32;
    commit(&mut state, chats.clone().map(|chat| link(chat % 20, &chat.to_string())));
    commit(&mut state, chats.map(|chat| link(20 + chat / 100, &chat.to_string())));
    let filter = Filter::new().any_of_ids(["3", "8", "30"]).none_of_ids(["5"]);
    let (sets, before) = (state.sets.live(), state.sets.signatures.occupied());
    for round in 0..5 {
        let pairs = || {
            let pairs = (0..1_500_u32).map(|number| ((number * number / 3 + round) % 20, number * 7 % 2_000));
            pairs.filter(|(added, chat)| chat % 20 != *added).map(|(added, chat)| (added, chat.to_string()))
        };
        commit(&mut state, pairs().map(|(added, chat)| link(added, &chat)));
        assert!(state.sets.signatures.occupied() >= 2 * before, "{} sets", state.sets.live());
        commit(&mut state, pairs().map(|(added, chat)| unlink(added, &chat)));
        assert_eq!(state.sets.live(), sets);
        assert_eq!(state.sets.signatures.occupied(), before, "round {round}");
        assert_all_strategies(&state, &filter);
    }
    state.check_invariants().unwrap();
}

/// A few sets, each alone in a block, are not scanned while writers wait.
#[test]
fn a_scan_of_few_sets_in_many_blocks_is_not_quick() {
    let mut state = empty();
    commit(&mut state, (0..15).map(|id| define(id, "name")));
    let labels = |number: u32| (0..15).filter(move |bit| number >> bit & 1 == 1).map(label);
    let set = |number: u32, labels| Op::SetLabels { chat: chat(&number.to_string()), labels };
    commit(&mut state, (1..30_000).map(|number| set(number, labels(number).collect())));
    commit(&mut state, (1..30_000).filter(|number| number % 128 > 0).map(|number| set(number, Vec::new())));
    assert_eq!(state.sets.live(), 29_999 / 128);
    let filter = Filter::new().any_of_ids(["8", "9", "14"]);
    assert!(!state.is_quick(&filter, Page::first(0)));
    assert_all_strategies(&state, &filter);
    commit(&mut state, (1..30_000).map(|number| set(number, Vec::new())));
    assert!(state.is_quick(&filter, Page::first(0)));
    commit(&mut state, (1..300).map(|number| set(number, labels(number).collect())));
    assert_eq!((state.sets.live(), state.sets.signatures.occupied()), (299, 3));
    assert_all_strategies(&state, &filter);
    state.check_invariants().unwrap();
}

#[test]
fn few_sets_are_scanned() {
    let state = crm_like();
    for filter in crm_filters() {
        let clauses = clauses_of(&filter, &state);
        assert_eq!(state.choose_strategy(&clauses), totals::Strategy::Sets, "{filter:?}");
    }
}

/// Nearly as many label sets as chats, and two labels that few chats have.
#[test]
fn the_cheapest_strategy_is_chosen_among_exploded_sets() {
    let mut state = empty();
    commit(&mut state, (0..17).map(|id| define(id, "name")));
    commit(
        &mut state,
        (1_u32..32_768).map(|number| Op::SetLabels {
            chat: chat(&number.to_string()),
            labels: (0..15).filter(|bit| number >> bit & 1 == 1).map(label).collect(),
        }),
    );
    commit(&mut state, [link(15, "7"), link(15, "2048"), link(16, "7")]);
    assert!(state.sets.live() > 32_760);
    let any = |ids: &[u32]| Filter::new().any_of_ids(ids);
    for (filter, expected) in [
        (any(&[15, 16]), totals::Strategy::Overlaps),
        (Filter::new().none_of_ids([15, 16]), totals::Strategy::Overlaps),
        (any(&[2, 3]), totals::Strategy::Union),
        (Filter::new().none_of_ids([2, 3]), totals::Strategy::Union),
        (any(&[15]).none_of_ids([0]), totals::Strategy::Candidates),
        (any(&[2, 3]).none_of_ids([0]), totals::Strategy::Bitmaps),
        (Filter::new().all_of_ids([2, 3]), totals::Strategy::Bitmaps),
    ] {
        assert_eq!(state.choose_strategy(&clauses_of(&filter, &state)), expected, "{filter:?}");
        assert_all_strategies(&state, &filter);
    }
}
