//! Brings a prepared refresh up to date with what was written meanwhile.

use std::collections::BTreeSet;
use std::ops::Range;

use hashbrown::HashSet;

use crate::collections::number::to_index;
use crate::model::change::{Change, Place};
use crate::model::chat_id::{ChatId, StoredOrder};
use crate::model::error::Result;
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::refresh::diff::{Diff, of_chat};
use crate::refresh::reconcile::{Reconciler, Staying, take_told_removals};
use crate::state::State;
use crate::state::decide::{Rules, full};
use crate::state::prepared::{Sections, Update, chats_of, label_of, pair_of, places_of};

/// The changes of a refresh to the newest version, and which of them are not as prepared.
#[derive(Debug, Default)]
pub(super) struct Revised {
    pub(super) commit: Sections,
    /// The chats whose pairs or place may differ from what was prepared.
    pub(super) chats: HashSet<ChatId>,
    /// The changes of those chats.
    pub(super) links: Vec<Change>,
    pub(super) unlinks: Vec<Change>,
    /// The number of places after the commit.
    pub(super) places: usize,
}

impl Revised {
    /// The input for [`Prepared::catch_up`](crate::state::prepared::Prepared::catch_up).
    pub(super) fn update<'a>(&'a self, now: &'a State, meanwhile: &'a [Change]) -> Update<'a> {
        let Self { commit, chats, links, unlinks, places } = self;
        let Sections { labels, removals, .. } = commit;
        Update { now, meanwhile, labels, removals, chats, links, unlinks, places: *places }
    }
}

/// A prepared refresh, and the version on which it was prepared.
pub(super) struct Former<'a> {
    pub(super) base: &'a State,
    pub(super) diff: &'a Diff,
    pub(super) commit: Sections,
    /// The changes since then.
    pub(super) meanwhile: &'a [Change],
}

/// Links of new chats; those of one chat are consecutive.
type Links = Vec<Change>;

impl Reconciler<'_> {
    /// The changes to the newest version, which differs from that of the draft only in labels and in the pairs of the
    /// `written` chats. `None` if the commit would remove free places at the end, or if other writes changed whether a
    /// label of the full state stays, so that its links are dropped or kept, or whether the removal of a label tells of
    /// each of its chats.
    ///
    /// Every other chat has the changes that were prepared. A new chat also has its prepared place, unless a write took
    /// that place: then it gets another one.
    ///
    /// **O(c + w log c)** for c prepared changes and w pairs of the written chats.
    pub(super) fn revise(&self, former: Former<'_>, written: HashSet<ChatId>, rules: Rules) -> Result<Option<Revised>> {
        let Former { base, diff, commit, meanwhile } = former;
        let mut labels = self.label_changes(&diff.labels);
        let (mut linked, mut homeless, mut unlinked) = (Links::new(), Links::new(), Vec::new());
        let stays = self.staying(&labels, rules)?;
        let stayed = Staying::new(base, &commit.labels);
        let mut written_labels = meanwhile.iter().filter_map(label_of);
        if written_labels.any(|label| self.stated.has(label) && stayed.has(label) != stays.has(label)) {
            return Ok(None);
        }
        let removals = take_told_removals(&mut labels, &rules.limits);
        if removals != commit.removals {
            return Ok(None);
        }
        let told: HashSet<LabelId> = removals.iter().filter_map(label_of).cloned().collect();
        let covered = self.touched.covered(self.state);
        for StoredOrder(chat) in written.iter().cloned().map(StoredOrder).collect::<BTreeSet<_>>() {
            let place = self.state.chats.find(&chat);
            for (label, is_link) in self.differing_pairs(base, diff, &chat) {
                let pair = || (label.clone(), chat.clone());
                // What was written of a pair does not keep it if its label goes.
                if !told.contains(&label) && (!stays.has(&label) || covered.has(&label, &chat)) {
                    continue;
                }
                let (label, chat) = pair();
                match (is_link, place) {
                    (false, _) => unlinked.push(Change::ChatUnlinked { label, chat }),
                    (true, Some(place)) => linked.push(Change::ChatLinked { label, chat, place }),
                    // The place is chosen below.
                    (true, None) => homeless.push(Change::ChatLinked { label, chat, place: 0 }),
                }
            }
        }
        let mut chats = written;
        let Sections { links: mut kept, mut unlinks, .. } = commit;
        let is_as_prepared = |change: &Change| pair_of(change).is_some_and(|(chat, _)| !chats.contains(chat));
        kept.retain(is_as_prepared);
        unlinks.retain(is_as_prepared);
        unlinks.extend(unlinked.iter().cloned());
        let is_new = |change: &Change| matches!(change, Change::ChatLinked { place, .. } if base.is_vacant(*place));
        let new = chat_runs(&kept).filter(|run| run.first().is_some_and(is_new)).count();
        let count = new + chat_runs(&homeless).count();
        let picks: Vec<Place> = self.state.chats.vacancies(rules.horizon).take(count).collect();
        if picks.len() < count {
            return Err(full());
        }
        if picks.first().is_some_and(|&place| self.state.chats.is_cut(place)) {
            return Ok(None);
        }
        let picks = Picks::new(picks, self.state.chats.len(), meanwhile);
        let mut moved: Links = kept.extract_if(.., |change| is_new(change) && !picks.has(change)).collect();
        chats.extend(chats_of(&moved).cloned());
        moved.append(&mut homeless);
        let Some(given) = picks.give(&mut kept, is_new, &moved) else { return Ok(None) };
        kept.extend(linked.iter().cloned());
        linked.extend(given);
        Ok(Some(Revised {
            commit: Sections { labels, links: kept, unlinks, removals, end: Some(Change::Refreshed) },
            chats,
            links: linked,
            unlinks: unlinked,
            places: picks.places,
        }))
    }

    /// The pairs of a chat in which the full state and the newest version differ, regardless of what was written
    /// meanwhile; true for those that the full state has.
    fn differing_pairs(&self, base: &State, diff: &Diff, chat: &ChatId) -> Vec<(LabelId, bool)> {
        let labels_in = |state: &State| -> BTreeSet<LabelId> {
            let slots = state.chats.find(chat).map(|place| state.slots_at(place)).unwrap_or_default();
            slots.iter().filter_map(|&slot| state.labels.at(slot)).map(Label::id).cloned().collect()
        };
        let had = labels_in(self.state);
        let mut wanted = labels_in(base);
        wanted.retain(|label| self.stated.has(label));
        of_chat(&diff.unlink, chat).for_each(|label| {
            wanted.remove(label);
        });
        wanted.extend(of_chat(&diff.link, chat).filter(|label| self.stated.has(label)).cloned());
        let links = wanted.difference(&had).map(|label| (label.clone(), true));
        links.chain(had.difference(&wanted).map(|label| (label.clone(), false))).collect()
    }
}

/// Groups links by chat.
fn chat_runs(links: &[Change]) -> impl Iterator<Item = &[Change]> {
    links.chunk_by(|a, b| pair_of(a).map(|(chat, _)| chat) == pair_of(b).map(|(chat, _)| chat))
}

/// The places that new chats have to take, in this order.
struct Picks {
    /// The number of places once all of these are taken.
    places: usize,
    picks: Vec<Place>,
    /// The picks that were free before, except those that a write took and gave back, whose order has changed.
    free: HashSet<Place>,
    /// The picks behind all former places.
    new: Range<usize>,
}

impl Picks {
    fn new(picks: Vec<Place>, end: usize, meanwhile: &[Change]) -> Self {
        let mut free: HashSet<Place> = picks.iter().copied().filter(|&place| to_index(place) < end).collect();
        let places = end + picks.len() - free.len();
        places_of(meanwhile).for_each(|place| {
            free.remove(&place);
        });
        Self { places, picks, free, new: end..places }
    }

    /// Whether a chat keeps the place that its link names.
    fn has(&self, link: &Change) -> bool {
        let Change::ChatLinked { place, .. } = link else { return false };
        self.new.contains(&to_index(*place)) || self.free.contains(place)
    }

    /// Gives the remaining places to other chats. Inserts their links between those of the chats that keep their
    /// places, so that all places are taken in order. Returns the inserted links, or `None` if there is no such order.
    fn give(&self, kept: &mut Links, is_new: impl Fn(&Change) -> bool, others: &[Change]) -> Option<Links> {
        let (mut picks, mut others) = (self.picks.iter().copied(), chat_runs(others));
        let (mut given, mut left_over) = (Links::new(), 0_usize);
        // There are as many places as chats, so a place is left over only if a chat that keeps its place does not come
        // in order.
        let mut give = |place: Place| {
            let run = others.next().unwrap_or_default();
            left_over += usize::from(run.is_empty());
            let links = run.iter().filter_map(pair_of).map(|(chat, label)| Change::ChatLinked {
                label: label.clone(),
                chat: chat.clone(),
                place,
            });
            given.extend(links);
            given.len()
        };
        // Where links are inserted: the number of kept links before them, and the end of the inserted ones in `given`.
        let mut gaps: Vec<(usize, usize)> = Vec::new();
        let mut before = 0;
        for run in chat_runs(kept) {
            if let Some(Change::ChatLinked { place, .. }) = run.first().filter(|change| is_new(change)) {
                for pick in picks.by_ref().take_while(|pick| pick != place) {
                    gaps.push((before, give(pick)));
                }
            }
            before += run.len();
        }
        picks.for_each(|pick| {
            give(pick);
        });
        if left_over > 0 {
            return None;
        }
        insert(kept, &given, &gaps);
        Some(given)
    }
}

/// Inserts links at the gaps, and those behind the last gap at the end. Mostly there is no gap.
fn insert(links: &mut Links, given: &[Change], gaps: &[(usize, usize)]) {
    let mut from = 0;
    if !gaps.is_empty() {
        let mut rest = std::mem::take(links).into_iter();
        let mut taken = 0;
        links.reserve(rest.len() + given.len());
        for &(before, to) in gaps {
            links.extend(rest.by_ref().take(before - taken));
            links.extend(given.get(from..to).unwrap_or_default().iter().cloned());
            (taken, from) = (before, to);
        }
        links.extend(rest);
    }
    links.extend(given.get(from..).unwrap_or_default().iter().cloned());
}
