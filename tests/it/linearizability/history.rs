//! The calls of threads, their answers and their times.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use label_index::{Change, ChatId, Commit};

/// The time of all threads: an earlier moment has a lower number.
#[derive(Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    pub(super) fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

/// A call of one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) begin: u64,
    /// The greatest number if the call had no answer, since it may take effect at any time then.
    pub(super) end: u64,
    /// The number of the store.
    pub(super) store: usize,
    pub(super) revision: Option<u64>,
    pub(super) what: What,
}

/// The answer to a call. Labels and chats are numbers here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    /// A link that changed something; an unlink if not `linked`.
    Changed { label: u32, chat: u32, linked: bool },
    /// A link or an unlink without an answer: it may have been carried out or not.
    Attempted { label: u32, chat: u32, linked: bool },
    /// A link or an unlink that changed nothing.
    Unchanged { label: u32, chat: u32, linked: bool },
    /// The chats with any of some labels, with all labels of each; the numbers of chats, of rows, and of rows with one of
    /// those labels.
    AnyOf { labels: BTreeSet<u32>, chats: BTreeMap<u32, BTreeSet<u32>>, totals: [u64; 3] },
    /// The labels of a chat.
    LabelsOf { chat: u32, labels: BTreeSet<u32> },
    /// That a store has everything that was written anywhere.
    CaughtUp,
}

impl What {
    pub(super) fn written(label: u32, chat: u32, linked: bool, changed: bool) -> Self {
        if changed { Self::Changed { label, chat, linked } } else { Self::Unchanged { label, chat, linked } }
    }
}

pub(super) fn chat_id(chat: u32) -> String {
    format!("55119999{chat:05}@c.us")
}

pub(super) fn chat_number(chat: &ChatId) -> u32 {
    let chat = chat.to_string();
    let number = chat.strip_prefix("55119999").and_then(|rest| rest.get(..5)).expect("one of these chats");
    number.parse().unwrap()
}

/// A commit of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) revision: u64,
    pub(crate) label: u32,
    pub(crate) chat: u32,
    pub(crate) linked: bool,
}

impl From<&Commit> for Written {
    fn from(commit: &Commit) -> Self {
        let (label, chat, linked) = match &commit.changes[..] {
            [Change::ChatLinked { label, chat, .. }] => (label, chat, true),
            [Change::ChatUnlinked { label, chat }] => (label, chat, false),
            other => panic!("more than one pair: {other:?}"),
        };
        Self { revision: commit.revision, label: label.decimal().unwrap(), chat: chat_number(chat), linked }
    }
}

/// Gives each write that changed something the revision of its commit. If the answer did not name the revision, only
/// one thread writes to the label, so its commits are in the order of its calls. A commit without an answer belongs to
/// the first attempt that could have made it: it can be at every point at which a later attempt can be. Other attempts
/// had no effect.
pub(super) fn locate(events: &mut Vec<Event>, commits: &[Written]) {
    let mut known = HashMap::new();
    let mut unknown: HashMap<u32, VecDeque<usize>> = HashMap::new();
    let mut attempted: HashMap<(u32, u32, bool), VecDeque<usize>> = HashMap::new();
    events.sort_by_key(|event| event.begin);
    for (position, event) in events.iter().enumerate() {
        match (&event.what, event.revision) {
            (What::Changed { .. }, Some(revision)) => {
                let other = known.insert(revision, position);
                assert!(other.is_none(), "two writes have the revision {revision}");
            }
            (What::Changed { label, .. }, None) => unknown.entry(*label).or_default().push_back(position),
            (&What::Attempted { label, chat, linked }, _) => {
                attempted.entry((label, chat, linked)).or_default().push_back(position);
            }
            _ => {}
        }
    }
    for &Written { revision, label, chat, linked } in commits {
        let of_one = || unknown.get_mut(&label).and_then(VecDeque::pop_front);
        let attempt = || attempted.get_mut(&(label, chat, linked)).and_then(VecDeque::pop_front);
        let position = known.remove(&revision).or_else(of_one).or_else(attempt);
        let position = position.unwrap_or_else(|| panic!("nobody wrote {label} {chat} {linked} at {revision}"));
        let event = &mut events[position];
        let (What::Changed { label: its, chat: of, linked: so } | What::Attempted { label: its, chat: of, linked: so }) =
            event.what
        else {
            unreachable!("only those are asked for")
        };
        assert_eq!((its, of, so), (label, chat, linked), "the feed has something else at revision {revision}");
        event.what = What::Changed { label, chat, linked };
        event.revision = Some(revision);
    }
    assert!(known.is_empty(), "acknowledged, and in no feed: {known:?}");
    events.retain(|event| !matches!(event.what, What::Attempted { .. }));
}
