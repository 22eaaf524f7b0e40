//! Answers in a form that the model can make too.

use label_index::{Answer, ChatId, ChatPage, FilterTotals, LabelId, LabelledChat};

use super::labels::Listed;

/// A [`LabelledChat`] that can be made outside of the crate.
pub(crate) type Row = (ChatId, Vec<Listed>);

/// An [`Answer`] that can be made outside of the crate.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Answered {
    pub(crate) chats: Vec<Row>,
    pub(crate) total_chats: u64,
    pub(crate) total_rows: u64,
    pub(crate) matched_rows: u64,
    pub(crate) filter_label_ids: Vec<LabelId>,
    pub(crate) unresolved_ids: Vec<String>,
    pub(crate) unresolved_names: Vec<String>,
    /// Whether there is a cursor of a next page.
    pub(crate) goes_on: bool,
    pub(crate) revision: u64,
}

impl From<&Answer> for Answered {
    fn from(answer: &Answer) -> Self {
        Self {
            chats: answer.chats.iter().map(row).collect(),
            total_chats: answer.total_chats,
            total_rows: answer.total_rows,
            matched_rows: answer.matched_rows,
            filter_label_ids: answer.filter_label_ids.clone(),
            unresolved_ids: answer.unresolved.ids.clone(),
            unresolved_names: answer.unresolved.names.clone(),
            goes_on: answer.next.is_some(),
            revision: answer.revision,
        }
    }
}

impl Answered {
    /// Joins the totals and the page of an answer that were queried separately.
    pub(crate) fn joined(totals: &FilterTotals, page: &ChatPage) -> Self {
        assert_eq!(totals.revision, page.revision, "nobody writes between the two");
        Self {
            chats: page.chats.iter().map(row).collect(),
            total_chats: totals.total_chats,
            total_rows: totals.total_rows,
            matched_rows: totals.matched_rows,
            filter_label_ids: totals.filter_label_ids.clone(),
            unresolved_ids: totals.unresolved.ids.clone(),
            unresolved_names: totals.unresolved.names.clone(),
            goes_on: page.next.is_some(),
            revision: page.revision,
        }
    }
}

pub(crate) fn row(chat: &LabelledChat) -> Row {
    (chat.chat_id.clone(), chat.labels.iter().map(Listed::from).collect())
}
