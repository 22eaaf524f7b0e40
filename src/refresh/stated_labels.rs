//! The labels of a full state.

use std::collections::BTreeMap;

use hashbrown::HashSet;

use crate::model::full_state::FullState;
use crate::model::label::LabelPatch;
use crate::model::label_id::LabelId;
use crate::state::labels::Labels;

/// The labels of a full state, by record or by link. Building it takes **O(n)** for n links, so it is built before the
/// writer lock is taken.
#[derive(Debug)]
pub(super) struct StatedLabels<'a> {
    /// `None` for a label that the state marks as deleted.
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

    /// Whether the state has a label that would be live in this index: by a record, or by a link that is not dropped.
    pub(super) fn has_live_label(&self, here: &Labels) -> bool {
        self.records.values().any(Option::is_some) || self.has_link(here)
    }

    /// Whether the state has a link that is not dropped. A link is dropped if its label has no live record and is
    /// deleted in the state or in this index.
    pub(super) fn has_link(&self, here: &Labels) -> bool {
        self.linked.iter().any(|id| self.has(id) && (self.fields(id).is_some() || !here.is_deleted(id)))
    }

    /// Every label that has a record or a link; a label with both comes twice.
    pub(super) fn ids(&self) -> impl Iterator<Item = &LabelId> {
        self.records.keys().chain(self.linked.iter().copied())
    }
}
