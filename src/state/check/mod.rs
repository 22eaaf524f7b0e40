//! Checks of the invariants of a state, by number, each computed the slow way.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use roaring::RoaringBitmap;

use crate::collections::cow_vec::CowVec;
use crate::collections::number::{to_index, to_u64};
use crate::model::change::Place;
use crate::model::chat_id::{ChatId, ChatKey};
use crate::model::label_id::LabelId;
use crate::model::op::RefreshState;
use crate::state::State;
use crate::state::chats::RUN;
use crate::state::label_sets::EMPTY;
use crate::state::labels::{Slot, low_number};
use crate::state::postings::labels_per_chat::{LabelsPerChat, MOST};
use crate::state::signatures::{BLOCK, InBlock, SIGNATURE_BITS, SetId, Signatures, signature_bit};

/// An invariant that does not hold: a bug of this crate.
///
/// The numbers are those of `docs/design.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    invariant: &'static str,
    detail: String,
}

impl Violation {
    /// The number of the invariant.
    pub fn invariant(&self) -> &'static str {
        self.invariant
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invariant {} does not hold: {}", self.invariant, self.detail)
    }
}

impl std::error::Error for Violation {}

/// Requires that an invariant holds.
pub(crate) fn require(invariant: &'static str, holds: bool, detail: impl FnOnce() -> String) -> Result<(), Violation> {
    if holds { Ok(()) } else { Err(Violation { invariant, detail: detail() }) }
}

/// Requires that two values are equal.
fn equal<T: PartialEq + fmt::Debug>(
    invariant: &'static str,
    what: &str,
    found: &T,
    expected: &T,
) -> Result<(), Violation> {
    require(invariant, found == expected, || format!("{what}: found {found:?}, expected {expected:?}"))
}

/// The positions of the bits that are set.
fn set_bits<const N: usize>(words: &CowVec<u64, N>) -> Vec<usize> {
    let bits = words.iter().flat_map(|word| (0..64).map(move |bit| word >> bit & 1 == 1));
    bits.enumerate().filter(|(_, bit)| *bit).map(|(at, _)| at).collect()
}

impl State {
    /// Checks every invariant. Reads everything several times.
    pub(crate) fn check_invariants(&self) -> Result<(), Violation> {
        self.check_labels()?;
        self.check_aliases()?;
        self.check_chats()?;
        self.check_sets()?;
        self.check_postings()?;
        equal("T1", "total rows", &self.total_rows, &self.labelled().map(|(_, members)| to_u64(members.len())).sum())?;
        equal("T2", "vacated places", &self.vacated, &Vec::new())?;
        let refreshed = match self.refresh_state {
            RefreshState::Never => 0,
            RefreshState::Done { revision } => revision,
        };
        require("T3", refreshed <= self.revision, || format!("refreshed at {refreshed}, now at {}", self.revision))
    }

    /// The places with a chat, with the chat's labels.
    fn labelled(&self) -> impl Iterator<Item = (Place, &[Slot])> {
        (0..self.chats.len()).filter_map(|place| Place::try_from(place).ok()).filter_map(|place| {
            let set = self.chats.set_of(place)?;
            Some((place, self.sets.members(set)))
        })
    }

    fn check_labels(&self) -> Result<(), Violation> {
        let labels = &self.labels;
        let by_slot: BTreeMap<LabelId, Slot> = (0..)
            .zip(labels.slots.iter())
            .filter_map(|(slot, label)| Some((label.as_ref()?.id().clone(), slot)))
            .collect();
        let by_id: BTreeMap<LabelId, Slot> = labels.by_id.iter().map(|(id, &slot)| (id.clone(), slot)).collect();
        equal("L1", "labels by id", &by_id, &by_slot)?;
        let live = labels.slots.iter().flatten().count();
        equal("L1", "number of labels", &labels.by_id.len(), &live)?;
        let mut free: Vec<Slot> = labels.free.iter().copied().collect();
        free.sort_unstable();
        let empty = (0..).zip(labels.slots.iter()).filter(|(_, label)| label.is_none()).map(|(slot, _)| slot);
        equal("L2", "free slots", &free, &empty.collect())?;
        let named: BTreeSet<_> =
            labels.slots.iter().flatten().filter_map(|label| Some((label.name()?.key(), label.id().clone()))).collect();
        let by_name: BTreeSet<_> = labels.by_name.iter().map(|(entry, ())| entry.clone()).collect();
        equal("L3", "labels by name", &by_name, &named)?;
        let both = by_id.keys().find(|id| labels.is_deleted(id));
        require("L4", both.is_none(), || format!("{both:?} is live and deleted"))?;
        let seen = by_id.keys().chain(labels.deleted.iter().map(|(id, ())| id)).filter_map(LabelId::decimal).max();
        require("L5", seen.unwrap_or(0) <= labels.highest, || format!("{seen:?} is above {}", labels.highest))?;
        let low = (0..).zip(labels.low.iter()).filter_map(|(number, slot)| Some((LabelId::from(number), (*slot)?)));
        let low_ids: BTreeMap<LabelId, Slot> =
            by_id.into_iter().filter(|(id, _)| low_number(id.decimal()).is_some()).collect();
        equal("L6", "slots of low ids", &low.collect(), &low_ids)
    }

    fn check_aliases(&self) -> Result<(), Violation> {
        for (alias, target) in self.aliases.iter() {
            let chain = self.aliases.target(target);
            require("A1", chain.is_none(), || format!("{alias} means {target}, which means {chain:?}"))?;
            require("A3", self.chats.find(alias).is_none(), || format!("{alias} is an alias and has a place"))?;
        }
        let forward: BTreeSet<(ChatId, ChatId)> =
            self.aliases.iter().map(|(alias, target)| (target.clone(), alias.clone())).collect();
        let backward: BTreeSet<(ChatId, ChatId)> =
            self.aliases.by_target.iter().map(|((target, alias), ())| (target.0.clone(), alias.0.clone())).collect();
        equal("A2", "aliases by target", &backward, &forward)
    }

    fn check_chats(&self) -> Result<(), Violation> {
        let mut chats = BTreeMap::new();
        let mut free = BTreeSet::new();
        for place in 0..u32::try_from(self.chats.len()).unwrap_or(u32::MAX) {
            match (self.chats.set_of(place), self.chats.chat_at(place)) {
                (Some(set), Some(chat)) => {
                    let there = set != EMPTY && self.sets.count(set) > 0;
                    require("C2", there, || format!("{chat} at place {place} has set {set}, which no chat has"))?;
                    if let Some(other) = chats.insert(chat.clone(), place) {
                        let detail = format!("{chat} is at places {other} and {place}");
                        return Err(Violation { invariant: "C1", detail });
                    }
                }
                (None, None) => drop(free.insert(place)),
                (set, chat) => {
                    let detail = format!("place {place} has set {set:?} and chat {chat:?}");
                    return Err(Violation { invariant: "C1", detail });
                }
            }
        }
        let texts = chats.keys().filter(|chat| matches!(chat.key(), ChatKey::Text(_))).count();
        equal("C3", "number of texts", &self.chats.text_count(), &texts)?;
        let mut free_texts: Vec<u32> = self.chats.free_texts.iter().copied().collect();
        free_texts.sort_unstable();
        let unused = (0..).zip(self.chats.texts.iter()).filter(|(_, text)| text.is_none()).map(|(number, _)| number);
        equal("C3", "free numbers of texts", &free_texts, &unused.collect())?;
        for (chat, place) in &chats {
            equal("C4", "place of a chat", &self.chats.find(chat), &Some(*place))?;
        }
        let mut found: Vec<Place> = self.chats.places.iter().collect();
        found.sort_unstable();
        let mut places: Vec<Place> = chats.values().copied().collect();
        places.sort_unstable();
        equal("C4", "places found by hash", &found, &places)?;
        let mut used = vec![0; self.chats.len().div_ceil(RUN)];
        for &place in &places {
            if let Some(used) = used.get_mut(to_index(place) / RUN) {
                *used += 1;
            }
        }
        let counted: Vec<u16> = self.chats.used.iter().copied().collect();
        equal("C6", "used places by page", &counted, &used)?;
        self.check_free_list(&free)
    }

    fn check_free_list(&self, free: &BTreeSet<Place>) -> Result<(), Violation> {
        let mut listed = BTreeSet::new();
        let (mut at, mut last, mut before) = (self.chats.free_list().map(|(first, _)| first), None, 0);
        while let Some(place) = at {
            let entry = self.chats.free_at(place);
            let Some((freed, next)) = entry.filter(|_| listed.insert(place)) else {
                return Err(Violation {
                    invariant: "C5",
                    detail: format!("place {place} is not free, or listed twice"),
                });
            };
            require("C5", (before..=self.revision).contains(&freed), || {
                format!("place {place} became free at {freed}")
            })?;
            (at, last, before) = (next, Some(place), freed);
        }
        equal("C5", "free places", &listed, free)?;
        equal("C5", "last free place", &self.chats.free_list().map(|(_, last)| last), &last)
    }

    fn check_sets(&self) -> Result<(), Violation> {
        let mut counts: BTreeMap<SetId, u32> = BTreeMap::new();
        for (place, _) in self.labelled() {
            *counts.entry(self.chats.set_of(place).unwrap_or(EMPTY)).or_default() += 1;
        }
        let mut distinct = BTreeSet::new();
        for (set, members, _) in self.sets.iter() {
            let ids: Option<Vec<&LabelId>> =
                members.iter().map(|&slot| self.labels.at(slot).map(|label| label.id())).collect();
            let ordered = ids.as_ref().is_some_and(|ids| ids.is_sorted_by(|a, b| a < b));
            require("S1", ordered && distinct.insert(members), || format!("set {set} is {ids:?}"))?;
        }
        let found: BTreeMap<SetId, u32> = self.sets.iter().map(|(set, _, count)| (set, count)).collect();
        equal("S2", "chats of each set", &found, &counts)?;
        equal("S2", "number of sets", &self.sets.live(), &counts.len())?;
        for (block, (block_counts, lens)) in self.sets.blocks().enumerate() {
            let mut there: InBlock = 0;
            let mut signatures = vec![0; SIGNATURE_BITS];
            for (at, (&count, &len)) in block_counts.iter().zip(lens).enumerate() {
                let set = SetId::try_from(block * BLOCK + at).unwrap_or(SetId::MAX);
                let members = self.sets.members(set);
                if count > 0 || set == EMPTY {
                    equal("S3", "length of a set", &to_index(len), &members.len())?;
                    there |= 1 << at;
                }
                for &slot in members {
                    if let Some(slice) = signatures.get_mut(signature_bit(slot)) {
                        *slice |= 1 << at;
                    }
                }
            }
            let (found_there, slices) = self.sets.signatures.block(block);
            equal("S4", "sets of a block", &found_there, &there)?;
            let mut found = slices.to_vec();
            found.resize(found.len().max(SIGNATURE_BITS), 0);
            equal("S4", "signatures of a block of sets", &found, &signatures)?;
        }
        self.check_set_numbers()
    }

    fn check_set_numbers(&self) -> Result<(), Violation> {
        let mut found: Vec<SetId> = self.sets.numbers_by_hash().collect();
        found.sort_unstable();
        equal("S5", "sets found by hash", &found, &self.sets.iter().map(|(set, ..)| set).collect())?;
        for (set, members, _) in self.sets.iter() {
            equal("S5", "number of a set", &self.sets.find(members), &Some(set))?;
        }
        let Signatures { blocks, room: [room, words], .. } = &self.sets.signatures;
        let behind =
            (self.sets.len().div_ceil(BLOCK)..blocks.len()).find(|&block| self.sets.signatures.block(block).0 != 0);
        equal("S4", "block behind all sets that has some", &behind, &None)?;
        let numbers = 1..u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        let taken = |set: &SetId| self.sets.count(*set) > 0;
        let occupied: BTreeSet<usize> = numbers.filter(taken).chain([EMPTY]).map(|set| to_index(set) / BLOCK).collect();
        equal("S6", "blocks that have a set", &self.sets.signatures.occupied(), &occupied.len())?;
        let with_room = (0..blocks.len()).filter(|&block| self.sets.signatures.block(block).0 != InBlock::MAX);
        equal("S6", "blocks with room", &set_bits(room), &with_room.collect())?;
        let with_some = (0..room.len()).filter(|&word| room.get(word) != Some(&0));
        equal("S6", "words of blocks with room", &set_bits(words), &with_some.collect())
    }

    fn check_postings(&self) -> Result<(), Violation> {
        let mut expected: BTreeMap<Slot, Vec<Place>> = BTreeMap::new();
        for (place, members) in self.labelled() {
            members.iter().for_each(|&slot| expected.entry(slot).or_default().push(place));
        }
        let slots = self.labels.slot_count().max(self.postings.labels.len());
        for slot in (0..).take(slots) {
            let places = expected.remove(&slot).unwrap_or_default();
            equal("P1", "places of a label", &self.postings.places(slot).collect::<Vec<_>>(), &places)?;
            let rows = places.iter().map(|&place| to_u64(self.slots_at(place).len())).sum();
            equal("P2", "rows of a label", &self.postings.counts(slot).rows, &rows)?;
        }
        equal("P1", "labels without a list", &expected.len(), &0)?;
        let LabelsPerChat { numbers, many } = &self.postings.per_chat;
        for list in self.postings.labels.iter().map(|label| &label.places).chain([many]) {
            equal("P1", "length of a list", &list.len, &to_u64(list.iter().count()))?;
            let without_place =
                (0..list.segments()).find(|&number| list.segment(number).is_some_and(RoaringBitmap::is_empty));
            equal("P1", "segment without a place", &without_place, &None)?;
        }
        let labels = |place| self.chats.set_of(place).map_or(0, |set| self.sets.members(set).len());
        let places = self.chats.len();
        equal("P4", "numbers behind the last place", &(numbers.len().max(places) - places), &0)?;
        for place in (0..).take(places) {
            let expected = u8::try_from(labels(place)).unwrap_or(MOST);
            equal("P4", "number of labels of a chat", &self.postings.per_chat.get(place), &expected)?;
        }
        let with_many = (0..).take(places).filter(|&place| labels(place) > usize::from(MOST));
        equal("P4", "chats with more labels than are counted", &many.iter().collect::<Vec<_>>(), &with_many.collect())?;
        equal("P3", "labelled chats", &self.postings.labelled(), &to_u64(self.labelled().count()))
    }
}
