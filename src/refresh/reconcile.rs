//! Decides the changes of a refresh, given what was written while its ticket was open.

use hashbrown::HashSet;

use crate::index::write_set::WriteSet;
use crate::model::change::{Change, Place};
use crate::model::chat_id::{ChatId, StoredOrder};
use crate::model::error::{Error, Limit, Result};
use crate::model::label_id::LabelId;
use crate::model::options::Limits;
use crate::refresh::diff::Diff;
use crate::refresh::label_change::label_change;
use crate::refresh::stated_labels::StatedLabels;
use crate::state::State;
use crate::state::decide::{Rules, exceeded, full};
use crate::state::prepared::{Sections, label_of};

/// The newest version, the network's labels, and the writes that win over its state.
///
/// It may run with the writer lock held, so it has the difference and the writes, and no access to the links of the full
/// state.
pub(super) struct Reconciler<'a> {
    pub(super) state: &'a State,
    pub(super) stated: &'a StatedLabels<'a>,
    pub(super) touched: &'a WriteSet,
}

impl Reconciler<'_> {
    /// Refuses a state without a live label over an index that has one, or without a link over an index that has one.
    /// Labels and links of both are counted in the same way: as they would be in an index.
    pub(super) fn refuse_empty(&self) -> Result<()> {
        let labels_go = self.state.labels.len() > 0 && !self.stated.has_live_label(&self.state.labels);
        let links_go = self.state.total_rows > 0 && !self.stated.has_link(&self.state.labels);
        if labels_go || links_go {
            let labels = u64::try_from(self.state.labels.len()).unwrap_or(u64::MAX);
            return Err(Error::EmptyRefresh { labels, links: self.state.total_rows });
        }
        Ok(())
    }

    /// The changes to the version, without [`Change::Refreshed`] at the end.
    pub(super) fn changes(&self, diff: &Diff, rules: Rules) -> Result<Sections> {
        let mut labels = self.label_changes(&diff.labels);
        let stays = self.staying(&labels, rules)?;
        let removals = take_told_removals(&mut labels, &rules.limits);
        let covered = self.touched.covered(self.state);
        let is_free = |(chat, label): &(&ChatId, &LabelId)| stays.has(label) && !covered.has(label, chat);
        let link = in_pairs(&diff.link).filter(|(_, label)| self.stated.has(label)).filter(is_free);
        let links = self.link(link, rules)?;
        let stranded = self.stranded();
        let unlink = in_pairs(&diff.unlink).chain(stranded.iter().map(|(chat, label)| (chat, *label))).filter(is_free);
        let unlinks = unlink.map(|(chat, label)| Change::ChatUnlinked { label: label.clone(), chat: chat.clone() });
        let gone = self.pairs_of(removals.iter().filter_map(label_of));
        let told = gone.map(|(chat, label)| Change::ChatUnlinked { label: label.clone(), chat });
        let unlinks = unlinks.chain(told).collect();
        Ok(Sections { labels, links, unlinks, removals, end: None })
    }

    /// The labels that are live after these changes. Refuses too many of them.
    pub(super) fn staying(&self, changes: &[Change], rules: Rules) -> Result<Staying<'_>> {
        let staying = Staying::new(self.state, changes);
        self.allow(&staying.created, &staying.gone, rules)?;
        Ok(staying)
    }

    /// Refuses more labels, or more remembered deleted ids, than the limit. As everywhere, the removal of live labels
    /// is never refused.
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

    /// The changes of the labels that differ or were written, in label order. All other labels stay.
    pub(super) fn label_changes(&self, differing: &[LabelId]) -> Vec<Change> {
        let mut ids: Vec<&LabelId> = differing.iter().chain(self.touched.labels().map(|(id, _)| id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let change = |id| label_change(self.state, self.stated, self.touched.label(id), id);
        ids.into_iter().filter_map(change).collect()
    }

    /// The pairs of labels that stay only because they were edited meanwhile: the full state has none of these pairs.
    fn stranded(&self) -> Vec<(ChatId, &LabelId)> {
        let edited = self.touched.labels().filter(|(_, touched)| touched.edited).map(|(id, _)| id);
        let mut labels: Vec<&LabelId> = edited.filter(|id| !self.stated.has(id)).collect();
        labels.sort_unstable();
        self.pairs_of(labels.into_iter()).collect()
    }

    /// The pairs of these labels in the version, label by label in order of place.
    fn pairs_of<'l>(&self, labels: impl Iterator<Item = &'l LabelId>) -> impl Iterator<Item = (ChatId, &'l LabelId)> {
        let labels = labels.filter_map(move |id| Some((id, self.state.labels.slot(id)?)));
        labels.flat_map(move |(id, slot)| self.state.chats_with(slot).map(move |chat| (chat, id)))
    }

    /// Makes links of pairs, with a place for each new chat.
    fn link<'p>(&self, pairs: impl Iterator<Item = (&'p ChatId, &'p LabelId)>, rules: Rules) -> Result<Vec<Change>> {
        let mut vacancies = self.state.chats.vacancies(rules.horizon);
        // Pairs of one chat are consecutive.
        let mut last: Option<(&ChatId, Place)> = None;
        let mut changes = Vec::new();
        for (chat, label) in pairs {
            let place = match last {
                Some((same, place)) if same == chat => place,
                _ => self.state.chats.find(chat).or_else(|| vacancies.next()).ok_or_else(full)?,
            };
            last = Some((chat, place));
            changes.push(Change::ChatLinked { label: label.clone(), chat: chat.clone(), place });
        }
        Ok(changes)
    }
}

/// Takes the removals that tell of each chat out of changes of labels. They come after the unlinks of these chats.
pub(super) fn take_told_removals(changes: &mut Vec<Change>, limits: &Limits) -> Vec<Change> {
    let is_told =
        |change: &mut Change| matches!(change, Change::LabelRemoved { links, .. } if limits.unlinks_each(*links));
    let mut removals: Vec<Change> = changes.extract_if(.., is_told).collect();
    for change in &mut removals {
        if let Change::LabelRemoved { links, .. } = change {
            *links = 0;
        }
    }
    removals
}

/// The labels that are live after a refresh.
pub(super) struct Staying<'a> {
    state: &'a State,
    created: HashSet<LabelId>,
    gone: HashSet<LabelId>,
}

impl<'a> Staying<'a> {
    pub(super) fn new(state: &'a State, changes: &[Change]) -> Self {
        let (mut created, mut gone) = (HashSet::new(), HashSet::new());
        for change in changes {
            match change {
                Change::LabelCreated { label } => drop(created.insert(label.id().clone())),
                Change::LabelRemoved { label, .. } => drop(gone.insert(label.clone())),
                _ => {}
            }
        }
        Self { state, created, gone }
    }

    pub(super) fn has(&self, id: &LabelId) -> bool {
        self.created.contains(id) || (self.state.labels.slot(id).is_some() && !self.gone.contains(id))
    }
}

/// The pairs of a list, chat first.
fn in_pairs(pairs: &[(StoredOrder, LabelId)]) -> impl Iterator<Item = (&ChatId, &LabelId)> {
    pairs.iter().map(|(StoredOrder(chat), label)| (chat, label))
}
