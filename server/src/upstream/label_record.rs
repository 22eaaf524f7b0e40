//! A label as the gateway writes it, in its lists and its reports.

use label_index::{LabelId, LabelName, LabelPatch};
use serde::Deserialize;

use crate::upstream::trouble::Trouble;

/// A label as the gateway writes it. Other fields are ignored.
#[derive(Debug, Deserialize)]
pub(crate) struct LabelRecord {
    pub(crate) id: String,
    name: Option<String>,
    color: Option<i32>,
}

impl LabelRecord {
    /// The id.
    ///
    /// # Errors
    ///
    /// When it is not valid.
    pub(super) fn label(&self) -> Result<LabelId, Trouble> {
        self.id.parse().map_err(|_| Trouble::Nonsense("the id of a label cannot be one".to_owned()))
    }

    /// The attributes of the label. A name without any valid character is absent.
    pub(crate) fn patch(&self) -> LabelPatch {
        let mut patch = LabelPatch::new();
        patch.color = self.color;
        patch.name = self.name.as_deref().and_then(LabelName::lenient);
        patch
    }
}
