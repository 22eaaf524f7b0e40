//! Replays the recorded commits, and compares what was seen with them.

use label_index::{ChatId, Commit, LabelIndex};

use super::Seen;
use crate::replica::{Folded, Replica};

impl Seen {
    /// The first revision of which it may be the state.
    fn first(&self) -> u64 {
        match self {
            Self::Whole(replica) => replica.revision,
            Self::Answer { answer, .. } => answer.revision,
            Self::Chat { from, .. } => *from,
        }
    }
}

pub(super) fn check(commits: &[Commit], mut seen: Vec<Seen>, index: &LabelIndex) {
    let number = seen.len();
    seen.sort_by_key(Seen::first);
    let mut seen = seen.into_iter().peekable();
    let mut copy = Folded::default();
    let mut open = Vec::new();
    for commit in commits {
        look(&copy, &mut seen, &mut open);
        copy.apply(commit);
    }
    look(&copy, &mut seen, &mut open);
    assert!(open.is_empty() && seen.peek().is_none(), "seen beyond the last revision");
    copy.assert_is(Replica::from(&index.snapshot()));
    index.check_invariants().unwrap();
    assert!(commits.len() > 1_000 && number > 1_000, "{} commits, {number} things seen", commits.len());
}

/// Checks everything that was seen at this revision, or may have been.
fn look(copy: &Folded, seen: &mut std::iter::Peekable<impl Iterator<Item = Seen>>, open: &mut Vec<Seen>) {
    while let Some(next) = seen.next_if(|next| next.first() == copy.revision()) {
        match next {
            Seen::Whole(replica) => is_whole(copy, replica),
            Seen::Answer { label, answer } => {
                let order = copy.order();
                let carries = |chat: &&ChatId| copy.labels_of(chat).contains(&label);
                let matching: Vec<&ChatId> = order.iter().filter(carries).collect();
                let rows: usize = matching.iter().map(|chat| copy.labels_of(chat).len()).sum();
                let totals = (answer.total_chats, answer.total_rows, answer.matched_rows);
                assert_eq!(totals, (number(matching.len()), number(rows), number(matching.len())));
                let page = matching.len().min(20);
                assert!(answer.chats.iter().map(|row| &row.chat_id).eq(matching[..page].iter().copied()));
                for row in &answer.chats {
                    let labels = copy.labels_of(&row.chat_id);
                    assert!(row.labels.iter().eq(labels.iter().filter_map(|id| copy.label(id))));
                }
            }
            chat @ Seen::Chat { .. } => open.push(chat),
        }
    }
    open.retain(|seen| {
        let Seen::Chat { from, to, chat, labels } = seen else { return false };
        let is_so = copy.labels_of(chat).iter().eq(labels);
        assert!(is_so || copy.revision() < *to, "{chat} never had {labels:?} from {from} to {to}");
        !is_so
    });
}

/// Compares all but the order of chats, which copies that began with a snapshot do not know.
fn is_whole(copy: &Folded, seen: Replica) {
    let mut expected = copy.replica();
    if seen.order.is_empty() {
        expected.order.clear();
    }
    assert_eq!(seen, expected);
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap()
}
