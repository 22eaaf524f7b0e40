//! The full state of a network: the input of a refresh.

use std::collections::BTreeMap;

use crate::model::arg::Arg;
use crate::model::chat_id::ChatId;
use crate::model::error::Result;
use crate::model::label::LabelPatch;
use crate::model::label_id::LabelId;

/// The full state of a network: every label and every link.
///
/// A set of records: their order never matters, and records of the same label are merged field by field. If two records
/// have different values for one field, the lesser value counts, since records have no order. A live record of a label
/// beats one that says it is deleted; a link beats a removed link. What has no record does not exist.
///
/// # Examples
///
/// ```
/// use label_index::{FullState, LabelIndex};
///
/// let mut state = FullState::new();
/// state.label("1", "VIP")?;
/// state.link("1", "ana@c.us")?;
/// let index = LabelIndex::new();
/// index.begin_refresh()?.commit(state)?;
/// assert_eq!(index.total_chats(), 1);
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FullState {
    /// What the live records of each label say together; `None` if all its records say that it is deleted.
    pub(crate) labels: BTreeMap<LabelId, Option<LabelPatch>>,
    pub(crate) links: Vec<(LabelId, ChatId)>,
}

impl FullState {
    /// An empty state.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a record of a live label: the fields that the network reported, perhaps none.
    ///
    /// # Errors
    ///
    /// Those of the arguments; nothing is added then.
    pub fn label(&mut self, id: impl Arg<LabelId>, fields: impl Arg<LabelPatch>) -> Result<()> {
        let (id, fields) = (id.parse_arg()?, fields.parse_arg()?);
        let live = self.labels.entry(id).or_default().get_or_insert_default();
        *live = std::mem::take(live).least(fields);
        Ok(())
    }

    /// Adds a record of a label that was deleted.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLabelId`](crate::Error::InvalidLabelId).
    pub fn deleted_label(&mut self, id: impl Arg<LabelId>) -> Result<()> {
        self.labels.entry(id.parse_arg()?).or_default();
        Ok(())
    }

    /// Adds a link.
    ///
    /// # Errors
    ///
    /// Those of the arguments; nothing is added then.
    pub fn link(&mut self, label: impl Arg<LabelId>, chat: impl Arg<ChatId>) -> Result<()> {
        self.links.push((label.parse_arg()?, chat.parse_arg()?));
        Ok(())
    }

    /// Adds a record of a link that was removed. It means the same as no record, so it is only checked.
    ///
    /// # Errors
    ///
    /// Those of the arguments.
    pub fn removed_link(&mut self, label: impl Arg<LabelId>, chat: impl Arg<ChatId>) -> Result<()> {
        let _: (LabelId, ChatId) = (label.parse_arg()?, chat.parse_arg()?);
        Ok(())
    }
}
