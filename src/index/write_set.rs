//! The writes while a refresh ticket is open, which win over the network's state.

use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

#[cfg(feature = "postgres")]
use crate::model::change::Change;
use crate::model::chat_id::ChatId;
use crate::model::label::{LabelPatch, PatchFields};
use crate::model::label_id::LabelId;
use crate::model::op::{Event, Merged, Op, Outcome};
use crate::state::State;

/// The keys that writes covered since a ticket was given out, whether or not they changed anything.
///
/// A written pair is noted under every id that meant the chat then, since the network may use any of them, and an id
/// may mean another chat by the time of the commit. When a chat is merged into another one, the notes about it are
/// copied to that one, like its labels, and also stay.
#[derive(Debug, Clone, Default)]
pub(crate) struct WriteSet {
    /// By id, not by chat: what the ids mean is looked up at the commit.
    pairs: HashMap<ChatId, Covered>,
    labels: HashMap<LabelId, WrittenLabel>,
    /// Ids that became an alias, mean another chat or are a chat again; with them the chats that they meant and mean.
    meant_anew: HashSet<ChatId>,
    /// Which chats were merged into which, in order, for [`absorb`](Self::absorb).
    merged: Vec<(ChatId, ChatId)>,
}

/// Which pairs of one chat were covered.
#[derive(Debug, Clone, Default)]
struct Covered {
    /// All of them.
    whole: bool,
    labels: HashSet<LabelId>,
}

impl Covered {
    fn extend(&mut self, other: Self) {
        self.whole |= other.whole;
        self.labels.extend(other.labels);
    }

    fn has(&self, label: &LabelId) -> bool {
        self.whole || self.labels.contains(label)
    }
}

/// The writes to one label.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct WrittenLabel {
    /// It was created or edited, and not removed after that.
    pub(crate) edited: bool,
    /// The attributes that the edits set.
    pub(crate) fields: PatchFields,
    /// It was removed, and so was every pair that it had.
    pub(crate) removed: bool,
}

impl WrittenLabel {
    /// This write followed by an edit.
    fn and(self, edit: Self) -> Self {
        Self { edited: self.edited || edit.edited, fields: self.fields.or(edit.fields), removed: self.removed }
    }
}

impl WriteSet {
    /// Notes one operation that was not refused. `before` is the state that it found. Those of a batch are noted apart, to
    /// be [absorbed](Self::absorb) when it is committed.
    pub(crate) fn note(&mut self, before: &State, op: &Op, outcome: &Outcome) {
        match op {
            Op::UpsertLabel { id, patch } | Op::UpdateLabel { label: id, patch } => self.edited(id, patch),
            Op::CreateLabel { label } | Op::EnsureLabel { label } => {
                if let Some(id) = outcome.label() {
                    // An operation that found the label has written only its name.
                    let found = LabelPatch::from(label.name.clone());
                    self.edited(id, &if outcome.changed() { label.clone().into_patch() } else { found });
                }
            }
            Op::RemoveLabel { label } => self.removed(label),
            Op::Link { label, chat } | Op::Unlink { label, chat } => self.pair(before, label, chat),
            Op::LinkAll { label, chats } | Op::UnlinkAll { label, chats } => {
                chats.iter().for_each(|chat| self.pair(before, label, chat));
            }
            Op::SetLabels { chat, .. } => self.cover(before, chat, |covered| covered.whole = true),
            Op::MergeChats { .. } | Op::Unalias { .. } if !outcome.changed() => {}
            Op::MergeChats { from, into } => {
                let into = before.resolve(into).clone();
                self.means(before, from, &into);
                if matches!(outcome, Outcome::Merged(Merged::Merged { .. })) {
                    self.follow(from, &into);
                    self.merged.push((from.clone(), into));
                }
            }
            Op::Unalias { from } => self.means(before, from, from),
            Op::Ingest { event } => self.ingested(before, event),
        }
    }

    /// Notes a change that another process made. `before` is the state that it found.
    #[cfg(feature = "postgres")]
    pub(crate) fn note_change(&mut self, before: &State, change: &Change) {
        match change {
            Change::LabelCreated { label } | Change::LabelUpdated { label } => {
                self.edited(label.id(), label.attributes());
            }
            Change::LabelRemoved { label, .. } => self.removed(label),
            Change::ChatLinked { label, chat, .. } | Change::ChatUnlinked { label, chat } => {
                self.pair(before, label, chat);
            }
            Change::ChatsMerged { from, into, .. } => {
                self.means(before, from, into);
                if before.aliases.target(from).is_none() {
                    self.follow(from, into);
                    self.merged.push((from.clone(), into.clone()));
                }
            }
            Change::AliasRemoved { from } => self.means(before, from, from),
            Change::Refreshed => {}
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
        let edit = WrittenLabel { edited: true, fields: patch.fields(), removed: false };
        let known = self.labels.entry(id.clone()).or_default();
        *known = known.and(edit);
    }

    fn removed(&mut self, id: &LabelId) {
        self.labels.insert(id.clone(), WrittenLabel { removed: true, ..WrittenLabel::default() });
    }

    fn pair(&mut self, before: &State, label: &LabelId, chat: &ChatId) {
        self.cover(before, chat, |covered| {
            covered.labels.insert(label.clone());
        });
    }

    /// Notes something under each id of a chat.
    fn cover(&mut self, before: &State, chat: &ChatId, note: impl Fn(&mut Covered)) {
        before.ids_of(before.resolve(chat)).for_each(|id| note(self.under(id)));
    }

    fn under(&mut self, id: &ChatId) -> &mut Covered {
        self.pairs.entry_ref(id).or_default()
    }

    /// Notes that an id means another chat from now on.
    fn means(&mut self, before: &State, id: &ChatId, chat: &ChatId) {
        self.meant_anew.extend([id, before.resolve(id), chat].map(Clone::clone));
    }

    fn follow(&mut self, from: &ChatId, into: &ChatId) {
        if let Some(covered) = self.pairs.get(from).cloned() {
            self.under(into).extend(covered);
        }
    }

    /// Whether nothing was written.
    pub(crate) fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.labels.is_empty() && self.meant_anew.is_empty()
    }

    /// Notes what later writes covered.
    pub(crate) fn absorb(&mut self, later: Self) {
        self.meant_anew.extend(later.meant_anew);
        later.merged.iter().for_each(|(from, into)| self.follow(from, into));
        self.merged.extend(later.merged);
        for (id, covered) in later.pairs {
            self.under(&id).extend(covered);
        }
        for (id, label) in later.labels {
            let known = self.labels.entry(id).or_default();
            *known = if label.removed { label } else { known.and(label) };
        }
    }

    /// Every chat that other ids mean than did, or that is none any more.
    pub(crate) fn meant_anew(&self) -> &HashSet<ChatId> {
        &self.meant_anew
    }

    /// Every id under which a pair was noted.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &ChatId> {
        self.pairs.keys()
    }

    /// Every written label, in no particular order.
    pub(crate) fn labels(&self) -> impl Iterator<Item = (&LabelId, WrittenLabel)> {
        self.labels.iter().map(|(id, &touched)| (id, touched))
    }

    /// The writes to a label.
    pub(crate) fn label(&self, id: &LabelId) -> WrittenLabel {
        self.labels.get(id).copied().unwrap_or_default()
    }

    /// The pairs that stay as the writes left them, in a version in which ids may mean other chats than they did.
    ///
    /// **O(n log a)** in the ids noted and the aliases.
    pub(crate) fn covered<'a>(&'a self, state: &'a State) -> CoveredPairs<'a> {
        let mut chats: HashMap<&ChatId, SmallVec<[&Covered; 1]>> = HashMap::with_capacity(self.pairs.len());
        for (id, covered) in &self.pairs {
            chats.entry(state.resolve(id)).or_default().push(covered);
        }
        CoveredPairs { chats, labels: &self.labels }
    }
}

/// The result of [`WriteSet::covered`].
#[derive(Debug)]
pub(crate) struct CoveredPairs<'a> {
    /// By chat, the notes under each of its ids.
    chats: HashMap<&'a ChatId, SmallVec<[&'a Covered; 1]>>,
    labels: &'a HashMap<LabelId, WrittenLabel>,
}

impl CoveredPairs<'_> {
    /// Whether a pair stays as the writes left it. The chat is a resolved one.
    pub(crate) fn has(&self, label: &LabelId, chat: &ChatId) -> bool {
        let by_chat = self.chats.get(chat).is_some_and(|ids| ids.iter().any(|covered| covered.has(label)));
        by_chat || self.labels.get(label).is_some_and(|written| written.removed)
    }
}
