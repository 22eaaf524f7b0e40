//! What was written while a refresh ticket is open: those writes win over the network's state.

use hashbrown::{HashMap, HashSet};

use crate::chat_id::ChatId;
use crate::label::LabelPatch;
use crate::label_id::LabelId;
use crate::op::{Event, Op, Outcome};
use crate::state::State;

/// The keys that writes covered since a ticket was given out, whether or not they changed anything.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pairs: HashSet<(LabelId, ChatId)>,
    /// Chats of which every pair was covered.
    chats: HashSet<ChatId>,
    labels: HashMap<LabelId, TouchedLabel>,
}

/// What writes did to one label.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct TouchedLabel {
    /// It was created or edited, and not removed after that.
    pub(crate) edited: bool,
    pub(crate) name: bool,
    pub(crate) color: bool,
    pub(crate) position: bool,
    /// It was removed, and so was every pair that it had.
    pub(crate) removed: bool,
}

impl TouchedLabel {
    /// What was done, and after that an edit.
    fn and(self, edit: Self) -> Self {
        Self {
            edited: self.edited || edit.edited,
            name: self.name || edit.name,
            color: self.color || edit.color,
            position: self.position || edit.position,
            removed: self.removed,
        }
    }
}

impl Touched {
    /// Notes one operation that was not refused. `before` is the state that it found.
    pub(crate) fn note(&mut self, before: &State, op: &Op, outcome: &Outcome) {
        match op {
            Op::UpsertLabel { id, patch } => self.edited(id, patch),
            Op::CreateLabel { label } | Op::EnsureLabel { label } => {
                if let Some(id) = outcome.label() {
                    // Of a label that was found only the name was asked for.
                    let found = LabelPatch::from(label.name.clone());
                    self.edited(id, &if outcome.changed() { label.clone().into_patch() } else { found });
                }
            }
            Op::RemoveLabel { label } => self.removed(label),
            Op::Link { label, chat } | Op::Unlink { label, chat } => self.pair(before, label, chat),
            Op::LinkAll { label, chats } | Op::UnlinkAll { label, chats } => {
                chats.iter().for_each(|chat| self.pair(before, label, chat));
            }
            Op::SetLabels { chat, .. } => drop(self.chats.insert(before.resolve(chat).clone())),
            // What two ids have together is not said of either of them.
            Op::MergeChats { .. } | Op::Unalias { .. } => {}
            Op::Ingest { event } => self.ingested(before, event),
        }
    }

    fn ingested(&mut self, before: &State, event: &Event) {
        match event {
            Event::LabelEdited { label, patch } => self.edited(label, patch),
            Event::LabelDeleted { label } => self.removed(label),
            // The network linked a label that is deleted here. If its state brings the label back, then with this link.
            Event::ChatLabelled { label, .. } if before.labels.is_deleted(label) => {}
            Event::ChatLabelled { label, chat } => {
                if before.labels.slot(label).is_none() {
                    self.edited(label, &LabelPatch::new());
                }
                self.pair(before, label, chat);
            }
            Event::ChatUnlabelled { label, chat } => self.pair(before, label, chat),
        }
    }

    fn edited(&mut self, id: &LabelId, patch: &LabelPatch) {
        let edit = TouchedLabel {
            edited: true,
            name: patch.name.is_some(),
            color: patch.color.is_some(),
            position: patch.position.is_some(),
            removed: false,
        };
        let known = self.labels.entry(id.clone()).or_default();
        *known = known.and(edit);
    }

    fn removed(&mut self, id: &LabelId) {
        self.labels.insert(id.clone(), TouchedLabel { removed: true, ..TouchedLabel::default() });
    }

    fn pair(&mut self, before: &State, label: &LabelId, chat: &ChatId) {
        self.pairs.insert((label.clone(), before.resolve(chat).clone()));
    }

    /// Notes what another set of later writes covered.
    pub(crate) fn absorb(&mut self, later: Self) {
        self.pairs.extend(later.pairs);
        self.chats.extend(later.chats);
        for (id, label) in later.labels {
            let known = self.labels.entry(id).or_default();
            *known = if label.removed { label } else { known.and(label) };
        }
    }

    /// What was done to a label.
    pub(crate) fn label(&self, id: &LabelId) -> TouchedLabel {
        self.labels.get(id).copied().unwrap_or_default()
    }

    /// The same keys after the aliases that were learnt meanwhile.
    pub(crate) fn resolved(&self, state: &State) -> Self {
        let resolve = |chat: &ChatId| state.resolve(chat).clone();
        Self {
            pairs: self.pairs.iter().map(|(label, chat)| (label.clone(), resolve(chat))).collect(),
            chats: self.chats.iter().map(resolve).collect(),
            labels: self.labels.clone(),
        }
    }

    /// Whether a pair stays as the writes left it.
    pub(crate) fn covers(&self, label: &LabelId, chat: &ChatId) -> bool {
        // Cloning the key is two reference counts at most; a lookup by parts would need a type of its own.
        self.label(label).removed || self.chats.contains(chat) || self.pairs.contains(&(label.clone(), chat.clone()))
    }
}
