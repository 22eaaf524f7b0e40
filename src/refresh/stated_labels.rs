//! Which labels a full state tells of.

use std::collections::BTreeMap;

use hashbrown::HashSet;

use crate::model::full_state::FullState;
use crate::model::label::LabelPatch;
use crate::model::label_id::LabelId;

/// The labels of a full state, by record or by link. **O(n)** in the links to make, and therefore made before the turn to
/// write.
#[derive(Debug)]
pub(super) struct StatedLabels<'a> {
    /// None for a label that is said to be deleted.
    records: &'a BTreeMap<LabelId, Option<LabelPatch>>,
    linked: HashSet<&'a LabelId>,
}

impl<'a> StatedLabels<'a> {
    pub(super) fn new(full: &'a FullState) -> Self {
        Self { records: &full.labels, linked: full.links.iter().map(|(label, _)| label).collect() }
    }

    /// Whether the state has a label: by a live record or, without any record, by a link.
    pub(super) fn has(&self, id: &LabelId) -> bool {
        self.records.get(id).map_or_else(|| self.linked.contains(id), Option::is_some)
    }

    /// The fields of a label that has a live record.
    pub(super) fn fields(&self, id: &LabelId) -> Option<&LabelPatch> {
        self.records.get(id)?.as_ref()
    }

    pub(super) fn has_live_record(&self) -> bool {
        self.records.values().any(Option::is_some)
    }

    pub(super) fn has_link(&self) -> bool {
        !self.linked.is_empty()
    }

    /// Every label that has a record or a link, some of them twice.
    pub(super) fn ids(&self) -> impl Iterator<Item = &LabelId> {
        self.records.keys().chain(self.linked.iter().copied())
    }
}
