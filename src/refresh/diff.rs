//! The differences between a full state and a version.

use hashbrown::HashSet;

use crate::index::write_set::WrittenLabel;
use crate::model::change::Place;
use crate::model::chat_id::{ChatId, StoredOrder};
use crate::model::full_state::FullState;
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::refresh::label_change::label_change;
use crate::refresh::links_by_chat::LinksByChat;
use crate::refresh::stated_labels::StatedLabels;
use crate::state::State;
use crate::state::labels::Slot;

/// The differences between a full state and a version, regardless of what was written while the ticket was open.
#[derive(Debug, Clone)]
pub(super) struct Diff {
    /// The labels that the refresh creates, removes or changes.
    pub(super) labels: Vec<LabelId>,
    /// Pairs that the version lacks. New chats take their places in this order, which depends on the pairs alone.
    pub(super) link: Vec<(StoredOrder, LabelId)>,
    /// Pairs that the full state lacks, of labels that it has, in order. Labels that it lacks are removed with all
    /// their pairs, unless a write decides otherwise.
    pub(super) unlink: Vec<(StoredOrder, LabelId)>,
}

impl Diff {
    /// Compares a full state with a version.
    ///
    /// **O(n log n)** in the records and in the pairs of the labels that the state has.
    pub(super) fn new(state: &State, full: &FullState, stated: &StatedLabels<'_>) -> Self {
        let mut diff = Self { labels: differing_labels(state, stated), link: Vec::new(), unlink: Vec::new() };
        diff.compare_pairs(state, full, stated);
        diff.link.sort_unstable();
        diff.link.dedup();
        diff.unlink.sort_unstable();
        diff
    }

    fn compare_pairs(&mut self, state: &State, full: &FullState, stated: &StatedLabels<'_>) {
        let mut wanted: Vec<(Slot, Place)> = Vec::with_capacity(full.links.len());
        for (label, chat) in &full.links {
            let chat = state.resolve(chat);
            match (state.labels.slot(label), state.chats.find(chat)) {
                (Some(slot), Some(place)) => wanted.push((slot, place)),
                _ => self.link.push((StoredOrder(chat.clone()), label.clone())),
            }
        }
        wanted.sort_unstable();
        wanted.dedup();
        for (label, &slot) in state.labels.by_id.iter().filter(|(label, _)| stated.has(label)) {
            let start = wanted.partition_point(|(other, _)| *other < slot);
            let places = wanted.iter().skip(start).take_while(|(other, _)| *other == slot).map(|&(_, place)| place);
            compare_places(state, slot, places, |place, linked| {
                let Some(chat) = state.chats.chat_at(place) else { return };
                let list = if linked { &mut self.link } else { &mut self.unlink };
                list.push((StoredOrder(chat), label.clone()));
            });
        }
    }

    /// Updates the difference to a later version in which these chats have other aliases than before.
    ///
    /// Every other chat has the same aliases as before, and the same pairs except those that were written, which win
    /// anyway.
    ///
    /// **O(d + m log n)** for d pairs of the difference, m ids of these chats and n links of the full state.
    pub(super) fn renew(
        &mut self,
        state: &State,
        stated: &StatedLabels<'_>,
        links: &LinksByChat<'_>,
        chats: &HashSet<ChatId>,
    ) {
        self.link.retain(|(StoredOrder(chat), _)| !chats.contains(chat));
        self.unlink.retain(|(StoredOrder(chat), _)| !chats.contains(chat));
        for chat in chats.iter().filter(|chat| state.aliases.target(chat).is_none()) {
            let wanted: HashSet<&LabelId> = state.ids_of(chat).flat_map(|id| links.labels_of(id)).collect();
            let slots = state.chats.find(chat).map_or(&[][..], |place| state.slots_at(place));
            let had: HashSet<&LabelId> =
                slots.iter().filter_map(|&slot| state.labels.at(slot)).map(Label::id).collect();
            let lacking = wanted.difference(&had);
            self.link.extend(lacking.map(|&label| (StoredOrder(chat.clone()), label.clone())));
            let surplus = had.difference(&wanted).filter(|label| stated.has(label));
            self.unlink.extend(surplus.map(|&label| (StoredOrder(chat.clone()), label.clone())));
        }
        // A stable sort uses the order of the pairs that were there before, so it is nearly linear.
        self.link.sort();
        self.unlink.sort();
    }
}

/// The labels that the refresh creates, removes or changes, in label order.
fn differing_labels(state: &State, stated: &StatedLabels<'_>) -> Vec<LabelId> {
    let mut ids: Vec<&LabelId> = stated.ids().chain(state.labels.iter().map(Label::id)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids.retain(|id| label_change(state, stated, WrittenLabel::default(), id).is_some());
    ids.into_iter().cloned().collect()
}

/// The labels of one chat in a sorted list of pairs.
pub(super) fn of_chat<'a>(pairs: &'a [(StoredOrder, LabelId)], chat: &ChatId) -> impl Iterator<Item = &'a LabelId> {
    let chat = StoredOrder(chat.clone());
    let first = pairs.partition_point(|(other, _)| *other < chat);
    pairs.iter().skip(first).take_while(move |(other, _)| *other == chat).map(|(_, label)| label)
}

/// Compares the places of a label with the wanted ones, in order. Calls `tell` for each difference, with true if the
/// place is to be linked.
fn compare_places(state: &State, slot: Slot, wanted: impl Iterator<Item = Place>, mut tell: impl FnMut(Place, bool)) {
    let mut wanted = wanted.peekable();
    for place in state.postings.places(slot) {
        while let Some(missing) = wanted.next_if(|&other| other < place) {
            tell(missing, true);
        }
        if wanted.next_if_eq(&place).is_none() {
            tell(place, false);
        }
    }
    wanted.for_each(|missing| tell(missing, true));
}
