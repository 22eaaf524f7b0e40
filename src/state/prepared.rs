//! Prepared commits: applied to a private version, then brought up to date with what other writers committed meanwhile.

use std::collections::BTreeSet;

use hashbrown::{HashMap, HashSet};

use crate::collections::number::to_index;
use crate::model::change::{Change, Place};
use crate::model::chat_id::ChatId;
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::model::op::RefreshState;
use crate::state::label_sets::EMPTY;
use crate::state::labels::Slot;
use crate::state::{State, Version};

/// The changes of one commit by kind, in the order in which they are applied.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sections {
    pub(crate) labels: Vec<Change>,
    /// Links of one chat are consecutive.
    pub(crate) links: Vec<Change>,
    pub(crate) unlinks: Vec<Change>,
    /// Removals of labels all of whose links are among the unlinks.
    pub(crate) removals: Vec<Change>,
    /// At most [`Change::Refreshed`].
    pub(crate) end: Option<Change>,
}

/// A version with a commit that is not visible yet.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The version on which the commit was prepared.
    base: Version,
    state: State,
    /// The places that the commit freed, in this order.
    freed: Vec<Place>,
    /// How many of them the removal of labels freed. These are in the order of the label whose removal left the chat
    /// without labels, and then of place.
    freed_by_removal: usize,
    /// The labels that the commit changes.
    labels: Vec<LabelId>,
}

/// The parts of a prepared commit that other writes may have changed.
#[derive(Debug)]
pub(crate) struct Update<'a> {
    /// The newest version, to which the commit is to be applied.
    pub(crate) now: &'a State,
    /// The changes since the version on which the commit was prepared, each allowed by [`can_follow`].
    pub(crate) meanwhile: &'a [Change],
    /// All changes of labels that the commit makes, except these.
    pub(crate) labels: &'a [Change],
    /// Removals of labels all of whose links are among the unlinks.
    pub(crate) removals: &'a [Change],
    /// The chats whose pairs or place may differ from what was prepared, among them all that were written meanwhile.
    pub(crate) chats: &'a HashSet<ChatId>,
    /// The links of those chats, and their unlinks, each in the order of the commit.
    pub(crate) links: &'a [Change],
    pub(crate) unlinks: &'a [Change],
    /// The number of places after the commit.
    pub(crate) places: usize,
}

/// Whether a prepared commit can be brought up to date with such a change. Merges, changes of aliases and removals of
/// labels are rare, and change what the other changes mean.
pub(crate) fn can_follow(change: &Change) -> bool {
    match change {
        Change::LabelCreated { .. }
        | Change::LabelUpdated { .. }
        | Change::ChatLinked { .. }
        | Change::ChatUnlinked { .. } => true,
        Change::LabelRemoved { .. } | Change::ChatsMerged { .. } | Change::AliasRemoved { .. } | Change::Refreshed => {
            false
        }
    }
}

/// The label that a change creates, updates or removes.
pub(crate) fn label_of(change: &Change) -> Option<&LabelId> {
    match change {
        Change::LabelCreated { label } | Change::LabelUpdated { label } => Some(label.id()),
        Change::LabelRemoved { label, .. } => Some(label),
        _ => None,
    }
}

/// The chat of a link or an unlink, and its label.
pub(crate) fn pair_of(change: &Change) -> Option<(&ChatId, &LabelId)> {
    match change {
        Change::ChatLinked { label, chat, .. } | Change::ChatUnlinked { label, chat } => Some((chat, label)),
        _ => None,
    }
}

/// The chats that changes link or unlink.
pub(crate) fn chats_of(changes: &[Change]) -> impl Iterator<Item = &ChatId> {
    changes.iter().filter_map(pair_of).map(|(chat, _)| chat)
}

impl Sections {
    /// All changes, in order.
    pub(crate) fn into_changes(self) -> Vec<Change> {
        let Self { labels: mut changes, links, unlinks, removals, end } = self;
        if changes.is_empty() {
            changes = links;
        } else {
            changes.extend(links);
        }
        changes.extend(unlinks);
        changes.extend(removals);
        changes.extend(end);
        changes
    }
}

impl Prepared {
    /// Applies a commit to a clone of `base`. `None` if the commit removes free places at the end, which other writers
    /// may take meanwhile.
    ///
    /// **O(changes)**.
    pub(crate) fn new(base: Version, commit: &Sections) -> Option<Self> {
        let cuts = |change: &Change| matches!(change, Change::ChatLinked { place, .. } if base.chats.is_cut(*place));
        let new = |change: &&Change| matches!(change, Change::ChatLinked { place, .. } if base.is_vacant(*place));
        if commit.links.iter().find(new).is_some_and(cuts) {
            return None;
        }
        let mut state = State::clone(&base);
        state.apply(&commit.labels);
        let removals = state.vacated.len();
        state.apply(&commit.links);
        state.apply(&commit.unlinks);
        state.apply(&commit.removals);
        state.apply(commit.end.as_slice());
        let vacated = state.vacated.clone();
        state.finish_commit();
        let mut seen = HashSet::with_capacity(vacated.len());
        let mut is_freed = |place: &&Place| state.chats.set_of(**place).is_none() && seen.insert(**place);
        let by_removal = vacated.get(..removals).unwrap_or_default();
        let mut freed: Vec<Place> = by_removal.iter().filter(&mut is_freed).copied().collect();
        let freed_by_removal = freed.len();
        freed.extend(vacated.get(removals..).unwrap_or_default().iter().filter(&mut is_freed));
        let labels = commit.labels.iter().chain(&commit.removals).filter_map(label_of).cloned().collect();
        Some(Self { base, state, freed, freed_by_removal, labels })
    }

    /// The prepared version, if nothing was written meanwhile.
    pub(crate) fn into_version(self) -> Version {
        Version::new(self.state)
    }

    /// The version that the commit makes of the newest one. `None` if the writes meanwhile cannot be followed: then the
    /// commit has to be prepared again.
    ///
    /// **O(w l + f + p)** for w chats with l labels that are not as prepared, f places that the commit frees, and p
    /// free places that it takes. Other changes of the commit cost nothing here.
    pub(crate) fn catch_up(mut self, update: &Update<'_>) -> Option<Version> {
        if !self.has_same_free_places(update) {
            return None;
        }
        self.update_labels(update)?;
        let wanted = Wanted::new(update);
        let freed = self.freed_places(update, &wanted);
        let changed = self.move_chats(update, wanted.chats)?;
        let Self { mut state, base, .. } = self;
        let chats = &mut state.chats;
        for place in changed {
            if chats.set_of(place).is_none() && update.now.is_vacant(place) {
                chats.copy_free(&update.now.chats, place);
            }
        }
        let revision = update.now.revision + 1;
        chats.chain_free(&update.now.chats, &freed, revision);
        state.revision = revision;
        if state.refresh_state != base.refresh_state {
            state.refresh_state = RefreshState::Done { revision };
        }
        Some(Version::new(state))
    }

    /// Whether the writes meanwhile took free places in the order of the list, and removed no places at the end.
    fn has_same_free_places(&self, update: &Update<'_>) -> bool {
        let chats = &self.base.chats;
        let taken: HashSet<Place> = places_of(update.meanwhile)
            .filter(|&place| to_index(place) < chats.len() && self.base.is_vacant(place))
            .collect();
        let in_order = chats.free_places().take(taken.len()).filter(|place| taken.contains(place)).count();
        in_order == taken.len() && update.now.chats.len() >= chats.len()
    }

    /// Updates the labels to what they are after the commit. `None` if other labels are live than was prepared.
    fn update_labels(&mut self, update: &Update<'_>) -> Option<()> {
        let changes = update.labels.iter().chain(update.removals);
        let changes: HashMap<&LabelId, &Change> =
            changes.filter_map(|change| Some((label_of(change)?, change))).collect();
        let written = update.meanwhile.iter().filter_map(label_of);
        let ids: BTreeSet<&LabelId> = self.labels.iter().chain(changes.keys().copied()).chain(written).collect();
        for id in ids {
            let after = match changes.get(id) {
                Some(Change::LabelRemoved { .. }) => None,
                Some(Change::LabelCreated { label } | Change::LabelUpdated { label }) => Some(label),
                _ => update.now.labels.get(id),
            };
            let labels = &mut self.state.labels;
            match (labels.get(id), after) {
                (Some(there), Some(after)) if there == after => {}
                (Some(_), None) => return None,
                // The prepared version has removed it with all its pairs.
                (None, Some(_)) if self.base.labels.get(id).is_some() => return None,
                (_, Some(after)) => labels.put(Label::clone(after)),
                (None, None) => {
                    let is_deleted = changes.contains_key(id) || update.now.labels.is_deleted(id);
                    if is_deleted != labels.is_deleted(id) {
                        return None;
                    }
                }
            }
        }
        self.state.postings.grow_to(self.state.labels.slot_count());
        Some(())
    }

    /// The places that the commit frees, in the order in which applying it to the newest version would free them.
    fn freed_places(&self, update: &Update<'_>, wanted: &Wanted) -> Vec<Place> {
        let moved: HashSet<Place> = update.chats.iter().filter_map(|chat| self.base.chats.find(chat)).collect();
        let as_prepared = |places: &[Place]| -> Vec<Place> {
            places.iter().filter(|place| !moved.contains(*place)).copied().collect()
        };
        let (by_removal, by_unlinks) = self.freed.split_at(self.freed_by_removal.min(self.freed.len()));
        let (mut freed, others) = (as_prepared(by_removal), as_prepared(by_unlinks));
        if !wanted.freed_by_removal.is_empty() {
            let removed = removed_labels(update.labels);
            let position = |place: Place| (last_removed(&self.base, place, &removed), place);
            let mut all: Vec<_> = freed.iter().map(|&place| position(place)).collect();
            all.extend(&wanted.freed_by_removal);
            all.sort_unstable();
            freed = all.into_iter().map(|(_, place)| place).collect();
        }
        freed.extend(others);
        freed.extend(&wanted.freed_by_unlinks);
        freed
    }

    /// Gives the chats that are not as prepared their labels and places. Returns the places whose record may have
    /// changed, or `None` if a label is not live.
    fn move_chats(&mut self, update: &Update<'_>, wanted: Vec<WantedChat>) -> Option<BTreeSet<Place>> {
        let Self { state, base, .. } = self;
        let mut changed: BTreeSet<Place> = places_of(update.meanwhile).collect();
        changed.extend(base.chats.free_list().map(|(_, last)| last));
        for chat in update.chats {
            changed.extend(base.chats.find(chat));
            changed.extend(update.now.chats.find(chat));
            if let Some(place) = state.chats.find(chat) {
                let slots = state.slots_at(place).to_vec();
                state.take(place, &slots);
                state.vacated.clear();
                state.chats.evict(place);
                changed.insert(place);
            }
        }
        state.chats.resize(update.places);
        state.postings.per_chat.truncate(update.places);
        for WantedChat { chat, place, labels } in wanted {
            let slots: Option<Vec<Slot>> = labels.iter().map(|label| state.labels.slot(label)).collect();
            state.chats.occupy(&chat, place);
            state.add(place, EMPTY, &slots?);
        }
        Some(changed)
    }
}

/// The places that links name.
pub(crate) fn places_of(changes: &[Change]) -> impl Iterator<Item = Place> {
    changes.iter().filter_map(|change| match change {
        Change::ChatLinked { place, .. } => Some(*place),
        _ => None,
    })
}

/// The labels that changes remove, each with its position among them.
fn removed_labels(changes: &[Change]) -> HashMap<&LabelId, usize> {
    let removed = changes.iter().filter_map(|change| match change {
        Change::LabelRemoved { label, .. } => Some(label),
        _ => None,
    });
    removed.zip(0..).collect()
}

/// The highest position in `removed` of a label that the chat at a place has.
fn last_removed(state: &State, place: Place, removed: &HashMap<&LabelId, usize>) -> Option<usize> {
    let labels = state.slots_at(place).iter().filter_map(|&slot| state.labels.at(slot));
    labels.filter_map(|label| removed.get(label.id()).copied()).max()
}

/// A chat as it has to be after the commit, with at least one label.
struct WantedChat {
    chat: ChatId,
    place: Place,
    labels: Vec<LabelId>,
}

/// The result of the commit for the chats that are not as prepared.
struct Wanted {
    chats: Vec<WantedChat>,
    /// The places of chats that the removal of labels leaves without labels, with the position of the last of these
    /// removals.
    freed_by_removal: Vec<(Option<usize>, Place)>,
    /// The places of chats that unlinks leave without labels, in the order of the unlinks.
    freed_by_unlinks: Vec<Place>,
}

impl Wanted {
    fn new(update: &Update<'_>) -> Self {
        let Update { now, .. } = update;
        let removed = removed_labels(update.labels);
        let mut links: HashMap<&ChatId, Vec<(&LabelId, Place)>> = HashMap::new();
        for change in update.links {
            if let Change::ChatLinked { label, chat, place } = change {
                links.entry(chat).or_default().push((label, *place));
            }
        }
        let unlinked: HashSet<(&ChatId, &LabelId)> = update.unlinks.iter().filter_map(pair_of).collect();
        let mut wanted = Self { chats: Vec::new(), freed_by_removal: Vec::new(), freed_by_unlinks: Vec::new() };
        let mut emptied: HashSet<&ChatId> = HashSet::new();
        for chat in update.chats {
            let here = now.chats.find(chat);
            let slots = here.map_or(&[][..], |place| now.slots_at(place));
            let had = slots.iter().filter_map(|&slot| now.labels.at(slot)).map(Label::id);
            let left: Vec<&LabelId> = had.filter(|label| !removed.contains_key(label)).collect();
            let linked = links.get(chat).map(Vec::as_slice).unwrap_or_default();
            let is_left_bare = left.is_empty();
            let stay = left.into_iter().filter(|label| !unlinked.contains(&(chat, *label)));
            let labels: Vec<LabelId> = stay.chain(linked.iter().map(|(label, _)| *label)).cloned().collect();
            let place = here.or_else(|| linked.first().map(|&(_, place)| place));
            match place {
                Some(place) if !labels.is_empty() => {
                    wanted.chats.push(WantedChat { chat: chat.clone(), place, labels });
                }
                Some(place) if is_left_bare => {
                    wanted.freed_by_removal.push((last_removed(now, place, &removed), place));
                }
                Some(_) => drop(emptied.insert(chat)),
                None => {}
            }
        }
        for chat in chats_of(update.unlinks) {
            if emptied.remove(chat) {
                wanted.freed_by_unlinks.extend(now.chats.find(chat));
            }
        }
        wanted
    }
}

impl State {
    /// Whether a place has no chat, or does not exist.
    pub(crate) fn is_vacant(&self, place: Place) -> bool {
        self.chats.set_of(place).is_none()
    }
}
