//! The links of a full state, to be looked up by chat.

use crate::model::chat_id::{ChatId, StoredOrder};
use crate::model::full_state::FullState;
use crate::model::label_id::LabelId;

/// Links in the order of their chats, as the network calls these.
#[derive(Debug)]
pub(super) struct LinksByChat<'a>(Vec<(StoredOrder, &'a LabelId)>);

impl<'a> LinksByChat<'a> {
    /// **O(n log n)** in the links.
    pub(super) fn new(full: &'a FullState) -> Self {
        let mut links: Vec<_> = full.links.iter().map(|(label, chat)| (StoredOrder(chat.clone()), label)).collect();
        links.sort_unstable();
        Self(links)
    }

    /// The labels that links give a chat under this very id, in label order, perhaps repeated. **O(log n)**.
    pub(super) fn labels_of(&self, chat: &ChatId) -> impl Iterator<Item = &'a LabelId> {
        let chat = StoredOrder(chat.clone());
        let first = self.0.partition_point(|(other, _)| *other < chat);
        self.0.iter().skip(first).take_while(move |(other, _)| *other == chat).map(|&(_, label)| label)
    }
}
