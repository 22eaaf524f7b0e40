//! Bulk load: chats are added one after the other and indexed when all are there.

use std::sync::Arc;

use crate::collections::cow_hash_index::Twice;
use crate::collections::cow_vec::CowVec;
use crate::collections::number::to_u64;
use crate::model::change::Place;
use crate::model::chat_id::ChatId;
use crate::model::error::Result;
use crate::model::label::{LabelPatch, NewLabel};
use crate::model::label_id::LabelId;
use crate::model::op::{Ensured, Op, Outcome};
use crate::model::options::Limits;
use crate::state::State;
use crate::state::chats::{Chats, RUN, Record};
use crate::state::decide::{Plan, Rules, full, plan, unknown};
use crate::state::label_sets::EMPTY;
use crate::state::labels::Slot;
use crate::state::postings::Postings;
use crate::state::set_interner::SetInterner;
use crate::state::signatures::SetId;

/// A state that is being loaded. It can be read only once it is [finished](Self::finish).
#[derive(Debug)]
pub(crate) struct Bulk {
    /// Labels are up to date while chats are added; everything else is built at the end.
    state: State,
    sets: SetInterner,
    hash_seed: u64,
    rules: Rules,
    records: CowVec<Record, RUN>,
    /// The records of the last page.
    tail: Vec<Record>,
    texts: CowVec<Option<Arc<str>>, 128>,
    /// The labels of one chat, while it is added.
    slots: Vec<Slot>,
}

impl Bulk {
    pub(crate) fn new(identity: u64, hash_seed: u64, limits: Limits) -> Self {
        Self {
            state: State::new(identity, hash_seed),
            sets: SetInterner::new(hash_seed),
            hash_seed,
            rules: Rules { limits, horizon: 0 },
            records: CowVec::default(),
            tail: Vec::with_capacity(RUN),
            texts: CowVec::default(),
            slots: Vec::new(),
        }
    }

    /// Creates a label, or patches one.
    pub(crate) fn label(&mut self, id: LabelId, patch: LabelPatch) -> Result<()> {
        self.perform(&Op::UpsertLabel { id, patch }).map(drop)
    }

    /// The label with a name, which is created if there is none.
    pub(crate) fn ensure_label(&mut self, label: NewLabel) -> Result<LabelId> {
        match self.perform(&Op::EnsureLabel { label })? {
            Outcome::Ensured(Ensured::Existing(id) | Ensured::Created(id)) => Ok(id),
            other => unreachable!("a label was ensured: {other:?}"),
        }
    }

    fn perform(&mut self, op: &Op) -> Result<Outcome> {
        let Plan { outcome, changes } = plan(&self.state, op, self.rules)?;
        self.state.apply(&changes);
        Ok(outcome)
    }

    #[cfg(feature = "store")]
    pub(crate) fn label_count(&self) -> usize {
        self.state.labels.len()
    }

    /// Adds a chat with its labels, which have to be in label order and without repetition.
    pub(crate) fn chat(&mut self, chat: &ChatId, labels: &[LabelId]) -> Result<()> {
        self.slots.clear();
        for label in labels {
            self.slots.push(self.state.labels.slot(label).ok_or_else(|| unknown(label))?);
        }
        if self.slots.is_empty() {
            return Ok(());
        }
        if self.records.len() + self.tail.len() >= Chats::MAX {
            return Err(full());
        }
        let set = self.sets.acquire(&self.slots);
        self.tail.push(Record::new(Chats::key_of(chat, &mut self.texts), set));
        if self.tail.len() == RUN {
            self.end_page();
        }
        Ok(())
    }

    fn end_page(&mut self) {
        self.records.extend_from_slice(&self.tail);
        self.tail.clear();
    }

    /// Builds the state of everything that was added: at revision 1, or 0 if nothing was.
    ///
    /// **O(chats + pairs)**.
    pub(crate) fn finish(mut self) -> State {
        self.end_page();
        let Self { mut state, sets, hash_seed, records, texts, .. } = self;
        state.sets = sets.finish();
        let (chats, twice) = Chats::bulk(hash_seed, records, texts, None);
        state.chats = chats;
        state.revision = u64::from(state.labels.len() > 0);
        if !twice.is_empty() {
            state.unite_repeated(twice);
            state.chats = state.chats.without_vacated(hash_seed);
        }
        let slots_of = |record: &Record| record.taken().map(|set| state.sets.members(set)).unwrap_or_default();
        state.postings = Postings::bulk(state.labels.slot_count(), state.chats.records.iter().map(slots_of));
        state.total_rows = state.sets.iter().map(|(_, members, count)| u64::from(count) * to_u64(members.len())).sum();
        state
    }
}

impl State {
    /// Moves all labels of a chat that is at several places to the first of them, and vacates the others.
    fn unite_repeated(&mut self, mut twice: Vec<Twice>) {
        twice.sort_unstable();
        for places in twice.chunk_by(|a, b| a.kept == b.kept) {
            let Some(&Twice { kept, .. }) = places.first() else { continue };
            let labels = |place: &Place| self.slots_at(*place).iter().filter_map(|&slot| self.labels.at(slot));
            let all = std::iter::once(&kept).chain(places.iter().map(|twice| &twice.left_out)).flat_map(labels);
            let mut ids: Vec<&LabelId> = all.map(|label| label.id()).collect();
            ids.sort_unstable();
            ids.dedup();
            let united: Vec<Slot> = ids.into_iter().filter_map(|id| self.labels.slot(id)).collect();
            let united = self.sets.intern(&united);
            self.give(kept, united);
            places.iter().for_each(|twice| self.give(twice.left_out, EMPTY));
        }
    }

    /// Gives a chat a label set without updating the postings.
    fn give(&mut self, place: Place, set: SetId) {
        if let Some(old) = self.chats.set_of(place) {
            self.reset(place, old, set);
        }
    }
}
