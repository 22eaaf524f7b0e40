//! A label as the gateway writes it, in its lists and in what it posts.

use label_index::{LabelId, LabelName, LabelPatch};
use serde::Deserialize;

use crate::upstream::trouble::Trouble;

/// A label as the gateway writes it. Fields that are not needed are passed over.
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
    /// When it cannot be one.
    pub(super) fn label(&self) -> Result<LabelId, Trouble> {
        self.id.parse().map_err(|_| Trouble::Nonsense("the id of a label cannot be one".to_owned()))
    }

    /// What it says of the label. A name of which nothing is left is none.
    pub(crate) fn patch(&self) -> LabelPatch {
        let mut patch = LabelPatch::new();
        patch.color = self.color;
        patch.name = self.name.as_deref().and_then(LabelName::lenient);
        patch
    }
}
