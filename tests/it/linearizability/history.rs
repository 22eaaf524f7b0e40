//! What threads did and were told, and when.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};

use label_index::{Change, ChatId, Commit};

/// The time of all threads: what came first has the lesser number.
#[derive(Default)]
pub(super) struct Clock(AtomicU64);

impl Clock {
    pub(super) fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    /// Does something, and notes it with the revision that its answer names, if it names one.
    pub(super) fn note(&self, does: impl FnOnce() -> (Option<u64>, What)) -> Event {
        let begin = self.now();
        let (revision, what) = does();
        Event { begin, end: self.now(), revision, what }
    }
}

/// Something that one thread did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) begin: u64,
    pub(super) end: u64,
    pub(super) revision: Option<u64>,
    pub(super) what: What,
}

/// What somebody was told. Labels and chats are numbers here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// A link or, if not, an unlink, that changed something.
    Changed { label: u32, chat: u32, linked: bool },
    /// One that changed nothing, since it was so already.
    Unchanged { label: u32, chat: u32, linked: bool },
    /// The chats with any of some labels, with all labels of each; the numbers of chats, of rows, and of rows with one of
    /// those labels.
    AnyOf { labels: BTreeSet<u32>, chats: BTreeMap<u32, BTreeSet<u32>>, totals: [u64; 3] },
    /// The labels of a chat.
    LabelsOf { chat: u32, labels: BTreeSet<u32> },
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

/// The pair of a commit of one pair, and whether it was linked.
fn pair_of(commit: &Commit) -> (u32, u32, bool) {
    let (label, chat, linked) = match &commit.changes[..] {
        [Change::ChatLinked { label, chat, .. }] => (label, chat, true),
        [Change::ChatUnlinked { label, chat }] => (label, chat, false),
        other => panic!("more than one pair: {other:?}"),
    };
    (label.decimal().unwrap(), chat_number(chat), linked)
}

/// Gives each write that changed something the revision of its commit. Where the answer did not name it, the label is
/// written to by one thread alone, so that its commits come in the order of its calls.
pub(super) fn locate(events: &mut [Event], commits: &[Commit]) {
    let mut known = HashMap::new();
    let mut unknown: HashMap<u32, VecDeque<usize>> = HashMap::new();
    events.sort_by_key(|event| event.begin);
    for (position, event) in events.iter().enumerate() {
        if let What::Changed { label, .. } = event.what {
            match event.revision {
                Some(revision) => drop(known.insert(revision, position)),
                None => unknown.entry(label).or_default().push_back(position),
            }
        }
    }
    for commit in commits {
        let pair = pair_of(commit);
        let next = || unknown.get_mut(&pair.0).and_then(VecDeque::pop_front);
        let position = known.get(&commit.revision).copied().or_else(next);
        let position = position.unwrap_or_else(|| panic!("a commit that nobody made: {commit:?}"));
        let event = &mut events[position];
        let What::Changed { label, chat, linked } = event.what else { unreachable!("only those are asked for") };
        assert_eq!((label, chat, linked), pair, "the feed has something else at revision {}", commit.revision);
        event.revision = Some(commit.revision);
    }
}
