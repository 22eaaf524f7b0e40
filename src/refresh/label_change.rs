//! The effect of a refresh on one label.

use crate::index::write_set::WrittenLabel;
use crate::model::change::Change;
use crate::model::label::{Label, LabelPatch};
use crate::model::label_id::LabelId;
use crate::refresh::stated_labels::StatedLabels;
use crate::state::State;

/// The change that makes a label what the full state says, except for the fields that were written meanwhile.
pub(super) fn label_change(
    state: &State,
    stated: &StatedLabels<'_>,
    touched: WrittenLabel,
    id: &LabelId,
) -> Option<Change> {
    let fields = stated.fields(id);
    let Some(label) = state.labels.get(id) else {
        let deleted = state.labels.is_deleted(id);
        return match fields {
            _ if touched.removed => None,
            Some(fields) => Some(Change::LabelCreated { label: Label::new(id.clone(), fields.clone()) }),
            None if deleted => None,
            None if stated.has(id) => Some(Change::LabelCreated { label: Label::new(id.clone(), LabelPatch::new()) }),
            None => Some(Change::LabelRemoved { label: id.clone(), links: 0 }),
        };
    };
    if stated.has(id) {
        let fields = fields.cloned().unwrap_or_default().without(touched.fields);
        let patched = label.patched(&fields);
        (patched != *label).then_some(Change::LabelUpdated { label: patched })
    } else if touched.edited {
        None
    } else {
        let links = state.labels.slot(id).map_or(0, |slot| state.postings.len(slot));
        Some(Change::LabelRemoved { label: id.clone(), links })
    }
}
