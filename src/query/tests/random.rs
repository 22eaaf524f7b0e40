//! Random states and filters, and a naive evaluation of filters.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::model::change::Place;
use crate::model::filter::{Entry, Filter};
use crate::model::op::Op;
use crate::model::options::Limits;
use crate::query::answer::Totals;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::State;
use crate::state::signatures::SIGNATURE_BITS;
use crate::state::tests::{chat, commit, define, empty, label};

/// So many labels share one name.
const NAMESAKES: u32 = 40;

/// Chooses one of `labels` labels. If there are more than signature bits, most choices share their bit with another.
pub(crate) fn label_choice(labels: u32) -> BoxedStrategy<u32> {
    let own = u32::try_from(SIGNATURE_BITS).unwrap();
    if labels > own {
        let near = (0..6_u32, 0..=(labels - 1) / own).prop_map(move |(low, round)| (round * own + low) % labels);
        prop_oneof![6 => near, 1 => 0..labels].boxed()
    } else {
        (0..labels).boxed()
    }
}

/// A step of a random history, over a few dozen chats.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Link(u32, u8),
    Unlink(u32, u8),
    Set(u8, Vec<u32>),
    /// Removes a label; the next label that is defined gets its slot.
    Remove(u32),
    Define(u32),
    Merge(u8, u8),
}

pub(crate) fn steps(labels: u32) -> impl Strategy<Value = Vec<Step>> {
    let of = label_choice(labels);
    let step = prop_oneof![
        8 => (of.clone(), 0_u8..40).prop_map(|(label, chat)| Step::Link(label, chat)),
        3 => (of.clone(), 0_u8..40).prop_map(|(label, chat)| Step::Unlink(label, chat)),
        6 => (0_u8..40, vec(of.clone(), 0..4)).prop_map(|(chat, labels)| Step::Set(chat, labels)),
        3 => (0_u8..40, vec(of.clone(), 4..20)).prop_map(|(chat, labels)| Step::Set(chat, labels)),
        2 => of.clone().prop_map(Step::Remove),
        4 => of.prop_map(Step::Define),
        1 => (0_u8..40, 0_u8..40).prop_map(|(from, into)| Step::Merge(from, into)),
    ];
    vec(step, 0..150)
}

/// The state after a history that begins with `labels` labels.
pub(crate) fn state_of(labels: u32, steps: &[Step]) -> State {
    let mut state = empty();
    let name = |id: u32| format!("name {}", id / NAMESAKES);
    commit(&mut state, (0..labels).map(|id| define(id, &name(id))));
    let id = |number: &u8| chat(&format!("{number}@c.us"));
    for step in steps {
        let op = match step {
            Step::Link(of, to) => Op::Link { label: label(*of), chat: id(to) },
            Step::Unlink(of, from) => Op::Unlink { label: label(*of), chat: id(from) },
            Step::Set(of, to) => Op::SetLabels { chat: id(of), labels: to.iter().map(|&of| label(of)).collect() },
            Step::Remove(of) => Op::RemoveLabel { label: label(*of) },
            Step::Define(of) => define(*of, &name(*of)),
            Step::Merge(from, into) => Op::MergeChats { from: id(from), into: id(into) },
        };
        commit(&mut state, [op]);
    }
    state
}

/// A filter of up to three clauses, by id and by name.
pub(crate) fn filters(labels: u32) -> impl Strategy<Value = Filter> {
    let entry = prop_oneof![
        9 => label_choice(labels).prop_map(|of| Entry::id(of.to_string())),
        1 => (0..=labels / NAMESAKES).prop_map(|name| Entry::name(format!("NAME {name}"))),
    ];
    let few = vec(entry.clone(), 0..5);
    let many = prop_oneof![2 => few.clone(), 2 => vec(entry, 5..40)];
    (proptest::option::of(many.clone()), proptest::option::weighted(0.3, few), proptest::option::weighted(0.4, many))
        .prop_map(|(any, all, none)| {
            let mut filter = Filter::new();
            (filter.any_of, filter.all_of, filter.none_of) = (any, all, none);
            filter
        })
}

pub(crate) fn clauses_of(filter: &Filter, state: &State) -> ResolvedFilter {
    ResolvedFilter::of(filter, &state.labels, &Limits::default()).unwrap()
}

/// The places of all chats that pass, each with the number of its labels and of those in the any-of clause.
pub(crate) fn naive(state: &State, clauses: &ResolvedFilter) -> Vec<(Place, u64, u64)> {
    let places = (0..state.chats.len()).map(|place| Place::try_from(place).unwrap());
    places
        .filter_map(|place| {
            let has = state.slots_at(place);
            let meets = |wanted: &Vec<u32>| has.iter().any(|slot| wanted.contains(slot));
            let passes = clauses.any.iter().chain(&clauses.all).all(meets) && !meets(&clauses.none);
            let of_any = clauses.any.as_ref().map(|any| has.iter().filter(|slot| any.contains(slot)).count());
            let to_u64 = |number| u64::try_from(number).unwrap();
            let found = (place, to_u64(has.len()), to_u64(of_any.unwrap_or(has.len())));
            (!has.is_empty() && passes).then_some(found)
        })
        .collect()
}

pub(crate) fn naive_totals(state: &State, clauses: &ResolvedFilter) -> Totals {
    naive(state, clauses).into_iter().fold(Totals::default(), |totals, (_, rows, matched)| Totals {
        chats: totals.chats + 1,
        rows: totals.rows + rows,
        matched_rows: totals.matched_rows + matched,
    })
}

/// 70,000 chats in two segments, each with one of six stages and up to three of eleven tags; label 17 is rare. In the
/// middle of the first segment and at its end are places that became free.
pub(crate) fn crm_like() -> State {
    let mut state = empty();
    commit(&mut state, (0..18).map(|id| define(id, &format!("name {}", id / 3))));
    let all = |id: u32, numbers: &mut dyn Iterator<Item = u32>| Op::LinkAll {
        label: label(id),
        chats: numbers.map(|number| chat(&format!("55119{number:08}@c.us"))).collect(),
    };
    commit(&mut state, (0..6).map(|stage| all(stage, &mut (0..70_000).filter(|number| number * 7 % 11 % 6 == stage))));
    commit(&mut state, (6..17).map(|tag| all(tag, &mut (0..70_000).step_by(usize::try_from(tag * tag).unwrap()))));
    commit(&mut state, [all(17, &mut [3, 65_535, 65_536, 69_999].into_iter())]);
    let gone = (20_000..20_003)
        .chain(65_530..65_534)
        .map(|number| Op::SetLabels { chat: chat(&format!("55119{number:08}@c.us")), labels: Vec::new() });
    commit(&mut state, gone);
    state
}

/// Filters over [`crm_like`]: of one label and many, alone and combined.
pub(crate) fn crm_filters() -> Vec<Filter> {
    let any = |labels: std::ops::Range<u32>| Filter::new().any_of_ids(labels.map(|id| id.to_string()));
    vec![
        Filter::new(),
        any(0..1),
        any(17..18),
        any(6..9),
        any(4..12),
        any(0..18),
        any(17..18).none_of_ids(["0"]),
        any(6..17).none_of_ids(["0", "1"]),
        any(6..17).all_of_ids(["2", "8"]),
        any(6..17).all_of_names(["name 0", "name 2"]).none_of_ids(["7"]),
        Filter::new().all_of_ids(["3", "7"]),
        Filter::new().none_of_ids(["0", "6", "17"]),
        Filter::new().none_of_names(["name 0", "name 1"]),
    ]
}
