//! Whether a history is linearizable: whether its events could have happened one after the other.
//!
//! Every commit has a revision, so there is no order to search for: the states are known, and each answer has to be
//! that of one of them, neither older than any write that had returned before the call, nor newer than any write that
//! had begun when it returned. An answer without a revision gets the oldest one that fits, which restricts later
//! answers least.
//!
//! With several stores, each store's answers to writes are those of the shared database, and its answers to reads are
//! those of its own copy: never older than its earlier answers, and, after it caught up, not older than any store's.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::history::{Event, What};

/// Why a history could not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Broken {
    /// No write has this revision.
    Gap(u64),
    /// Two writes have this revision.
    Twice(u64),
    /// It is not the answer at the revision that it names, or at any possible one.
    Torn(Event),
    /// A newer revision had been seen before it began.
    Stale(Event),
    /// It ended before its revision was written.
    Early(Event),
}

/// The label sets of all chats at every revision.
struct States {
    first: u64,
    last: u64,
    /// By chat, the revisions at which its labels changed, and to what.
    chats: HashMap<u32, BTreeMap<u64, BTreeSet<u32>>>,
}

impl States {
    /// Carries out the writes, which begin with no pair after the first revision.
    fn replay(first: u64, events: &[Event]) -> Result<Self, Broken> {
        let mut writes = BTreeMap::new();
        for event in events.iter().filter(|event| matches!(event.what, What::Changed { .. })) {
            let revision = event.revision.expect("a write that changed something is a commit");
            if writes.insert(revision, event).is_some() {
                return Err(Broken::Twice(revision));
            }
        }
        let mut states = Self { first, last: first, chats: HashMap::new() };
        for (&revision, &event) in &writes {
            if revision != states.last + 1 {
                return Err(Broken::Gap(states.last + 1));
            }
            let What::Changed { label, chat, linked } = event.what else { unreachable!("only writes were taken") };
            let mut labels = states.labels_of(chat, states.last).cloned().unwrap_or_default();
            let changed = if linked { labels.insert(label) } else { labels.remove(&label) };
            if !changed {
                return Err(Broken::Torn(event.clone()));
            }
            states.chats.entry(chat).or_default().insert(revision, labels);
            states.last = revision;
        }
        Ok(states)
    }

    fn labels_of(&self, chat: u32, revision: u64) -> Option<&BTreeSet<u32>> {
        let (_, labels) = self.chats.get(&chat)?.range(..=revision).next_back()?;
        Some(labels).filter(|labels| !labels.is_empty())
    }

    /// Whether this is the answer at a revision.
    fn is_so(&self, what: &What, revision: u64) -> bool {
        match what {
            What::Changed { .. } | What::Attempted { .. } | What::CaughtUp => true,
            What::Unchanged { label, chat, linked } => {
                self.labels_of(*chat, revision).is_some_and(|labels| labels.contains(label)) == *linked
            }
            What::LabelsOf { chat, labels } => match self.labels_of(*chat, revision) {
                Some(had) => had == labels,
                None => labels.is_empty(),
            },
            What::AnyOf { labels, chats, totals } => {
                let all = self.chats.keys().filter_map(|&chat| Some((chat, self.labels_of(chat, revision)?)));
                let expected: BTreeMap<u32, &BTreeSet<u32>> = all.filter(|(_, had)| !had.is_disjoint(labels)).collect();
                let rows: usize = expected.values().map(|had| had.len()).sum();
                let matched: usize = expected.values().map(|had| had.intersection(labels).count()).sum();
                [expected.len(), rows, matched].map(|number| u64::try_from(number).unwrap()) == *totals
                    && expected.into_iter().eq(chats.iter().map(|(&chat, labels)| (chat, labels)))
            }
        }
    }

    /// Why no possible revision fits an event.
    fn what_is_wrong(&self, event: &Event, low: u64) -> Broken {
        let mut fits = (self.first..=self.last).filter(|&revision| self.is_so(&event.what, revision));
        match fits.next() {
            Some(oldest) if oldest < low => Broken::Stale(event.clone()),
            Some(_) => Broken::Early(event.clone()),
            None => Broken::Torn(event.clone()),
        }
    }

    /// The revision of an event that saw at least what `low` has, and at most what `high` has.
    fn place(&self, event: &Event, low: u64, high: u64) -> Result<u64, Broken> {
        let Some(revision) = event.revision else {
            let mut fits = (low..=high).filter(|&revision| self.is_so(&event.what, revision));
            return fits.next().ok_or_else(|| self.what_is_wrong(event, low));
        };
        let is_write = matches!(event.what, What::Changed { .. });
        if revision < low || is_write && revision == low {
            Err(Broken::Stale(event.clone()))
        } else if revision > high {
            Err(Broken::Early(event.clone()))
        } else if !self.is_so(&event.what, revision) {
            Err(Broken::Torn(event.clone()))
        } else {
            Ok(revision)
        }
    }
}

/// Checks a history that begins with no pair at a revision. Returns how many events happened while writes were in
/// progress.
pub(super) fn check(first: u64, events: &[Event]) -> Result<usize, Broken> {
    let states = States::replay(first, events)?;
    let begins = events.iter().enumerate().map(|(position, event)| (event.begin, position, true));
    let ends = events.iter().enumerate().map(|(position, event)| (event.end, position, false));
    let mut times: Vec<_> = begins.chain(ends).collect();
    times.sort_unstable();
    // The least revision that each store, and any store, had shown when each event began; up to the revision by which
    // every write has begun.
    let stores = events.iter().map(|event| event.store + 1).max().unwrap_or_default();
    let (mut returned, mut anywhere, mut lows) = (vec![first; stores], first, vec![first; events.len()]);
    let (mut begun, mut high) = (BTreeSet::new(), first);
    let mut beside_writes = 0;
    for (_, position, is_begin) in times {
        let event = &events[position];
        if is_begin {
            let is_read = matches!(event.what, What::AnyOf { .. } | What::LabelsOf { .. });
            lows[position] = if is_read { returned[event.store] } else { anywhere };
            begun.extend(event.revision.filter(|_| matches!(event.what, What::Changed { .. })));
            while begun.remove(&(high + 1)) {
                high += 1;
            }
        } else {
            let revision = states.place(event, lows[position], high)?;
            anywhere = anywhere.max(revision);
            returned[event.store] = returned[event.store].max(revision);
            beside_writes += usize::from(lows[position] < high);
        }
    }
    Ok(beside_writes)
}
