//! The answer to a query.

use crate::model::change::Revision;
use crate::model::chat_id::ChatId;
use crate::model::cursor::Cursor;
#[cfg(doc)]
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::query::chat_labels::ChatLabels;

/// The answer to a query: one page of chats, and exact totals over all chats that pass the filter, all of one revision.
///
/// With the feature `serde` it is an object of these fields, and a label in it has everything that a [`Label`] has.
///
/// # Examples
///
/// The response of an interface that also says whether the call refreshed the index first:
///
/// ```
/// # #[cfg(feature = "serde")] {
/// use label_index::{Answer, Filter, LabelIndex, Page};
///
/// #[derive(serde::Serialize)]
/// struct Response {
///     #[serde(flatten)]
///     answer: Answer,
///     refreshed: bool,
/// }
///
/// let index = LabelIndex::new();
/// index.upsert_label("7", "VIP")?;
/// index.link("7", "ana@c.us")?;
/// let answer = index.query(&Filter::new().any_of_names(["vip"]), Page::first(50))?;
/// assert_eq!(
///     serde_json::to_value(Response { answer, refreshed: false }).unwrap(),
///     serde_json::json!({
///         "chats": [{
///             "chat_id": "ana@c.us",
///             "labels": [{ "id": "7", "name": "VIP", "color": null, "position": null }],
///         }],
///         "total_chats": 1,
///         "total_rows": 1,
///         "matched_rows": 1,
///         "filter_label_ids": ["7"],
///         "unresolved": { "ids": [], "names": [] },
///         "next": null,
///         "revision": 2,
///         "refreshed": false,
///     }),
/// );
/// # }
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Answer {
    /// The chats of this page in order of place, each with all its labels.
    pub chats: Vec<LabelledChat>,
    /// How many chats pass the filter, on this page or not.
    pub total_chats: u64,
    /// How many pairs those chats have, that is, the sum of the lengths of their label lists.
    pub total_rows: u64,
    /// How many of those pairs have a label of the any-of clause; without that clause, all of them.
    pub matched_rows: u64,
    /// The existing ids of all clauses, once each, in label order.
    pub filter_label_ids: Vec<LabelId>,
    /// The entries that match no label.
    pub unresolved: Unresolved,
    /// The cursor of the next page; `None` exactly when no chat follows this page, or the limit was 0.
    pub next: Option<Cursor>,
    /// The revision that was queried.
    pub revision: Revision,
}

/// The totals of a filter without the chats. See [`Snapshot::totals`](crate::Snapshot::totals).
///
/// Each field is that of the [`Answer`] to the same filter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FilterTotals {
    /// How many chats pass the filter.
    pub total_chats: u64,
    /// How many pairs those chats have.
    pub total_rows: u64,
    /// How many of those pairs have a label of the any-of clause; without that clause, all of them.
    pub matched_rows: u64,
    /// The existing ids of all clauses, once each, in label order.
    pub filter_label_ids: Vec<LabelId>,
    /// The entries that match no label.
    pub unresolved: Unresolved,
    /// The revision that was queried.
    pub revision: Revision,
}

/// A page of chats without totals. See [`Snapshot::page`](crate::Snapshot::page).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ChatPage {
    /// The chats of this page in order of place, each with all its labels.
    pub chats: Vec<LabelledChat>,
    /// The cursor of the next page; `None` exactly when no chat that passes follows this page, or the limit was 0.
    pub next: Option<Cursor>,
    /// The revision that was queried.
    pub revision: Revision,
}

/// A chat and all its labels, in label order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct LabelledChat {
    /// The chat.
    pub chat_id: ChatId,
    /// Its labels.
    pub labels: ChatLabels,
}

/// The entries of a filter that match no label, as given, once each, in the order of the filter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Unresolved {
    /// Entries by id.
    pub ids: Vec<String>,
    /// Entries by name.
    pub names: Vec<String>,
}

/// The totals of an answer without its chats.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Totals {
    pub(crate) chats: u64,
    pub(crate) rows: u64,
    pub(crate) matched_rows: u64,
}
