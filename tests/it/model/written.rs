//! What was written while a ticket is open, as the model notes it.

use std::collections::{BTreeMap, BTreeSet};

use label_index::{ChatId, Event, LabelId, LabelPatch};

use super::effect::Effect;
use super::operation::Operation;
use super::reference::{Model, label_of};

/// What was written while a ticket was open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    /// Pairs that were linked, unlinked or ingested. Chats are those that are meant now.
    pairs: BTreeSet<(LabelId, ChatId)>,
    /// Chats and labels of which every pair was written.
    chats: BTreeSet<ChatId>,
    labels: BTreeSet<LabelId>,
    /// Labels that were created or edited, with the fields that were written.
    pub(super) edited: BTreeMap<LabelId, Fields>,
    pub(super) removed: BTreeSet<LabelId>,
}

/// Which fields of a label.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fields {
    pub(super) name: bool,
    pub(super) color: bool,
    pub(super) position: bool,
}

impl Written {
    /// Notes an operation that was carried out, whether it changed anything or not.
    pub(crate) fn note(&mut self, before: &Model, operation: &Operation, effect: &Effect, earlier: &[Effect]) {
        let pair = |label, chat| (label_of(label, earlier), before.resolve(chat));
        match operation {
            Operation::Upsert { id, patch } => self.edit(id, patch),
            Operation::Update { label, patch } => self.edit(&label_of(label, earlier), patch),
            Operation::Create { label } | Operation::Ensure { label } => {
                // Of a label that was found, only the name was asked for.
                let mut patch = LabelPatch::from(label.name.clone());
                if effect.changed() {
                    patch = patch.color(label.color).position(label.position);
                }
                self.edit(effect.label().expect("the operation gives a label"), &patch);
            }
            Operation::Remove { label } => self.remove(&label_of(label, earlier)),
            Operation::Link { label, chat } | Operation::Unlink { label, chat } => {
                self.pairs.insert(pair(label, chat));
            }
            Operation::LinkAll { label, chats } | Operation::UnlinkAll { label, chats } => {
                self.pairs.extend(chats.iter().map(|chat| pair(label, chat)));
            }
            Operation::SetLabels { chat, .. } => {
                self.chats.insert(before.resolve(chat));
            }
            Operation::Merge { from, into } => {
                // The labels of `from` are on `into` now, and so is what was written about them.
                if !before.aliases.contains_key(from) && effect.changed() {
                    self.follow(from, &before.resolve(into));
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
                self.pairs.insert((label.clone(), before.resolve(chat)));
            }
            Event::ChatUnlabelled { label, chat } => {
                self.pairs.insert((label.clone(), before.resolve(chat)));
            }
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

    fn follow(&mut self, from: &ChatId, into: &ChatId) {
        if self.chats.remove(from) {
            self.chats.insert(into.clone());
        }
        self.pairs = std::mem::take(&mut self.pairs)
            .into_iter()
            .map(|(label, chat)| (label, if chat == *from { into.clone() } else { chat }))
            .collect();
    }

    pub(super) fn covers(&self, pair: &(LabelId, ChatId)) -> bool {
        self.labels.contains(&pair.0) || self.chats.contains(&pair.1) || self.pairs.contains(pair)
    }
}
