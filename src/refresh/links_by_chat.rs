//! The links of a full state, indexed by chat.

use crate::model::chat_id::{ChatId, StoredOrder};
use crate::model::full_state::FullState;
use crate::model::label_id::LabelId;

/// Links sorted by the id under which the network reports the chat.
#[derive(Debug)]
pub(super) struct LinksByChat<'a>(Vec<(StoredOrder, &'a LabelId)>);

impl<'a> LinksByChat<'a> {
    /// Sorts the links. **O(n log n)**.
    pub(super) fn new(full: &'a FullState) -> Self {
        let mut links: Vec<_> = full.links.iter().map(|(label, chat)| (StoredOrder(chat.clone()), label)).collect();
        links.sort_unstable();
        Self(links)
    }

    /// The labels of the links with exactly this id, in label order, perhaps repeated. **O(log n)**.
    pub(super) fn labels_of(&self, chat: &ChatId) -> impl Iterator<Item = &'a LabelId> {
        let chat = StoredOrder(chat.clone());
        let first = self.0.partition_point(|(other, _)| *other < chat);
        self.0.iter().skip(first).take_while(move |(other, _)| *other == chat).map(|&(_, label)| label)
    }
}
