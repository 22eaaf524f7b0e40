//! What a refresh changes, given what was written while its ticket was open.

use hashbrown::{HashMap, HashSet};

use crate::index::write_set::WriteSet;
use crate::model::change::{Change, Place};
use crate::model::chat_id::{ChatId, StoredOrder};
use crate::model::error::{Error, Limit, Result};
use crate::model::label_id::LabelId;
use crate::model::op::Refreshed;
use crate::refresh::diff::Diff;
use crate::refresh::label_change::label_change;
use crate::refresh::stated_labels::StatedLabels;
use crate::state::State;
use crate::state::chats::Chats;
use crate::state::decide::{Rules, exceeded};
use crate::state::postings::List;

/// The newest version, the network's labels, and the writes that win over its state.
///
/// Runs in the turn to write. So it sees the difference and what was written, and has no way to go through all links.
pub(super) struct Reconciler<'a> {
    pub(super) state: &'a State,
    pub(super) stated: &'a StatedLabels<'a>,
    pub(super) touched: &'a WriteSet,
}

impl Reconciler<'_> {
    /// Refuses a state without a live label over an index that has one, or without a link over an index that has one.
    /// Labels and links are counted alike on both sides: as they would be in an index.
    pub(super) fn refuse_empty(&self) -> Result<()> {
        let labels_go = self.state.labels.len() > 0 && !self.stated.has_live_label(&self.state.labels);
        let links_go = self.state.total_rows > 0 && !self.stated.has_link(&self.state.labels);
        if labels_go || links_go {
            let labels = u64::try_from(self.state.labels.len()).unwrap_or(u64::MAX);
            return Err(Error::EmptyRefresh { labels, links: self.state.total_rows });
        }
        Ok(())
    }

    /// The changes, and how many there are of each kind.
    pub(super) fn changes(&self, diff: Diff, rules: Rules) -> Result<(Vec<Change>, Refreshed)> {
        let mut changes = self.label_changes(&diff.labels);
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
        let covered = self.touched.covered(self.state);
        let free = |(label, chat): &(LabelId, ChatId)| stays(label) && !covered.has(label, chat);
        let link = diff.link.into_iter().map(|(StoredOrder(chat), label)| (label, chat));
        let link = link.filter(|pair| self.stated.has(&pair.0) && free(pair));
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

    /// What becomes of the labels that differ and of those that were written, in label order. All others stay.
    fn label_changes(&self, differing: &[LabelId]) -> Vec<Change> {
        let mut ids: Vec<&LabelId> = differing.iter().chain(self.touched.labels().map(|(id, _)| id)).collect();
        ids.sort_unstable();
        ids.dedup();
        let change = |id| label_change(self.state, self.stated, self.touched.label(id), id);
        ids.into_iter().filter_map(change).collect()
    }

    /// The pairs of labels that only stay because they were edited meanwhile: the full state has none of them.
    fn stranded(&self) -> impl Iterator<Item = (LabelId, ChatId)> {
        let edited = self.touched.labels().filter(|(_, touched)| touched.edited).map(|(id, _)| id);
        let mut labels: Vec<&LabelId> = edited.filter(|id| !self.stated.has(id)).collect();
        labels.sort_unstable();
        let labels = labels.into_iter().filter_map(|id| Some((id, self.state.labels.slot(id)?)));
        labels.flat_map(|(id, slot)| {
            let places = self.state.postings.places(List::Label(slot));
            places.filter_map(|place| Some((id.clone(), self.state.chats.chat_at(place)?)))
        })
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
