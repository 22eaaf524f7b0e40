//! Relations between the answers to different queries, which hold for every index.

use std::collections::BTreeMap;
use std::fmt::Debug;

use label_index::{Answer, Entry, Error, Filter, LabelId, Page, Unresolved};

use super::compare::Difference;
use super::view::View;

/// The most entries and labels that are checked one by one.
const SOME: usize = 4;

/// Fails unless two ways to one answer give the same.
pub(super) fn agree<T: PartialEq + Debug>(what: impl Debug, one: &T, other: &T) -> Result<(), Difference> {
    if one == other { Ok(()) } else { Err(format!("{what:?}\n  one way: {one:?}\n  another: {other:?}")) }
}

/// All fields of an answer but its page.
pub(super) fn besides_the_page(answer: &Answer) -> ([u64; 4], &[LabelId], &Unresolved) {
    let numbers = [answer.total_chats, answer.total_rows, answer.matched_rows, answer.revision];
    (numbers, &answer.filter_label_ids, &answer.unresolved)
}

/// Compares the totals of an answer with those of related queries.
pub(super) fn check(view: &dyn View, filter: &Filter, answer: &Answer) -> Result<(), Difference> {
    let asked = |filter: &Filter| Asked::of(view, filter).map_err(|error| error.to_string());
    let totals = asked(filter)?;
    agree("totals alone", &totals.sums(), &[answer.total_chats, answer.total_rows])?;

    // A chat that passes the other clauses carries one of these labels, or none of them.
    if let Some(entries) = &filter.any_of {
        let mut others = filter.clone();
        others.any_of = None;
        let without = asked(&others.clone().none_of(entries.iter().cloned()))?;
        agree("any of or none of", &(totals + without).sums(), &asked(&others)?.sums())?;
    }
    for entry in entries(filter).take(SOME) {
        // No chat passes an all-of clause without entries; adding an entry would widen it.
        if filter.all_of.as_ref().is_none_or(|entries| !entries.is_empty()) {
            let with = asked(&filter.clone().all_of([entry.clone()]))?;
            let without = asked(&filter.clone().none_of([entry.clone()]))?;
            agree(("with or without", entry), &(with + without).sums(), &totals.sums())?;
        }
    }
    let known: Vec<&Entry> = entries(filter).collect();
    for pair in known.windows(2).take(SOME) {
        let pair = || pair.iter().map(|&entry| entry.clone());
        let (any, all) = (asked(&Filter::new().any_of(pair()))?, asked(&Filter::new().all_of(pair()))?);
        let each = pair().map(|entry| asked(&Filter::new().any_of([entry]))).collect::<Result<Vec<_>, _>>()?;
        let sum = each.into_iter().fold(Asked::default(), |sum, one| sum + one);
        agree("either and both, or one and the other", &(any + all).sums(), &sum.sums())?;
    }
    let plain = asked(&by_ids(view, filter))?;
    agree("names, or the ids that they stand for", &plain, &totals)?;
    let turned = asked(&turned(filter))?;
    agree("entries in another order, some of them twice", &turned, &totals)
}

/// The totals of an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Asked {
    chats: u64,
    rows: u64,
    matched: u64,
}

impl Asked {
    /// Queries the totals without a page.
    fn of(view: &dyn View, filter: &Filter) -> Result<Self, Error> {
        let answer = view.query(filter, Page::first(0))?;
        assert!(answer.chats.is_empty() && answer.next.is_none(), "a page that nobody asked for: {answer:?}");
        Ok(Self { chats: answer.total_chats, rows: answer.total_rows, matched: answer.matched_rows })
    }

    /// The totals that are additive.
    fn sums(self) -> [u64; 2] {
        [self.chats, self.rows]
    }
}

impl std::ops::Add for Asked {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { chats: self.chats + other.chats, rows: self.rows + other.rows, matched: self.matched + other.matched }
    }
}

/// Compares the totals of an answer on one page with the chats that it lists.
pub(super) fn lists_what_it_counts(view: &dyn View, filter: &Filter, whole: &Answer) -> Result<(), Difference> {
    let rows = || whole.chats.iter().flat_map(|chat| &chat.labels);
    let sought: Option<Vec<LabelId>> =
        filter.any_of.as_ref().map(|entries| entries.iter().flat_map(|entry| meant(view, entry)).collect());
    let matched = rows().filter(|label| sought.as_ref().is_none_or(|sought| sought.contains(label.id()))).count();
    let counted = [whole.chats.len(), rows().count(), matched].map(number);
    agree("listed and counted", &counted, &[whole.total_chats, whole.total_rows, whole.matched_rows])?;
    for chat in whole.chats.iter().take(SOME) {
        let text = chat.chat_id.to_string();
        agree(("labels of", &text), &view.labels_of(&text), &chat.labels)?;
        let carries = chat.labels.iter().all(|label| view.contains(&label.id().to_string(), &text));
        agree(("contains", &text), &carries, &true)?;
    }
    let counts = view.count_by_label(filter).map_err(|error| error.to_string())?;
    let mut listed: BTreeMap<&LabelId, u64> = BTreeMap::new();
    whole.chats.iter().flat_map(|chat| &chat.labels).for_each(|label| *listed.entry(label.id()).or_default() += 1);
    let counted = counts.iter().map(|(label, count)| (label.id(), *count)).collect();
    agree("count by label", &counted, &listed)
}

/// The filter with ids in place of names where one entry may stand for several, that is, not in the all-of clause.
fn by_ids(view: &dyn View, filter: &Filter) -> Filter {
    let mut plain = filter.clone();
    for entries in [&mut plain.any_of, &mut plain.none_of].into_iter().flatten() {
        *entries = entries.iter().flat_map(|entry| meant(view, entry)).map(|id| Entry::id(id.to_string())).collect();
    }
    plain
}

fn turned(filter: &Filter) -> Filter {
    let mut turned = filter.clone();
    for entries in [&mut turned.any_of, &mut turned.all_of, &mut turned.none_of].into_iter().flatten() {
        entries.extend(entries.first().cloned());
        entries.reverse();
    }
    turned
}

/// The labels that an entry means.
fn meant(view: &dyn View, entry: &Entry) -> Vec<LabelId> {
    match entry {
        Entry::Id(id) => view.label(id).map(|label| label.id().clone()).into_iter().collect(),
        Entry::Name(name) => view.ids_named(name),
    }
}

fn entries(filter: &Filter) -> impl Iterator<Item = &Entry> {
    [&filter.any_of, &filter.all_of, &filter.none_of].into_iter().flatten().flatten()
}

fn number(count: usize) -> u64 {
    u64::try_from(count).expect("64 bits")
}
