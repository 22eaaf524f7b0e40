//! Decides what an operation does to a state, or why it is refused. Changes nothing.

use std::hint::black_box;

use hashbrown::HashSet;
use smallvec::{SmallVec, smallvec};

use crate::collections::number::to_index;
use crate::model::change::{Change, Place, Revision};
use crate::model::chat_id::ChatId;
use crate::model::error::{Error, Limit, Result};
use crate::model::label::{Label, LabelPatch, NewLabel};
use crate::model::label_id::LabelId;
use crate::model::op::{
    ChangedChats, Ensured, Event, Merged, Op, Outcome, RemovedLabel, SetDifference, Updated, Upserted,
};
use crate::model::options::Limits;
use crate::state::State;
use crate::state::chats::Chats;
use crate::state::labels::Slot;

/// Nearly always one change, which needs no allocation.
pub(crate) type Changes = SmallVec<[Change; 1]>;

/// What an operation does: its outcome and its changes. Without a change there is no commit.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) outcome: Outcome,
    pub(crate) changes: Changes,
}

impl Plan {
    /// The plan of a link that is there already.
    pub(crate) fn already_linked() -> Self {
        Self { outcome: Outcome::Linked(false), changes: Changes::new() }
    }
}

/// The inputs of a plan besides the state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    /// Places that became free after this revision stay free: a snapshot may still show their chats.
    pub(crate) horizon: Revision,
}

/// Plans one operation.
pub(crate) fn plan(state: &State, op: &Op, rules: Rules) -> Result<Plan> {
    let planner = Planner { state, rules };
    match op {
        Op::UpsertLabel { id, patch } => planner.upsert(id, patch),
        Op::UpdateLabel { label, patch } => planner.update(label, patch),
        Op::CreateLabel { label } => {
            planner.create(label).map(|(id, changes)| Plan { outcome: Outcome::Created(id), changes })
        }
        Op::EnsureLabel { label } => planner.ensure(label),
        Op::RemoveLabel { label } => planner.remove(label),
        Op::Link { label, chat } => {
            let changes = planner.link(label, chat)?;
            Ok(Plan { outcome: Outcome::Linked(!changes.is_empty()), changes })
        }
        Op::Unlink { label, chat } => {
            let changes = planner.unlink(label, chat)?;
            Ok(Plan { outcome: Outcome::Unlinked(!changes.is_empty()), changes })
        }
        Op::LinkAll { label, chats } => {
            let (chats, changes) = planner.link_all(label, chats)?;
            Ok(Plan { outcome: Outcome::LinkedAll(ChangedChats { chats }), changes })
        }
        Op::UnlinkAll { label, chats } => {
            let (chats, changes) = planner.unlink_all(label, chats)?;
            Ok(Plan { outcome: Outcome::UnlinkedAll(ChangedChats { chats }), changes })
        }
        Op::SetLabels { chat, labels } => planner.set_labels(chat, labels),
        Op::MergeChats { from, into } => Ok(planner.merge(from, into)),
        Op::Unalias { from } => Ok(planner.unalias(from)),
        Op::Ingest { event } => planner.ingest(event),
    }
}

/// The error for a label that is not live.
pub(crate) fn unknown(id: &LabelId) -> Error {
    Error::UnknownLabel { id: id.to_string() }
}

/// The change that a patch makes to a label, if any.
fn patched(label: &Label, patch: &LabelPatch) -> Changes {
    let patched = label.patched(patch);
    if patched == *label { Changes::new() } else { smallvec![Change::LabelUpdated { label: patched }] }
}

/// The chat that an id means after aliases.
#[derive(Clone, Copy)]
struct Resolved<'a> {
    chat: &'a ChatId,
    /// `None` if the chat has no label.
    place: Option<Place>,
    slots: &'a [Slot],
}

struct Planner<'a> {
    state: &'a State,
    rules: Rules,
}

impl<'a> Planner<'a> {
    fn slot(&self, id: &LabelId) -> Result<Slot> {
        self.state.labels.slot(id).ok_or_else(|| unknown(id))
    }

    fn new_label(&self, id: LabelId, patch: LabelPatch) -> Result<Change> {
        let (limit, given) = (self.rules.limits.labels, self.state.labels.len().saturating_add(1));
        if given > limit {
            return Err(exceeded(Limit::Labels, limit, given));
        }
        Ok(Change::LabelCreated { label: Label::new(id, patch) })
    }

    fn upsert(&self, id: &LabelId, patch: &LabelPatch) -> Result<Plan> {
        if self.state.labels.get(id).is_none() && patch.name.is_none() {
            return Err(Error::NameRequired { id: id.to_string() });
        }
        let (outcome, changes) = self.edit(id, patch)?;
        Ok(Plan { outcome: Outcome::Upserted(outcome), changes })
    }

    fn update(&self, id: &LabelId, patch: &LabelPatch) -> Result<Plan> {
        let label = self.state.labels.get(id).ok_or_else(|| unknown(id))?;
        let changes = patched(label, patch);
        let outcome = if changes.is_empty() { Updated::Unchanged } else { Updated::Updated };
        Ok(Plan { outcome: Outcome::Updated(outcome), changes })
    }

    /// Patches a label, or creates it with what the patch says.
    fn edit(&self, id: &LabelId, patch: &LabelPatch) -> Result<(Upserted, Changes)> {
        let Some(label) = self.state.labels.get(id) else {
            return Ok((Upserted::Created, smallvec![self.new_label(id.clone(), patch.clone())?]));
        };
        let changes = patched(label, patch);
        Ok((if changes.is_empty() { Upserted::Unchanged } else { Upserted::Updated }, changes))
    }

    fn create(&self, label: &NewLabel) -> Result<(LabelId, Changes)> {
        let id = self.state.labels.next_id().ok_or(Error::LabelIdsExhausted)?;
        let change = self.new_label(id.clone(), label.clone().into_patch())?;
        Ok((id, smallvec![change]))
    }

    fn ensure(&self, label: &NewLabel) -> Result<Plan> {
        if let Some(id) = self.state.labels.named(&label.name.key()).next() {
            return Ok(Plan { outcome: Outcome::Ensured(Ensured::Existing(id.clone())), changes: Changes::new() });
        }
        let (id, changes) = self.create(label)?;
        Ok(Plan { outcome: Outcome::Ensured(Ensured::Created(id)), changes })
    }

    fn remove(&self, id: &LabelId) -> Result<Plan> {
        let slot = self.slot(id)?;
        let label = self.state.labels.at(slot).ok_or_else(|| unknown(id))?.clone();
        let (links, changes) = self.removal(id, slot);
        Ok(Plan { outcome: Outcome::Removed(RemovedLabel { label, links }), changes })
    }

    /// The number of links of a live label, and the changes that remove it.
    fn removal(&self, id: &LabelId, slot: Slot) -> (u64, Changes) {
        let links = self.state.postings.len(slot);
        if !self.rules.limits.unlinks_each(links) {
            return (links, smallvec![Change::LabelRemoved { label: id.clone(), links }]);
        }
        let chats = self.state.chats_with(slot);
        let mut changes: Changes = chats.map(|chat| Change::ChatUnlinked { label: id.clone(), chat }).collect();
        changes.push(Change::LabelRemoved { label: id.clone(), links: 0 });
        (links, changes)
    }

    /// The chats that lack the label and are to get it (`linked`), or that have it and are to lose it; resolved, each
    /// once.
    fn chats_to_change<'c>(
        &'c self,
        slot: Slot,
        chats: &'c [ChatId],
        linked: bool,
    ) -> impl Iterator<Item = Resolved<'c>> {
        let mut seen = HashSet::new();
        chats
            .iter()
            .map(|chat| self.resolved(chat, |_| {}))
            .filter(move |resolved| resolved.slots.contains(&slot) != linked)
            .filter(move |resolved| seen.insert(resolved.chat))
    }

    /// Resolves an id. Calls `tell` with the candidate place before it is compared.
    #[inline(always)]
    fn resolved<'c>(&'c self, chat: &'c ChatId, tell: impl Fn(Place)) -> Resolved<'c> {
        let found = self.at(chat, self.state.chats.find_and_tell(chat, tell));
        // A chat with a label is no alias. One without a label keeps its place until the commit ends, and may have
        // become an alias.
        if !found.slots.is_empty() {
            return found;
        }
        self.state.aliases.target(chat).map_or(found, |target| self.at(target, self.state.chats.find(target)))
    }

    fn at<'c>(&'c self, chat: &'c ChatId, place: Option<Place>) -> Resolved<'c> {
        Resolved { chat, place, slots: place.map(|place| self.state.slots_at(place)).unwrap_or_default() }
    }

    /// The places for new chats, in the order in which the chats take them.
    fn vacancies(&self) -> impl Iterator<Item = Result<Place>> {
        self.state.chats.vacancies(self.rules.horizon).map(Ok).chain(std::iter::repeat_with(|| Err(full())))
    }

    /// The given place, or that of a new chat.
    fn place_for(&self, place: Option<Place>) -> Result<Place> {
        place.map_or_else(|| self.vacancies().next().unwrap_or_else(|| Err(full())), Ok)
    }

    fn link(&self, label: &LabelId, chat: &ChatId) -> Result<Changes> {
        let slot = self.slot(label)?;
        let Resolved { chat, place, slots } = self.resolved_ahead(slot, chat);
        if slots.contains(&slot) {
            return Ok(Changes::new());
        }
        let place = self.place_for(place)?;
        Ok(smallvec![Change::ChatLinked { label: label.clone(), chat: chat.clone(), place }])
    }

    /// Resolves an id, and loads the memory that changing one pair needs: all of it at once, while the chat's record is
    /// being loaded too. Applying the change would wait for one cache miss after the other.
    fn resolved_ahead<'c>(&'c self, slot: Slot, chat: &'c ChatId) -> Resolved<'c> {
        let State { chats, postings, .. } = self.state;
        self.resolved(chat, |place| {
            black_box(chats.records.preload(to_index(place)) + postings.preload(slot, place));
        })
    }

    fn unlink(&self, label: &LabelId, chat: &ChatId) -> Result<Changes> {
        let slot = self.slot(label)?;
        let Resolved { chat, slots, .. } = self.resolved_ahead(slot, chat);
        if !slots.contains(&slot) {
            return Ok(Changes::new());
        }
        Ok(smallvec![Change::ChatUnlinked { label: label.clone(), chat: chat.clone() }])
    }

    fn link_all(&self, label: &LabelId, chats: &[ChatId]) -> Result<(Vec<ChatId>, Changes)> {
        let slot = self.slot(label)?;
        let mut vacancies = self.vacancies();
        let (mut linked, mut changes) = (Vec::new(), Changes::new());
        for Resolved { chat, place, .. } in self.chats_to_change(slot, chats, true) {
            let place = place.map_or_else(|| vacancies.next().unwrap_or_else(|| Err(full())), Ok)?;
            changes.push(Change::ChatLinked { label: label.clone(), chat: chat.clone(), place });
            linked.push(chat.clone());
        }
        Ok((linked, changes))
    }

    fn unlink_all(&self, label: &LabelId, chats: &[ChatId]) -> Result<(Vec<ChatId>, Changes)> {
        let slot = self.slot(label)?;
        let unlinked: Vec<ChatId> =
            self.chats_to_change(slot, chats, false).map(|resolved| resolved.chat.clone()).collect();
        let changes =
            unlinked.iter().map(|chat| Change::ChatUnlinked { label: label.clone(), chat: chat.clone() }).collect();
        Ok((unlinked, changes))
    }

    fn set_labels(&self, chat: &ChatId, labels: &[LabelId]) -> Result<Plan> {
        // Every id is looked up before anything is decided: an unknown one must not cost the chat its labels.
        for id in labels {
            self.slot(id)?;
        }
        let mut wanted: Vec<&LabelId> = labels.iter().collect();
        wanted.sort();
        wanted.dedup();
        let Resolved { chat, place, slots } = self.resolved(chat, |_| {});
        let current: Vec<&LabelId> =
            slots.iter().filter_map(|&slot| self.state.labels.at(slot)).map(|label| label.id()).collect();
        let added: Vec<LabelId> =
            wanted.iter().filter(|id| current.binary_search(id).is_err()).map(|&id| id.clone()).collect();
        let removed: Vec<LabelId> =
            current.iter().filter(|id| wanted.binary_search(id).is_err()).map(|&id| id.clone()).collect();
        let mut changes = Changes::with_capacity(added.len() + removed.len());
        if !added.is_empty() {
            let place = self.place_for(place)?;
            changes.extend(added.iter().map(|label| Change::ChatLinked {
                label: label.clone(),
                chat: chat.clone(),
                place,
            }));
        }
        changes.extend(removed.iter().map(|label| Change::ChatUnlinked { label: label.clone(), chat: chat.clone() }));
        Ok(Plan { outcome: Outcome::Set(SetDifference { added, removed }), changes })
    }

    fn merge(&self, from: &ChatId, into: &ChatId) -> Plan {
        let state = self.state;
        let into = state.resolve(into);
        let target = state.aliases.target(from);
        if from == into || target == Some(into) {
            return Plan { outcome: Outcome::Merged(Merged::Unchanged), changes: Changes::new() };
        }
        let slots_of = |chat| self.at(chat, state.chats.find(chat)).slots;
        let (outcome, removed, added) = if target.is_some() {
            (Merged::Repointed, Vec::new(), Vec::new())
        } else {
            let kept: HashSet<&Slot> = slots_of(into).iter().collect();
            let id = |slot: &Slot| state.labels.at(*slot).map(|label| label.id().clone());
            let removed: Vec<LabelId> = slots_of(from).iter().filter_map(id).collect();
            let added: Vec<LabelId> =
                slots_of(from).iter().filter(|slot| !kept.contains(slot)).filter_map(id).collect();
            (Merged::Merged { added: added.clone() }, removed, added)
        };
        let changes = smallvec![Change::ChatsMerged { from: from.clone(), into: into.clone(), removed, added }];
        Plan { outcome: Outcome::Merged(outcome), changes }
    }

    fn unalias(&self, from: &ChatId) -> Plan {
        let known = self.state.aliases.target(from).is_some();
        let changes = if known { smallvec![Change::AliasRemoved { from: from.clone() }] } else { Changes::new() };
        Plan { outcome: Outcome::Unaliased(known), changes }
    }

    fn ingest(&self, event: &Event) -> Result<Plan> {
        let labels = &self.state.labels;
        let changes = match event {
            Event::LabelEdited { label, patch } => self.edit(label, patch)?.1,
            Event::LabelDeleted { label } if labels.is_deleted(label) => Changes::new(),
            Event::LabelDeleted { label } => {
                let slot = labels.slot(label);
                let (limit, given) = (self.rules.limits.labels, labels.deleted.len().saturating_add(1));
                if slot.is_none() && given > limit {
                    return Err(exceeded(Limit::Labels, limit, given));
                }
                let unknown = || smallvec![Change::LabelRemoved { label: label.clone(), links: 0 }];
                slot.map_or_else(unknown, |slot| self.removal(label, slot).1)
            }
            Event::ChatLabelled { label, .. } | Event::ChatUnlabelled { label, .. } if labels.is_deleted(label) => {
                Changes::new()
            }
            Event::ChatLabelled { label, chat } if labels.slot(label).is_none() => {
                let Resolved { chat, place, .. } = self.resolved(chat, |_| {});
                let place = self.place_for(place)?;
                smallvec![
                    self.new_label(label.clone(), LabelPatch::new())?,
                    Change::ChatLinked { label: label.clone(), chat: chat.clone(), place },
                ]
            }
            Event::ChatLabelled { label, chat } => self.link(label, chat)?,
            Event::ChatUnlabelled { label, .. } if labels.slot(label).is_none() => Changes::new(),
            Event::ChatUnlabelled { label, chat } => self.unlink(label, chat)?,
        };
        Ok(Plan { outcome: Outcome::Ingested(!changes.is_empty()), changes })
    }
}

/// The error when no place is left for a new chat.
pub(crate) fn full() -> Error {
    exceeded(Limit::Chats, Chats::MAX, Chats::MAX + 1)
}

/// The error for more than a limit allows.
pub(crate) fn exceeded(what: Limit, limit: usize, given: usize) -> Error {
    let to_u64 = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    Error::LimitExceeded { what, limit: to_u64(limit), given: to_u64(given) }
}
