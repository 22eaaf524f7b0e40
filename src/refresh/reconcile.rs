//! What a refresh changes, given what was written while its ticket was open.

use hashbrown::{HashMap, HashSet};

use crate::change::{Change, Place};
use crate::chat_id::ChatId;
use crate::error::{Error, Limit, Result};
use crate::full_state::FullState;
use crate::label::{Label, LabelPatch};
use crate::label_id::LabelId;
use crate::op::Refreshed;
use crate::refresh::diff::PairDiff;
use crate::state::State;
use crate::state::chats::Chats;
use crate::state::plan::{Rules, exceeded};
use crate::state::postings::List;
use crate::touched::Touched;

/// A version, the network's state, and the writes that win over it.
pub(super) struct Reconciler<'a> {
    pub(super) state: &'a State,
    pub(super) full: &'a FullState,
    pub(super) touched: &'a Touched,
    /// The labels of which the full state has a link.
    linked: HashSet<&'a LabelId>,
}

impl<'a> Reconciler<'a> {
    pub(super) fn new(state: &'a State, full: &'a FullState, touched: &'a Touched) -> Self {
        let linked = full.links.iter().map(|(label, _)| label).collect();
        Self { state, full, touched, linked }
    }

    /// Refuses a state that would empty the index.
    pub(super) fn refuse_empty(&self) -> Result<()> {
        let has_label = self.full.labels.values().any(Option::is_some);
        let labels_go = !has_label && self.state.labels.len() > 0;
        let links_go = self.full.links.is_empty() && self.state.total_rows > 0;
        if labels_go || links_go {
            let labels = u64::try_from(self.state.labels.len()).unwrap_or(u64::MAX);
            return Err(Error::EmptyRefresh { labels, links: self.state.total_rows });
        }
        Ok(())
    }

    /// The changes, and how many there are of each kind.
    pub(super) fn changes(&self, diff: PairDiff, rules: Rules) -> Result<(Vec<Change>, Refreshed)> {
        let mut changes = self.label_changes();
        let mut summary = Refreshed::default();
        let (mut created, mut gone) = (HashSet::new(), HashSet::new());
        for change in &changes {
            match change {
                Change::LabelCreated { label } => drop(created.insert(label.id().clone())),
                Change::LabelUpdated { .. } => summary.labels_updated += 1,
                Change::LabelRemoved { label, .. } => drop(gone.insert(label.clone())),
                _ => {}
            }
        }
        summary.labels_created = created.len();
        summary.labels_removed = gone.len();
        self.allow(&created, &gone, rules)?;
        let stays = |id: &LabelId| created.contains(id) || (self.state.labels.slot(id).is_some() && !gone.contains(id));
        let free = |(label, chat): &(LabelId, ChatId)| stays(label) && !self.touched.covers(label, chat);
        let link = diff.link.into_iter().filter(|pair| self.has(&pair.0) && free(pair));
        let before = changes.len();
        self.link(link, rules, &mut changes)?;
        summary.linked = changes.len() - before;
        let unlink = diff.unlink.into_iter().chain(self.stranded()).filter(free);
        changes.extend(unlink.map(|(label, chat)| Change::ChatUnlinked { label, chat }));
        summary.unlinked = changes.len() - before - summary.linked;
        Ok((changes, summary))
    }

    /// Refuses more labels, or more ids that are remembered as deleted, than there may be. As everywhere, labels that are
    /// live can be removed all the same.
    fn allow(&self, created: &HashSet<LabelId>, gone: &HashSet<LabelId>, rules: Rules) -> Result<()> {
        let (labels, limit) = (&self.state.labels, rules.limits.labels);
        let unseen = gone.iter().filter(|id| labels.slot(id).is_none()).count();
        let back = created.iter().filter(|id| labels.is_deleted(id)).count();
        let live = labels.len() + created.len() - (gone.len() - unseen);
        let deleted = labels.deleted.len() + gone.len() - back;
        match () {
            () if live > limit && live > labels.len() => Err(exceeded(Limit::Labels, limit, live)),
            () if deleted > limit && unseen > 0 => Err(exceeded(Limit::Labels, limit, deleted)),
            () => Ok(()),
        }
    }

    fn has(&self, id: &LabelId) -> bool {
        self.full.has(id, || self.linked.contains(id))
    }

    /// What becomes of each label, in label order.
    fn label_changes(&self) -> Vec<Change> {
        let mut ids: Vec<&LabelId> = self.full.labels.keys().chain(self.linked.iter().copied()).collect();
        ids.extend(self.state.labels.iter().map(Label::id));
        ids.sort_unstable();
        ids.dedup();
        ids.into_iter().filter_map(|id| self.label_change(id)).collect()
    }

    fn label_change(&self, id: &LabelId) -> Option<Change> {
        let touched = self.touched.label(id);
        let fields = self.full.fields(id);
        let Some(label) = self.state.labels.get(id) else {
            let deleted = self.state.labels.is_deleted(id);
            return match fields {
                _ if touched.removed => None,
                Some(fields) => Some(Change::LabelCreated { label: Label::new(id.clone(), fields.clone()) }),
                None if deleted => None,
                None if self.has(id) => Some(Change::LabelCreated { label: Label::new(id.clone(), LabelPatch::new()) }),
                None => Some(Change::LabelRemoved { label: id.clone(), links: 0 }),
            };
        };
        if self.has(id) {
            let mut fields = fields.cloned().unwrap_or_default();
            fields.name = fields.name.filter(|_| !touched.name);
            fields.color = fields.color.filter(|_| !touched.color);
            fields.position = fields.position.filter(|_| !touched.position);
            let patched = label.patched(&fields);
            (patched != *label).then_some(Change::LabelUpdated { label: patched })
        } else if touched.edited {
            None
        } else {
            let links = self.state.labels.slot(id).map_or(0, |slot| self.state.postings.len(slot));
            Some(Change::LabelRemoved { label: id.clone(), links })
        }
    }

    /// The pairs of labels that only stay because they were edited meanwhile: the full state has none of them.
    fn stranded(&self) -> impl Iterator<Item = (LabelId, ChatId)> {
        self.state.labels.by_id.iter().filter(|(id, _)| !self.has(id) && self.touched.label(id).edited).flat_map(
            |(id, &slot)| {
                let places = self.state.postings.places(List::Label(slot));
                places.filter_map(|place| Some((id.clone(), self.state.chats.chat_at(place)?)))
            },
        )
    }

    /// Links, with a place for each new chat.
    fn link(
        &self,
        pairs: impl Iterator<Item = (LabelId, ChatId)>,
        rules: Rules,
        changes: &mut Vec<Change>,
    ) -> Result<()> {
        let mut vacancies = self.state.chats.vacancies(rules.horizon);
        let mut taken: HashMap<ChatId, Place> = HashMap::new();
        for (label, chat) in pairs {
            let known = self.state.chats.find(&chat).or_else(|| taken.get(&chat).copied());
            let place = match known {
                Some(place) => place,
                None => {
                    let full = || exceeded(Limit::Chats, Chats::MAX, Chats::MAX + 1);
                    let place = vacancies.next().ok_or_else(full)?;
                    taken.insert(chat.clone(), place);
                    place
                }
            };
            changes.push(Change::ChatLinked { label, chat, place });
        }
        Ok(())
    }
}
