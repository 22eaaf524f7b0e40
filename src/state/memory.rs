//! How many bytes each part of a version takes.

use std::sync::Arc;

use crate::collections::heap::arc_slice_bytes;
use crate::model::chat_id::{ChatId, ChatKey, StoredOrder};
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::model::memory::IndexBytes;
use crate::state::State;
use crate::state::aliases::Aliases;
use crate::state::chats::Chats;
use crate::state::label_sets::LabelSets;
use crate::state::labels::Labels;
use crate::state::postings::labels_per_chat::LabelsPerChat;
use crate::state::postings::{Posting, Postings};
use crate::state::signatures::Signatures;

fn text_bytes(text: &str) -> usize {
    arc_slice_bytes::<u8>(text.len())
}

/// The bytes of the text of an id, if it is stored as a text. All copies of the id share them.
fn id_bytes(id: &LabelId) -> usize {
    if id.decimal().is_some() { 0 } else { id.with_text(text_bytes) }
}

fn chat_bytes(chat: &ChatId) -> usize {
    match chat.key() {
        ChatKey::Compact(_) => 0,
        ChatKey::Text(text) => text_bytes(text),
    }
}

/// The bytes of a definition, without the id.
fn label_bytes(label: &Label) -> usize {
    arc_slice_bytes::<u8>(Label::DEFINITION) + label.name().map_or(0, |name| text_bytes(name.as_str()))
}

impl State {
    /// The bytes of this version by part. Visits single chats only if their ids are texts.
    ///
    /// **O(n / 500)** in the number of chats, and O(n) in that of texts, labels, label sets and aliases.
    pub(crate) fn bytes(&self) -> IndexBytes {
        let Self { labels, aliases, chats, sets, postings, .. } = self;
        IndexBytes {
            chats: chats.bytes(),
            chat_ids: chats.text_bytes(),
            label_sets: sets.bytes(),
            postings: postings.bytes(),
            labels: labels.bytes(),
            aliases: aliases.bytes(),
            feed: 0,
            queue: 0,
        }
    }
}

impl Chats {
    fn bytes(&self) -> usize {
        let Self { records, places, used, .. } = self;
        records.heap_bytes(|_| 0) + places.heap_bytes() + used.heap_bytes(|_| 0)
    }

    fn text_bytes(&self) -> usize {
        let text = |text: &Option<Arc<str>>| text.as_ref().map_or(0, |text| text_bytes(text));
        self.texts.heap_bytes(text) + self.free_texts.heap_bytes(|_| 0)
    }
}

impl LabelSets {
    fn bytes(&self) -> usize {
        let Signatures { blocks, room: [blocks_with_room, words_with_room], .. } = &self.signatures;
        let block = |slices: &Arc<Vec<u128>>| arc_slice_bytes::<usize>(3) + slices.capacity() * size_of::<u128>();
        self.members.heap_bytes(|members| members.heap_bytes(arc_slice_bytes::<u32>))
            + self.count_bytes()
            + self.lens.heap_bytes(|_| 0)
            + self.index.heap_bytes()
            + blocks.heap_bytes(block)
            + blocks_with_room.heap_bytes(|_| 0)
            + words_with_room.heap_bytes(|_| 0)
    }
}

impl Postings {
    fn bytes(&self) -> usize {
        let Self { labels, per_chat: LabelsPerChat { numbers, many }, .. } = self;
        labels.heap_bytes(|Posting { places, .. }| places.heap_bytes()) + numbers.heap_bytes(|_| 0) + many.heap_bytes()
    }
}

impl Labels {
    fn bytes(&self) -> usize {
        let Self { by_id, slots, low, free, by_name, deleted, .. } = self;
        // The text of an id is shared with the label at its slot and with the index of names.
        by_id.heap_bytes(|id, _| id_bytes(id))
            + slots.heap_bytes(|label| label.as_ref().map_or(0, label_bytes))
            + low.heap_bytes(|_| 0)
            + free.heap_bytes(|_| 0)
            + by_name.heap_bytes(|(key, _), ()| text_bytes(key.as_str()))
            + deleted.heap_bytes(|id, ()| id_bytes(id))
    }
}

impl Aliases {
    fn bytes(&self) -> usize {
        let Self { by_alias, by_target } = self;
        // Both maps share the texts. Aliases of one chat may each have a text of their own for it, or share one.
        let mut former: Option<&Arc<str>> = None;
        let targets = by_target.iter().map(|((StoredOrder(target), _), ())| match target.key() {
            ChatKey::Text(text) if former.replace(text).is_none_or(|former| !Arc::ptr_eq(former, text)) => {
                text_bytes(text)
            }
            _ => 0,
        });
        let targets: usize = targets.sum();
        by_alias.heap_bytes(|StoredOrder(alias), _| chat_bytes(alias)) + by_target.heap_bytes(|_, ()| 0) + targets
    }
}
