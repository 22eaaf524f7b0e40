//! The labels: definitions, names, and deleted ids.

use crate::collections::cow_btree_map::CowBTreeMap;
use crate::collections::cow_vec::CowVec;
use crate::collections::number::to_index;
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::model::name::NameKey;

/// The number of a live label inside one state. The slot of a removed label is reused.
pub(crate) type Slot = u32;

/// The live labels at their slots. A clone is one reference count.
pub(crate) type LabelTable = CowVec<Option<Label>, 64>;

/// Decimal ids below this number are looked up in a table.
const LOW: u32 = 4_096;

/// Every live label, provisional ones included, and every id that was deleted and is not live again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels {
    /// L1: holds exactly the live ids; `slots` has each id's label at its slot and nothing elsewhere.
    pub(crate) by_id: CowBTreeMap<LabelId, Slot>,
    pub(crate) slots: LabelTable,
    /// L6: by number, the slots of the live ids below [`LOW`], which most networks use and every operation looks up.
    pub(crate) low: CowVec<Option<Slot>, 64>,
    /// L2: the slots without a label, once each.
    pub(crate) free: CowVec<Slot, 256>,
    /// L3: one entry for each live label with a name, under the name's key.
    pub(crate) by_name: CowBTreeMap<(NameKey, LabelId), ()>,
    /// L4: no id is both live and deleted.
    pub(crate) deleted: CowBTreeMap<LabelId, ()>,
    /// L5: not below any decimal id, live or deleted.
    pub(crate) highest: u32,
}

impl Labels {
    /// The number of live labels, provisional ones included.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// One more than the highest slot in use since the index was empty.
    pub(crate) fn slot_count(&self) -> usize {
        self.slots.len()
    }

    pub(crate) fn slot(&self, id: &LabelId) -> Option<Slot> {
        match low_number(id.decimal()) {
            Some(number) => self.low.get(number).copied().flatten(),
            None => self.by_id.get(id).copied(),
        }
    }

    /// The slot of an id given as a text.
    pub(crate) fn slot_of(&self, text: &str) -> Option<Slot> {
        match low_number(LabelId::decimal_of(text)) {
            // The usual case in filters; makes no id.
            Some(number) => self.low.get(number).copied().flatten(),
            None => self.slot(&text.parse().ok()?),
        }
    }

    pub(crate) fn at(&self, slot: Slot) -> Option<&Label> {
        self.slots.get(usize::try_from(slot).ok()?)?.as_ref()
    }

    pub(crate) fn get(&self, id: &LabelId) -> Option<&Label> {
        self.at(self.slot(id)?)
    }

    pub(crate) fn is_deleted(&self, id: &LabelId) -> bool {
        self.deleted.contains(id)
    }

    /// Live labels in label order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Label> {
        self.by_id.iter().filter_map(|(_, &slot)| self.at(slot))
    }

    /// The live labels with a name, in label order.
    pub(crate) fn named<'a>(&'a self, key: &'a NameKey) -> impl Iterator<Item = &'a LabelId> {
        self.by_name
            .iter_from(move |(other, _)| other < key)
            .map(|((other, id), ())| (other, id))
            .take_while(move |(other, _)| *other == key)
            .map(|(_, id)| id)
    }

    /// The next decimal id; `None` if the highest one is used.
    pub(crate) fn next_id(&self) -> Option<LabelId> {
        (self.highest < LabelId::MAX_DECIMAL).then(|| LabelId::from(self.highest + 1))
    }

    /// Adds a label, or replaces the definition of a live one.
    pub(crate) fn put(&mut self, label: Label) {
        let id = label.id().clone();
        self.highest = self.highest.max(id.decimal().unwrap_or(0));
        self.deleted.remove(&id);
        let slot = match self.slot(&id) {
            Some(slot) => {
                self.forget_name(slot);
                slot
            }
            None => {
                let slot = self.free.pop().or_else(|| {
                    self.slots.push(None);
                    Slot::try_from(self.slots.len() - 1).ok()
                });
                let Some(slot) = slot else { return };
                self.by_id.insert(id.clone(), slot);
                self.put_low(&id, Some(slot));
                slot
            }
        };
        if let Some(name) = label.name() {
            self.by_name.insert((name.key(), id), ());
        }
        self.slots.set(to_index(slot), Some(label));
    }

    /// Removes a label if it is live, and remembers its id as deleted.
    pub(crate) fn remove(&mut self, id: &LabelId) {
        self.highest = self.highest.max(id.decimal().unwrap_or(0));
        self.deleted.insert(id.clone(), ());
        if let Some(slot) = self.slot(id) {
            self.forget_name(slot);
            self.by_id.remove(id);
            self.put_low(id, None);
            self.slots.set(to_index(slot), None);
            self.free.push(slot);
        }
    }

    fn put_low(&mut self, id: &LabelId, slot: Option<Slot>) {
        if let Some(number) = low_number(id.decimal()) {
            self.low.grow_to(number);
            self.low.set(number, slot);
        }
    }

    fn forget_name(&mut self, slot: Slot) {
        let Some(label) = self.at(slot) else { return };
        if let Some(name) = label.name() {
            let entry = (name.key(), label.id().clone());
            self.by_name.remove(&entry);
        }
    }
}

#[cfg(feature = "store")]
impl Labels {
    /// Builds the labels from those at their slots, and deleted ids in any order. The free slots are listed anew.
    ///
    /// # Errors
    ///
    /// An id that is live or deleted twice.
    pub(crate) fn bulk(labels: &[Option<Label>], deleted: Vec<LabelId>, highest: u32) -> Result<Self, LabelId> {
        let mut slots = CowVec::default();
        slots.extend_from_slice(labels);
        let mut free = CowVec::default();
        (0..).zip(labels).filter(|(_, label)| label.is_none()).for_each(|(slot, _)| free.push(slot));
        let live = (0..).zip(labels).filter_map(|(slot, label)| Some((label.as_ref()?.id().clone(), slot)));
        let named = labels.iter().flatten().filter_map(|label| Some(((label.name()?.key(), label.id().clone()), ())));
        let mut bulk = Self {
            by_id: CowBTreeMap::bulk(live.clone().collect())?,
            slots,
            low: CowVec::default(),
            free,
            by_name: CowBTreeMap::bulk(named.collect()).map_err(|(_, id)| id)?,
            deleted: CowBTreeMap::bulk(deleted.into_iter().map(|id| (id, ())).collect())?,
            highest,
        };
        live.for_each(|(id, slot)| bulk.put_low(&id, Some(slot)));
        Ok(bulk)
    }
}

/// The position of an id in the table of low ids.
pub(crate) fn low_number(decimal: Option<u32>) -> Option<usize> {
    decimal.filter(|&number| number < LOW).map(to_index)
}
