//! In which pairs a full state differs from a version.

use hashbrown::HashSet;

use crate::change::Place;
use crate::chat_id::{ChatId, StoredOrder};
use crate::full_state::FullState;
use crate::label_id::LabelId;
use crate::state::State;
use crate::state::labels::Slot;
use crate::state::postings::List;

/// The pairs in which a full state differs from a version, for the labels that the state has.
#[derive(Debug, Default)]
pub(super) struct PairDiff {
    /// In order of the chats, which does not depend on that of the records: so new chats take their places.
    pub(super) link: Vec<(LabelId, ChatId)>,
    pub(super) unlink: Vec<(LabelId, ChatId)>,
}

/// Compares the links of a full state with the pairs of a version.
///
/// Labels that the full state does not have are left out: they go with all their pairs, or a write decides.
pub(super) fn pair_diff(state: &State, full: &FullState) -> PairDiff {
    let mut diff = PairDiff::default();
    let mut wanted: Vec<(Slot, Place)> = Vec::with_capacity(full.links.len());
    let mut missing: Vec<(StoredOrder, LabelId)> = Vec::new();
    let mut linked: HashSet<Slot> = HashSet::new();
    for (label, chat) in &full.links {
        let chat = state.resolve(chat);
        let slot = state.labels.slot(label);
        linked.extend(slot);
        match (slot, state.chats.find(chat)) {
            (Some(slot), Some(place)) => wanted.push((slot, place)),
            _ => missing.push((StoredOrder(chat.clone()), label.clone())),
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    for (label, &slot) in state.labels.by_id.iter() {
        if full.has(label, || linked.contains(&slot)) {
            let start = wanted.partition_point(|(other, _)| *other < slot);
            let len = wanted.iter().skip(start).take_while(|(other, _)| *other == slot).count();
            let places = wanted.iter().skip(start).take(len).map(|&(_, place)| place);
            compare(state, slot, places, |place, linked| {
                let Some(chat) = state.chats.chat_at(place) else { return };
                if linked {
                    missing.push((StoredOrder(chat), label.clone()));
                } else {
                    diff.unlink.push((label.clone(), chat));
                }
            });
        }
    }
    missing.sort_unstable();
    missing.dedup();
    diff.link = missing.into_iter().map(|(StoredOrder(chat), label)| (label, chat)).collect();
    diff
}

/// Compares the places of a label with those wanted, in order. Tells each difference: true is to be linked.
fn compare(state: &State, slot: Slot, wanted: impl Iterator<Item = Place>, mut tell: impl FnMut(Place, bool)) {
    let mut wanted = wanted.peekable();
    for place in state.postings.places(List::Label(slot)) {
        while let Some(missing) = wanted.next_if(|&other| other < place) {
            tell(missing, true);
        }
        if wanted.next_if_eq(&place).is_none() {
            tell(place, false);
        }
    }
    wanted.for_each(|missing| tell(missing, true));
}
