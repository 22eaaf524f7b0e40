//! The model's record of the writes while a ticket is open.

use std::collections::{BTreeMap, BTreeSet};

use label_index::{ChatId, Event, LabelId, LabelPatch};

use super::effect::Effect;
use super::operation::Operation;
use super::reference::{Model, label_of};

/// The writes while a ticket was open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    /// Every write of pairs, in order.
    pairs: Vec<PairWrite>,
    /// Labels of which every pair was written.
    labels: BTreeSet<LabelId>,
    /// Labels that were created or edited, with the fields that were written.
    pub(super) edited: BTreeMap<LabelId, Fields>,
    pub(super) removed: BTreeSet<LabelId>,
}

/// One write of a pair, or of all pairs of a chat.
#[derive(Debug, Clone)]
struct PairWrite {
    /// `None` for all labels of the chat.
    label: Option<LabelId>,
    /// Every id that meant the chat when it was written, and the chats into which its labels were merged since.
    ids: BTreeSet<ChatId>,
}

/// Which fields of a label.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields {
    pub(super) name: bool,
    pub(super) color: bool,
    pub(super) position: bool,
}

impl Written {
    /// Records an operation that was carried out, whether it changed anything or not.
    pub(crate) fn note(&mut self, before: &Model, operation: &Operation, effect: &Effect, earlier: &[Effect]) {
        match operation {
            Operation::Upsert { id, patch } => self.edit(id, patch),
            Operation::Update { label, patch } => self.edit(&label_of(label, earlier), patch),
            Operation::Create { label } | Operation::Ensure { label } => {
                // An operation that found the label has written only the name.
                let mut patch = LabelPatch::from(label.name.clone());
                if effect.changed() {
                    patch = patch.color(label.color).position(label.position);
                }
                self.edit(effect.label().expect("the operation gives a label"), &patch);
            }
            Operation::Remove { label } => self.remove(&label_of(label, earlier)),
            Operation::Link { label, chat } | Operation::Unlink { label, chat } => {
                self.write(before, Some(label_of(label, earlier)), chat);
            }
            Operation::LinkAll { label, chats } | Operation::UnlinkAll { label, chats } => {
                chats.iter().for_each(|chat| self.write(before, Some(label_of(label, earlier)), chat));
            }
            Operation::SetLabels { chat, .. } => self.write(before, None, chat),
            Operation::Merge { from, into } => {
                // The labels of `from` are on `into` now, and so is what was written about them.
                if !before.aliases.contains_key(from) && effect.changed() {
                    for write in self.pairs.iter_mut().filter(|write| write.ids.contains(from)) {
                        write.ids.insert(before.resolve(into));
                    }
                }
            }
            Operation::Unalias { .. } => {}
            Operation::Ingest { event } => self.note_event(before, event),
        }
    }

    fn note_event(&mut self, before: &Model, event: &Event) {
        match event {
            Event::LabelEdited { label, patch } => self.edit(label, patch),
            Event::LabelDeleted { label } => self.remove(label),
            Event::ChatLabelled { label, .. } if before.labels.is_deleted(label) => {}
            Event::ChatLabelled { label, chat } => {
                if !before.labels.known.contains_key(label) {
                    self.edit(label, &LabelPatch::new());
                }
                self.write(before, Some(label.clone()), chat);
            }
            Event::ChatUnlabelled { label, chat } => self.write(before, Some(label.clone()), chat),
            other => panic!("an event that the model does not know: {other:?}"),
        }
    }

    fn edit(&mut self, id: &LabelId, patch: &LabelPatch) {
        let fields = self.edited.entry(id.clone()).or_default();
        fields.name |= patch.name.is_some();
        fields.color |= patch.color.is_some();
        fields.position |= patch.position.is_some();
        self.removed.remove(id);
    }

    fn remove(&mut self, id: &LabelId) {
        self.edited.remove(id);
        self.labels.insert(id.clone());
        self.removed.insert(id.clone());
    }

    fn write(&mut self, before: &Model, label: Option<LabelId>, chat: &ChatId) {
        let chat = before.resolve(chat);
        let aliases = before.aliases.iter().filter(|(_, meant)| **meant == chat).map(|(alias, _)| alias.clone());
        self.pairs.push(PairWrite { label, ids: aliases.chain([chat.clone()]).collect() });
    }

    /// Whether a pair stays as the writes left it, with the present aliases.
    pub(super) fn covers(&self, now: &Model, (label, chat): &(LabelId, ChatId)) -> bool {
        let is_written = |write: &PairWrite| {
            write.label.as_ref().is_none_or(|written| written == label)
                && write.ids.iter().any(|id| now.resolve(id) == *chat)
        };
        self.labels.contains(label) || self.pairs.iter().any(is_written)
    }
}
