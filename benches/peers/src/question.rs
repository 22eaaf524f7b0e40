//! The queries: labels chosen by frequency, and the true answers, found by a scan of all chats.

use label_index::Filter;

use crate::engine::{PAGE, Totals};
use crate::workload::Workload;

/// The numbers of labels of any-of queries.
pub(crate) const SIZES: [usize; 7] = [1, 2, 3, 8, 20, 32, 96];

/// How the labels of a query are chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mix {
    Frequent,
    Rare,
    /// From the most frequent to the rarest in equal steps.
    Mixed,
}

impl Mix {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Frequent => "frequent",
            Self::Rare => "rare",
            Self::Mixed => "mixed",
        }
    }
}

/// Which clause of a filter has the labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clause {
    Any,
    All,
    None,
}

/// One clause of labels.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) mix: Mix,
    clause: Clause,
    /// By position, ascending.
    pub(crate) labels: Vec<u16>,
    pub(crate) filter: Filter,
}

impl Question {
    fn new(workload: &Workload, clause: Clause, mix: Mix, mut labels: Vec<u16>) -> Self {
        labels.sort_unstable();
        let ids = labels.iter().map(|&label| workload.labels[usize::from(label)].id.as_str());
        let filter = match clause {
            Clause::Any => Filter::new().any_of_ids(ids),
            Clause::All => Filter::new().all_of_ids(ids),
            Clause::None => Filter::new().none_of_ids(ids),
        };
        Self { mix, clause, labels, filter }
    }

    pub(crate) fn k(&self) -> usize {
        self.labels.len()
    }

    /// How many of the labels a chat has.
    fn carried(&self, members: &[u16]) -> usize {
        members.iter().filter(|label| self.labels.binary_search(label).is_ok()).count()
    }

    fn passes(&self, members: &[u16]) -> bool {
        let carried = self.carried(members);
        match self.clause {
            Clause::Any => carried > 0,
            Clause::All => carried == self.labels.len(),
            Clause::None => carried == 0,
        }
    }

    pub(crate) fn true_totals(&self, workload: &Workload) -> Totals {
        let mut totals = Totals::default();
        for members in (0..workload.len()).map(|chat| workload.members(chat)).filter(|members| self.passes(members)) {
            totals.chats += 1;
            totals.rows += members.len() as u64;
            totals.matched_rows += match self.clause {
                Clause::Any => self.carried(members) as u64,
                _ => members.len() as u64,
            };
        }
        totals
    }

    /// The page of the chats from a number on.
    pub(crate) fn true_page(&self, workload: &Workload, start: usize) -> Vec<(String, Vec<String>)> {
        let found = (start..workload.len()).filter(|&chat| self.passes(workload.members(chat))).take(PAGE);
        found.map(|chat| (workload.key(chat).to_owned(), label_ids(workload, chat))).collect()
    }
}

/// The ids of a chat's labels, in label order.
pub(crate) fn label_ids(workload: &Workload, chat: usize) -> Vec<String> {
    workload.members(chat).iter().map(|&label| workload.labels[usize::from(label)].id.clone()).collect()
}

/// The labels that some chat has, from the most frequent to the rarest.
pub(crate) fn by_frequency(workload: &Workload) -> Vec<u16> {
    let counts = workload.counts();
    let mut labels: Vec<u16> = (0..).take(counts.len()).filter(|&label| counts[usize::from(label)] > 0).collect();
    labels.sort_by_key(|&label| std::cmp::Reverse(counts[usize::from(label)]));
    labels
}

/// A query for each mix of labels; a single one if the mixes are the same.
pub(crate) fn questions(workload: &Workload, clause: Clause, ranked: &[u16], k: usize) -> Vec<Question> {
    let all = ranked.len();
    let ask = |mix, ranks: Vec<usize>| {
        Question::new(workload, clause, mix, ranks.into_iter().map(|rank| ranked[rank]).collect())
    };
    let spread = |nth: usize| if k == 1 { all / 2 } else { nth * (all - 1) / (k - 1) };
    let mixed = || ask(Mix::Mixed, (0..k).map(spread).collect());
    match k {
        0 => Vec::new(),
        k if k > all => Vec::new(),
        k if k == all => vec![mixed()],
        k => vec![ask(Mix::Frequent, (0..k).collect()), ask(Mix::Rare, (all - k..all).collect()), mixed()],
    }
}

/// Queries for chats with all of `k` labels that match some chat: the labels are those of a chat.
pub(crate) fn all_of(workload: &Workload, ranked: &[u16], k: usize) -> Vec<Question> {
    /// The number of chats that are tried.
    const SAMPLE: usize = 100_000;
    let mut rank_of = vec![0; workload.labels.len()];
    ranked.iter().enumerate().for_each(|(rank, &label)| rank_of[usize::from(label)] = rank);
    let rank = |label: &u16| rank_of[usize::from(*label)];
    let sets = (0..workload.len().min(SAMPLE)).map(|chat| workload.members(chat)).filter(|members| members.len() >= k);
    let chosen = sets.map(|members| {
        let mut labels = members.to_vec();
        labels.sort_by_key(rank);
        labels.truncate(k);
        labels
    });
    let ranks = |labels: &Vec<u16>| labels.iter().map(rank).sum::<usize>();
    let chosen: Vec<Vec<u16>> = chosen.collect();
    let ask = |mix, labels: Option<&Vec<u16>>| Some(Question::new(workload, Clause::All, mix, labels?.clone()));
    let (frequent, rare) = (chosen.iter().min_by_key(|set| ranks(set)), chosen.iter().max_by_key(|set| ranks(set)));
    ask(Mix::Frequent, frequent).into_iter().chain(ask(Mix::Rare, rare)).collect()
}
