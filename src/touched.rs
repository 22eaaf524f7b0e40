//! What was written while a refresh ticket is open: those writes win over the network's state.

use hashbrown::{HashMap, HashSet};

use crate::chat_id::ChatId;
use crate::label::LabelPatch;
use crate::label_id::LabelId;
use crate::op::{Event, Merged, Op, Outcome};
use crate::state::State;

/// The keys that writes covered since a ticket was given out, whether or not they changed anything.
///
/// A chat that is merged into another hands over what was written of it, as it hands over its labels: what becomes of
/// the alias afterwards makes no difference. So that this costs the same whatever was written, pairs do not name chats
/// but numbers, and a chat may have several.
#[derive(Debug, Default)]
pub(crate) struct Touched {
    pairs: HashSet<(LabelId, Number)>,
    /// Numbers of which every pair was covered.
    whole: HashSet<Number>,
    numbers: HashMap<ChatId, Numbers>,
    given: Number,
    /// Of a batch: which chats were merged into which, in order.
    merged: Vec<(ChatId, ChatId)>,
    labels: HashMap<LabelId, TouchedLabel>,
}

type Number = u32;

/// The numbers of one chat: the one that its pairs get, and those of chats that were merged into it.
#[derive(Debug)]
struct Numbers {
    own: Number,
    inherited: Vec<Number>,
}

impl Numbers {
    fn all(&self) -> impl Iterator<Item = Number> {
        std::iter::once(self.own).chain(self.inherited.iter().copied())
    }
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
        self.note_in_batch(before, op, outcome);
        self.merged.clear();
    }

    /// Notes one operation of a batch that is not committed yet, to be [absorbed](Self::absorb) when it is.
    pub(crate) fn note_in_batch(&mut self, before: &State, op: &Op, outcome: &Outcome) {
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
            Op::SetLabels { chat, .. } => self.whole_chat(before.resolve(chat)),
            Op::MergeChats { from, into } => {
                if matches!(outcome, Outcome::Merged(Merged::Merged { .. })) {
                    let into = before.resolve(into).clone();
                    self.follow(from, &into);
                    self.merged.push((from.clone(), into));
                }
            }
            Op::Unalias { .. } => {}
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
        let number = self.number(before.resolve(chat));
        self.pairs.insert((label.clone(), number));
    }

    fn whole_chat(&mut self, chat: &ChatId) {
        let number = self.number(chat);
        self.whole.insert(number);
    }

    fn number(&mut self, chat: &ChatId) -> Number {
        if let Some(numbers) = self.numbers.get(chat) {
            return numbers.own;
        }
        let own = self.given;
        self.given += 1;
        self.numbers.insert(chat.clone(), Numbers { own, inherited: Vec::new() });
        own
    }

    fn follow(&mut self, from: &ChatId, into: &ChatId) {
        let Some(brought) = self.numbers.remove(from) else { return };
        match self.numbers.get_mut(into) {
            Some(numbers) => numbers.inherited.extend(brought.all()),
            None => drop(self.numbers.insert(into.clone(), brought)),
        }
    }

    /// Notes what the later writes of a batch covered.
    pub(crate) fn absorb(&mut self, later: Self) {
        later.merged.iter().for_each(|(from, into)| self.follow(from, into));
        let mut here = HashMap::new();
        for (chat, numbers) in &later.numbers {
            let own = self.number(chat);
            here.extend(numbers.all().map(|number| (number, own)));
        }
        let here = |number| here.get(&number).copied();
        self.whole.extend(later.whole.into_iter().filter_map(here));
        self.pairs.extend(later.pairs.into_iter().filter_map(|(label, number)| Some((label, here(number)?))));
        for (id, label) in later.labels {
            let known = self.labels.entry(id).or_default();
            *known = if label.removed { label } else { known.and(label) };
        }
    }

    /// What was done to a label.
    pub(crate) fn label(&self, id: &LabelId) -> TouchedLabel {
        self.labels.get(id).copied().unwrap_or_default()
    }

    /// Whether a pair stays as the writes left it. The chat is a resolved one.
    pub(crate) fn covers(&self, label: &LabelId, chat: &ChatId) -> bool {
        // Cloning the label is a reference count at most; a lookup by parts would need a type of its own.
        let is_covered = |number| self.whole.contains(&number) || self.pairs.contains(&(label.clone(), number));
        self.label(label).removed || self.numbers.get(chat).is_some_and(|numbers| numbers.all().any(is_covered))
    }
}
