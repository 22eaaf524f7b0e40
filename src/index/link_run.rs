//! Consecutive links of one chat in a batch.

use crate::model::change::Change;
use crate::model::chat_id::ChatId;
use crate::model::op::Op;

/// The last changes of a batch, if they are links of one chat that are not applied yet.
///
/// Carried out together they make one label set, where one after the other they would make a set for each link. What
/// they do is the same: a link depends on the labels that its chat has, on its place and on aliases. Another link of the
/// chat changes the first alone, which [`has`](Self::has) answers for; a chat without a place is given the same one as
/// long as nothing is carried out.
#[derive(Debug)]
pub(crate) struct LinkRun {
    /// The chat as the operations name it.
    chat: ChatId,
    /// The index of the first of the changes.
    begins: usize,
}

impl LinkRun {
    /// The most changes in a run, since each link is compared with all before it.
    const MOST: usize = 64;

    /// The run that an operation begins, whose changes come behind those that there are. None if it is no link.
    pub(crate) fn begin(op: Op, changes: &[Change]) -> Option<Self> {
        match op {
            Op::Link { chat, .. } => Some(Self { chat, begins: changes.len() }),
            _ => None,
        }
    }

    /// Whether an operation can be planned while the run is not carried out.
    pub(crate) fn takes(&self, op: &Op, changes: &[Change]) -> bool {
        matches!(op, Op::Link { chat, .. } if *chat == self.chat) && self.changes(changes).len() < Self::MOST
    }

    /// Whether the run links what an operation links.
    pub(crate) fn has(&self, op: &Op, changes: &[Change]) -> bool {
        let Op::Link { label: wanted, .. } = op else { return false };
        let linked = |change: &Change| matches!(change, Change::ChatLinked { label, .. } if label == wanted);
        self.changes(changes).iter().any(linked)
    }

    /// The changes of the run, which are the last ones.
    pub(crate) fn changes<'c>(&self, changes: &'c [Change]) -> &'c [Change] {
        changes.get(self.begins..).unwrap_or_default()
    }
}
