//! The model of an index: maps and sets, searched from end to end.

use std::collections::{BTreeSet, HashMap};

use label_index::{
    Change, ChatId, Commit, Ensured, Error, Event, LabelId, LabelPatch, Limit, Limits, Merged, NewLabel, Updated,
    Upserted,
};

use super::effect::{BatchDone, Done, Effect};
use super::joins::End;
use super::labels::{Labels, exceeded};
use super::operation::{Named, Operation};
use super::places::Places;
use super::written::Written;

#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) limits: Limits,
    pub(crate) revision: u64,
    /// The revision of the oldest snapshot that is held.
    pub(crate) oldest_held: Option<u64>,
    pub(crate) labels: Labels,
    /// Chats without a label are not in it.
    pub(crate) links: HashMap<ChatId, BTreeSet<LabelId>>,
    pub(crate) aliases: HashMap<ChatId, ChatId>,
    pub(crate) places: Places,
    /// The revision of the last refresh.
    pub(crate) refreshed: Option<u64>,
    /// The writes since the open ticket was given out.
    pub(crate) written: Option<Written>,
    /// The end of the refresh if its ticket is dropped now; `None` if it is given up then.
    pub(crate) noted: Option<End>,
}

impl Model {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    pub(crate) fn commit(&mut self, operation: &Operation) -> Result<Done, Error> {
        self.allow(operation.weight())?;
        let effect = self.carry_out_noted(operation, &[])?;
        let changed = effect.changed();
        self.settle(changed);
        Ok(Done { effect, changed, revision: self.revision })
    }

    pub(crate) fn commit_batch(&mut self, operations: &[Operation]) -> Result<BatchDone, Error> {
        self.allow(operations.iter().map(Operation::weight).sum())?;
        let mut next = self.clone();
        let mut effects = Vec::new();
        for (position, operation) in operations.iter().enumerate() {
            let effect = next
                .carry_out_noted(operation, &effects)
                .map_err(|cause| Error::BatchRefused { position, cause: Box::new(cause) })?;
            effects.push(effect);
        }
        let created = effects.iter().filter_map(Effect::created).cloned().collect();
        let changed = effects.iter().any(Effect::changed);
        next.settle(changed);
        *self = next;
        Ok(BatchDone { effects, created, changed, revision: self.revision })
    }

    /// Carries out an operation and, while a ticket is open, records what it wrote.
    fn carry_out_noted(&mut self, operation: &Operation, earlier: &[Effect]) -> Result<Effect, Error> {
        let before = self.written.is_some().then(|| self.clone());
        let effect = self.carry_out(operation, earlier)?;
        if let (Some(written), Some(before)) = (&mut self.written, before) {
            written.note(&before, operation, &effect, earlier);
        }
        Ok(effect)
    }

    fn allow(&self, weight: usize) -> Result<(), Error> {
        let limit = self.limits.batch_operations;
        if weight <= limit { Ok(()) } else { Err(exceeded(Limit::BatchOperations, limit, weight)) }
    }

    /// Requires that a label goes with links of which the commit does not tell only if they are more than the limit.
    pub(crate) fn check_removals(&self, commit: &Commit) {
        let most = self.limits.removal_unlinks;
        for change in commit.changes.iter() {
            if let Change::LabelRemoved { label, links } = change {
                assert!(
                    *links == 0 || usize::try_from(*links).unwrap() > most,
                    "{links} links of {label}, within {most}"
                );
            }
        }
    }

    pub(crate) fn settle(&mut self, changed: bool) {
        if changed {
            self.revision += 1;
            self.places.settle(self.revision, |chat| self.links.contains_key(chat));
        }
    }

    /// The chat that an id means.
    pub(crate) fn resolve(&self, chat: &ChatId) -> ChatId {
        self.aliases.get(chat).unwrap_or(chat).clone()
    }

    pub(crate) fn labels_of(&self, chat: &ChatId) -> BTreeSet<LabelId> {
        self.links.get(&self.resolve(chat)).cloned().unwrap_or_default()
    }

    /// Carries out an operation completely, or refuses it and changes nothing.
    fn carry_out(&mut self, operation: &Operation, earlier: &[Effect]) -> Result<Effect, Error> {
        let known = |model: &Self, label: &Named| {
            let id = label_of(label, earlier);
            model.labels.require(&id).map(|()| id)
        };
        Ok(match operation {
            Operation::Upsert { id, patch } => Effect::Upserted(self.upsert(id, patch)?),
            Operation::Update { label, patch } => {
                let differs = self.labels.patch(&known(self, label)?, patch);
                Effect::Updated(if differs { Updated::Updated } else { Updated::Unchanged })
            }
            Operation::Create { label } => Effect::Created(self.create(label)?),
            Operation::Ensure { label } => Effect::Ensured(match self.labels.named(&label.name).first() {
                Some(id) => Ensured::Existing(id.clone()),
                None => Ensured::Created(self.create(label)?),
            }),
            Operation::Remove { label } => {
                let id = known(self, label)?;
                let listed = self.labels.listed(&id);
                Effect::Removed { label: listed, links: self.remove(&id, self.limits.labels)? }
            }
            Operation::Link { label, chat } => Effect::Linked(self.attach(&known(self, label)?, chat)),
            Operation::Unlink { label, chat } => Effect::Unlinked(self.detach(&known(self, label)?, chat)),
            Operation::LinkAll { label, chats } => {
                let id = known(self, label)?;
                let linked = chats.iter().filter(|chat| self.attach(&id, chat)).cloned().collect::<Vec<_>>();
                Effect::LinkedAll(linked.iter().map(|chat| self.resolve(chat)).collect())
            }
            Operation::UnlinkAll { label, chats } => {
                let id = known(self, label)?;
                let unlinked = chats.iter().filter(|chat| self.detach(&id, chat)).cloned().collect::<Vec<_>>();
                Effect::UnlinkedAll(unlinked.iter().map(|chat| self.resolve(chat)).collect())
            }
            Operation::SetLabels { chat, labels } => {
                let wanted = labels.iter().map(|label| known(self, label)).collect::<Result<BTreeSet<_>, _>>()?;
                let had = self.labels_of(chat);
                let added: Vec<_> = wanted.difference(&had).cloned().collect();
                let removed: Vec<_> = had.difference(&wanted).cloned().collect();
                added.iter().for_each(|id| assert!(self.attach(id, chat)));
                removed.iter().for_each(|id| assert!(self.detach(id, chat)));
                Effect::Set { added, removed }
            }
            Operation::Merge { from, into } => Effect::Merged(self.merge(from, into)),
            Operation::Unalias { from } => Effect::Unaliased(self.aliases.remove(from).is_some()),
            Operation::Ingest { event } => Effect::Ingested(self.ingest(event)?),
        })
    }

    fn upsert(&mut self, id: &LabelId, patch: &LabelPatch) -> Result<Upserted, Error> {
        if self.labels.known.contains_key(id) {
            return Ok(if self.labels.patch(id, patch) { Upserted::Updated } else { Upserted::Unchanged });
        }
        if patch.name.is_none() {
            return Err(Error::NameRequired { id: id.to_string() });
        }
        self.labels.create(id, patch.clone(), self.limits.labels)?;
        Ok(Upserted::Created)
    }

    fn create(&mut self, label: &NewLabel) -> Result<LabelId, Error> {
        let id = self.labels.next_id()?;
        let mut attributes = LabelPatch::new().color(label.color).position(label.position);
        attributes.name = Some(label.name.clone());
        self.labels.create(&id, attributes, self.limits.labels)?;
        Ok(id)
    }

    /// Removes a label, whose chats lose it in order of place. Returns the number of its links. An unknown id is
    /// remembered as deleted, within the limit.
    pub(crate) fn remove(&mut self, id: &LabelId, limit: usize) -> Result<u64, Error> {
        self.labels.delete(id, limit)?;
        let chats: Vec<ChatId> = self.places.in_order().into_values().cloned().collect();
        let count = chats.iter().filter(|chat| self.detach(id, chat)).count();
        Ok(u64::try_from(count).expect("64 bits"))
    }

    pub(crate) fn attach(&mut self, id: &LabelId, chat: &ChatId) -> bool {
        let chat = self.resolve(chat);
        let added = self.links.entry(chat.clone()).or_default().insert(id.clone());
        self.places.take(&chat, self.oldest_held.unwrap_or(u64::MAX));
        added
    }

    pub(crate) fn detach(&mut self, id: &LabelId, chat: &ChatId) -> bool {
        let chat = self.resolve(chat);
        let Some(labels) = self.links.get_mut(&chat) else { return false };
        let removed = labels.remove(id);
        if labels.is_empty() {
            self.links.remove(&chat);
            self.places.emptied(&chat);
        }
        removed
    }

    fn merge(&mut self, from: &ChatId, into: &ChatId) -> Merged {
        let into = self.resolve(into);
        if *from == into || self.aliases.get(from) == Some(&into) {
            return Merged::Unchanged;
        }
        if self.aliases.contains_key(from) {
            self.aliases.insert(from.clone(), into);
            return Merged::Repointed;
        }
        for meant in self.aliases.values_mut() {
            if meant == from {
                *meant = into.clone();
            }
        }
        self.aliases.insert(from.clone(), into.clone());
        let brought = self.links.remove(from).unwrap_or_default();
        let had = self.links.get(&into).cloned().unwrap_or_default();
        self.places.inherit(from, &into);
        self.places.emptied(from);
        let added: Vec<_> = brought.difference(&had).cloned().collect();
        if !added.is_empty() {
            self.links.entry(into).or_default().extend(added.iter().cloned());
        }
        Merged::Merged { added }
    }

    fn ingest(&mut self, event: &Event) -> Result<bool, Error> {
        let limit = self.limits.labels;
        let is_known = |model: &Self, id: &LabelId| model.labels.known.contains_key(id);
        Ok(match event {
            Event::LabelEdited { label, patch } if is_known(self, label) => self.labels.patch(label, patch),
            Event::LabelEdited { label, patch } => {
                self.labels.create(label, patch.clone(), limit)?;
                true
            }
            Event::LabelDeleted { label } if self.labels.is_deleted(label) => false,
            Event::LabelDeleted { label } => {
                self.remove(label, limit)?;
                true
            }
            Event::ChatLabelled { label, .. } | Event::ChatUnlabelled { label, .. }
                if self.labels.is_deleted(label) =>
            {
                false
            }
            Event::ChatLabelled { label, chat } => {
                if !is_known(self, label) {
                    self.labels.create(label, LabelPatch::new(), limit)?;
                }
                self.attach(label, chat)
            }
            Event::ChatUnlabelled { label, chat } => self.detach(label, chat),
            other => panic!("an event that the model does not know: {other:?}"),
        })
    }
}

/// The label that an operation of a batch names.
pub(crate) fn label_of(label: &Named, earlier: &[Effect]) -> LabelId {
    match label {
        Named::Id(id) => id.clone(),
        Named::Position(position) => earlier[*position].label().expect("the position of a token").clone(),
    }
}
