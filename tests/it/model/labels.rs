//! The labels of the model.

use std::collections::{BTreeMap, BTreeSet};

use label_index::{Error, Label, LabelId, LabelName, LabelPatch, Limit};

/// A label as the crate lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) id: LabelId,
    pub(crate) attributes: LabelPatch,
}

/// The live labels, provisional ones included, and the ids that are remembered as deleted.
#[derive(Debug, Clone, Default)]
pub(crate) struct Labels {
    /// Provisional ones have no name.
    pub(crate) known: BTreeMap<LabelId, LabelPatch>,
    deleted: BTreeSet<LabelId>,
    /// The highest decimal id ever seen here.
    highest: u32,
}

impl From<&Label> for Listed {
    fn from(label: &Label) -> Self {
        let mut attributes = LabelPatch::new().color(label.color()).position(label.position());
        attributes.name = label.name().cloned();
        Self { id: label.id().clone(), attributes }
    }
}

impl Labels {
    pub(crate) fn require(&self, id: &LabelId) -> Result<(), Error> {
        if self.known.contains_key(id) { Ok(()) } else { Err(Error::UnknownLabel { id: id.to_string() }) }
    }

    pub(crate) fn is_deleted(&self, id: &LabelId) -> bool {
        self.deleted.contains(id)
    }

    pub(crate) fn listed(&self, id: &LabelId) -> Listed {
        Listed { id: id.clone(), attributes: self.known[id].clone() }
    }

    pub(crate) fn all(&self) -> Vec<Listed> {
        self.known.keys().map(|id| self.listed(id)).collect()
    }

    pub(crate) fn deleted(&self) -> &BTreeSet<LabelId> {
        &self.deleted
    }

    /// The labels of a name, in label order.
    pub(crate) fn named(&self, name: &LabelName) -> Vec<LabelId> {
        let same = |attributes: &LabelPatch| attributes.name.as_ref().is_some_and(|own| own.is_same_as(name));
        self.known.iter().filter(|(_, attributes)| same(attributes)).map(|(id, _)| id.clone()).collect()
    }

    /// Sets the attributes that the patch has. Returns whether any of them differed.
    pub(crate) fn patch(&mut self, id: &LabelId, patch: &LabelPatch) -> bool {
        let own = self.known.get_mut(id).expect("a known label");
        let before = own.clone();
        if patch.name.is_some() {
            own.name = patch.name.clone();
        }
        if patch.color.is_some() {
            own.color = patch.color;
        }
        if patch.position.is_some() {
            own.position = patch.position;
        }
        *own != before
    }

    pub(crate) fn create(&mut self, id: &LabelId, attributes: LabelPatch, limit: usize) -> Result<(), Error> {
        within(limit, self.known.len() + 1)?;
        self.see(id);
        self.deleted.remove(id);
        self.known.insert(id.clone(), attributes);
        Ok(())
    }

    /// The id that `create_label` allocates.
    pub(crate) fn next_id(&self) -> Result<LabelId, Error> {
        if self.highest == LabelId::MAX_DECIMAL {
            return Err(Error::LabelIdsExhausted);
        }
        Ok(LabelId::from(self.highest + 1))
    }

    /// Deletes a label, or remembers an unknown id as deleted. The limit is for unknown ids alone: a label can always
    /// be removed.
    pub(crate) fn delete(&mut self, id: &LabelId, limit: usize) -> Result<(), Error> {
        if !self.known.contains_key(id) {
            within(limit, self.deleted.len() + 1)?;
        }
        self.see(id);
        self.known.remove(id);
        self.deleted.insert(id.clone());
        Ok(())
    }

    fn see(&mut self, id: &LabelId) {
        self.highest = self.highest.max(id.decimal().unwrap_or_default());
    }
}

fn within(limit: usize, given: usize) -> Result<(), Error> {
    if given <= limit { Ok(()) } else { Err(exceeded(Limit::Labels, limit, given)) }
}

pub(crate) fn exceeded(what: Limit, limit: usize, given: usize) -> Error {
    let wide = |number| u64::try_from(number).expect("64 bits");
    Error::LimitExceeded { what, limit: wide(limit), given: wide(given) }
}
