//! What a refresh means, written the slow and obvious way, on the reference model of the index.

use std::collections::{BTreeMap, BTreeSet};

use label_index::{Change, ChatId, Error, Event, FullState, Label, LabelId, LabelPatch};

use crate::model::effect::Effect;
use crate::model::labels::Listed;
use crate::model::operation::Operation;
use crate::model::reference::{Model, label_of};

/// One record of a full state.
#[derive(Debug, Clone)]
pub(crate) enum Record {
    Label(LabelId, LabelPatch),
    DeletedLabel(LabelId),
    Link(LabelId, ChatId),
    RemovedLink(LabelId, ChatId),
}

/// What was written while a ticket was open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Written {
    /// Pairs that were linked, unlinked or ingested. Chats are those that are meant now.
    pairs: BTreeSet<(LabelId, ChatId)>,
    /// Chats and labels of which every pair was written.
    chats: BTreeSet<ChatId>,
    labels: BTreeSet<LabelId>,
    /// Labels that were created or edited, with the fields that were written.
    edited: BTreeMap<LabelId, Fields>,
    removed: BTreeSet<LabelId>,
}

/// Which fields of a label.
#[derive(Debug, Clone, Copy, Default)]
struct Fields {
    name: bool,
    color: bool,
    position: bool,
}

/// A difference that a refresh makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Differs {
    Created(Listed),
    Updated(Listed),
    Removed(LabelId, u64),
    Linked(LabelId, ChatId),
    Unlinked(LabelId, ChatId),
}

/// What an index is to be after a refresh.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) labels: BTreeMap<LabelId, LabelPatch>,
    pub(crate) links: BTreeSet<(LabelId, ChatId)>,
    /// Labels that are remembered as deleted from now on.
    pub(crate) deleted: BTreeSet<LabelId>,
}

impl Record {
    pub(crate) fn add_to(&self, state: &mut FullState) {
        match self {
            Self::Label(id, fields) => state.label(id, fields.clone()),
            Self::DeletedLabel(id) => state.deleted_label(id),
            Self::Link(id, chat) => state.link(id, chat),
            Self::RemovedLink(id, chat) => state.removed_link(id, chat),
        }
        .expect("proven arguments");
    }
}

impl Written {
    /// Notes an operation that was carried out, whether it changed anything or not.
    pub(crate) fn note(&mut self, before: &Model, operation: &Operation, effect: &Effect, earlier: &[Effect]) {
        let pair = |label, chat| (label_of(label, earlier), before.resolve(chat));
        match operation {
            Operation::Upsert { id, patch } => self.edit(id, patch),
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

    fn covers(&self, pair: &(LabelId, ChatId)) -> bool {
        self.labels.contains(&pair.0) || self.chats.contains(&pair.1) || self.pairs.contains(pair)
    }
}

impl Model {
    pub(crate) fn pairs(&self) -> BTreeSet<(LabelId, ChatId)> {
        let pairs_of = |(chat, labels): (&ChatId, &BTreeSet<LabelId>)| {
            labels.iter().map(|label| (label.clone(), chat.clone())).collect::<Vec<_>>()
        };
        self.links.iter().flat_map(pairs_of).collect()
    }

    /// What a refresh by these records is to make of the index.
    pub(crate) fn refreshed(
        &self,
        records: &[Record],
        written: &Written,
        even_if_empty: bool,
    ) -> Result<Target, Error> {
        let mut live: BTreeMap<LabelId, LabelPatch> = BTreeMap::new();
        let mut marked_deleted = BTreeSet::new();
        let mut links = BTreeSet::new();
        for record in records {
            match record {
                Record::Label(id, fields) => merge_record(live.entry(id.clone()).or_default(), fields),
                Record::DeletedLabel(id) => {
                    marked_deleted.insert(id.clone());
                }
                Record::Link(id, chat) => {
                    links.insert((id.clone(), self.resolve(chat)));
                }
                Record::RemovedLink(..) => {}
            }
        }
        marked_deleted.retain(|id| !live.contains_key(id));
        let (here, pairs_here) = (&self.labels.known, self.pairs());
        let is_empty = live.is_empty() && !here.is_empty() || links.is_empty() && !pairs_here.is_empty();
        if is_empty && !even_if_empty {
            return Err(Error::EmptyRefresh { labels: number(here.len()), links: number(pairs_here.len()) });
        }

        // A label that has no live record is told of by a link, unless it is marked deleted.
        links.retain(|(id, _)| live.contains_key(id) || !marked_deleted.contains(id) && !self.labels.is_deleted(id));
        let linked: BTreeSet<&LabelId> = links.iter().map(|(id, _)| id).collect();
        let told = |id: &LabelId| live.contains_key(id) || linked.contains(id);
        let is_kept = |id: &LabelId| match here.contains_key(id) {
            true => told(id) || written.edited.contains_key(id),
            false => told(id) && !written.removed.contains(id),
        };
        let labels: BTreeMap<_, _> = here
            .keys()
            .chain(live.keys())
            .chain(linked.iter().copied())
            .filter(|id| is_kept(id))
            .map(|id| (id.clone(), attributes(here.get(id), live.get(id), written.edited.get(id))))
            .collect();
        let links = pairs_here
            .union(&links)
            .filter(|pair| labels.contains_key(&pair.0))
            .filter(|pair| if written.covers(pair) { pairs_here.contains(pair) } else { links.contains(pair) })
            .cloned()
            .collect();
        let goes = |id: &&LabelId| !labels.contains_key(id) && !self.labels.is_deleted(id);
        let deleted = here.keys().chain(&marked_deleted).filter(goes).cloned().collect();
        Ok(Target { labels, links, deleted })
    }

    /// The changes that lead to the target, in no particular order.
    pub(crate) fn differences(&self, target: &Target) -> Vec<Differs> {
        let (here, pairs) = (&self.labels.known, self.pairs());
        let mut differs = Vec::new();
        for (id, attributes) in &target.labels {
            let listed = || Listed { id: id.clone(), attributes: attributes.clone() };
            match here.get(id) {
                None => differs.push(Differs::Created(listed())),
                Some(own) if own != attributes => differs.push(Differs::Updated(listed())),
                Some(_) => {}
            }
        }
        for id in &target.deleted {
            let links = pairs.iter().filter(|(label, _)| label == id).count();
            differs.push(Differs::Removed(id.clone(), number(links)));
        }
        let added = target.links.difference(&pairs).cloned();
        differs.extend(added.map(|(id, chat)| Differs::Linked(id, chat)));
        let gone = pairs.difference(&target.links).filter(|(id, _)| !target.deleted.contains(id)).cloned();
        differs.extend(gone.map(|(id, chat)| Differs::Unlinked(id, chat)));
        differs
    }

    /// Applies one of the changes that the crate says a refresh made, so that chats get the places which they should.
    pub(crate) fn apply(&mut self, change: &Change) -> Option<Differs> {
        let attributes = |label: &Label| Listed::from(label).attributes;
        Some(match change {
            Change::LabelCreated { label } => {
                self.labels.create(label.id(), attributes(label), usize::MAX).expect("no limit");
                Differs::Created(label.into())
            }
            Change::LabelUpdated { label } => {
                *self.labels.known.get_mut(label.id()).expect("a known label") = attributes(label);
                Differs::Updated(label.into())
            }
            Change::LabelRemoved { label, links } => {
                assert_eq!(self.remove(label), Ok(*links));
                Differs::Removed(label.clone(), *links)
            }
            Change::ChatLinked { label, chat, place } => {
                assert!(self.attach(label, chat));
                assert_eq!(self.places.of(chat), Some(*place), "the place of {chat}");
                Differs::Linked(label.clone(), chat.clone())
            }
            Change::ChatUnlinked { label, chat } => {
                assert!(self.detach(label, chat));
                Differs::Unlinked(label.clone(), chat.clone())
            }
            Change::Refreshed => return None,
            other => panic!("not a change of a refresh: {other:?}"),
        })
    }
}

/// Unites two records of one label; of two values the lesser counts.
fn merge_record(into: &mut LabelPatch, more: &LabelPatch) {
    fn lesser<T: Ord + Clone>(own: &mut Option<T>, other: Option<&T>) {
        let lesser = own.iter().chain(other).min().cloned();
        *own = lesser;
    }
    lesser(&mut into.name, more.name.as_ref());
    lesser(&mut into.color, more.color.as_ref());
    lesser(&mut into.position, more.position.as_ref());
}

fn attributes(here: Option<&LabelPatch>, told: Option<&LabelPatch>, written: Option<&Fields>) -> LabelPatch {
    let (own, told) = (here.cloned().unwrap_or_default(), told.cloned().unwrap_or_default());
    let written = written.copied().unwrap_or_default();
    let color = if written.color { own.color } else { told.color.or(own.color) };
    let position = if written.position { own.position } else { told.position.or(own.position) };
    let mut attributes = LabelPatch::new().color(color).position(position);
    attributes.name = if written.name { own.name } else { told.name.or(own.name) };
    attributes
}

pub(crate) fn number(count: usize) -> u64 {
    u64::try_from(count).expect("64 bits")
}
