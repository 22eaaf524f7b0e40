//! Reading the newest version of an index.

use crate::index::label_index::LabelIndex;
use crate::index::matching::Matching;
use crate::index::snapshot::Chats;
use crate::model::arg::Arg;
use crate::model::change::Revision;
use crate::model::chat_id::ChatId;
use crate::model::error::Result;
use crate::model::filter::{Filter, Page};
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::model::name::NameKey;
use crate::model::op::RefreshState;
use crate::query::answer::{Answer, ChatPage, FilterTotals};
use crate::query::chat_labels::ChatLabels;
use crate::state::State;
use crate::state::check::Violation;

/// # Asking
///
/// Each of these is the method of [`Snapshot`](crate::Snapshot) of the same name on the newest version: what a write
/// changed that returned before, it shows.
impl LabelIndex {
    /// Answers a filter: the page that was asked for, and exact totals. See
    /// [`Snapshot::query`](crate::Snapshot::query).
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for a page or a filter above the limits,
    /// [`Error::ForeignCursor`](crate::Error::ForeignCursor) for the cursor of another index.
    pub fn query(&self, filter: &Filter, page: Page) -> Result<Answer> {
        let ask = |state: &State| state.query_quickly(filter, page, self.limits());
        let answer = if page.limit() > 0 { self.with_visible_yielding(ask) } else { self.with_visible(ask) };
        answer.unwrap_or_else(|| self.version().query(filter, page, self.limits()))
    }

    /// Answers a filter as JSON, appended to `json`. See [`Snapshot::query_json`](crate::Snapshot::query_json).
    ///
    /// # Errors
    ///
    /// Those of [`query`](Self::query). Nothing is appended then.
    #[cfg(feature = "serde")]
    pub fn query_json(&self, filter: &Filter, page: Page, json: &mut Vec<u8>) -> Result<()> {
        let written = self.with_visible_yielding(|state| state.query_json_quickly(filter, page, self.limits(), json));
        written.unwrap_or_else(|| self.version().query_json(filter, page, self.limits(), json))
    }

    /// Counts what passes a filter. See [`Snapshot::totals`](crate::Snapshot::totals).
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for a filter above the limit.
    pub fn totals(&self, filter: &Filter) -> Result<FilterTotals> {
        let ask =
            |state: &State| state.is_quick(filter, Page::first(0)).then(|| state.filter_totals(filter, self.limits()));
        self.with_visible(ask).unwrap_or_else(|| self.version().filter_totals(filter, self.limits()))
    }

    /// Lists what passes a filter, without totals. See [`Snapshot::page`](crate::Snapshot::page).
    ///
    /// # Errors
    ///
    /// Those of [`query`](Self::query).
    pub fn page(&self, filter: &Filter, page: Page) -> Result<ChatPage> {
        let few = self.with_visible_yielding(|state| state.chat_page_quickly(filter, page, self.limits()));
        few.unwrap_or_else(|| self.version().chat_page(filter, page, self.limits()))
    }

    /// Iterates over all chats that pass a filter, as of now. See [`Snapshot::matching`](crate::Snapshot::matching).
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for a filter above the limit.
    pub fn matching(&self, filter: &Filter) -> Result<Matching> {
        self.snapshot().matching(filter)
    }

    /// Answers a filter over the chats that the host names, in their order. See
    /// [`Snapshot::among`](crate::Snapshot::among).
    ///
    /// # Errors
    ///
    /// Those of [`query`](Self::query); [`Error::MisplacedCursor`](crate::Error::MisplacedCursor) and
    /// [`Error::LostCursor`](crate::Error::LostCursor).
    pub fn among<C: Arg<ChatId>>(
        &self,
        filter: &Filter,
        chats: impl IntoIterator<Item = C>,
        page: Page,
    ) -> Result<Answer> {
        // The list may be long, and it is the host's code that gives its items: no lock is held meanwhile.
        self.version().among(filter, chats, page, self.limits())
    }

    /// The labels of each of some chats, in their order. See
    /// [`Snapshot::labels_of_each`](crate::Snapshot::labels_of_each).
    pub fn labels_of_each<C: Arg<ChatId>>(&self, chats: impl IntoIterator<Item = C>) -> Vec<ChatLabels> {
        self.version().labels_of_each(chats)
    }

    /// The labels of a chat, in label order. See [`Snapshot::labels_of`](crate::Snapshot::labels_of).
    pub fn labels_of(&self, chat: impl Arg<ChatId>) -> ChatLabels {
        let Ok(chat) = chat.parse_arg() else { return ChatLabels::default() };
        let few = self.with_visible(|state| state.labels_of_quickly(&chat));
        few.unwrap_or_else(|| self.version().labels_of(&chat))
    }

    /// Whether a chat has a label. See [`Snapshot::contains`](crate::Snapshot::contains).
    pub fn contains(&self, label: impl Arg<LabelId>, chat: impl Arg<ChatId>) -> bool {
        let (Ok(label), Ok(chat)) = (label.parse_arg(), chat.parse_arg()) else { return false };
        self.with_visible(|state| state.contains(&label, &chat))
    }

    /// Every label, in label order. See [`Snapshot::labels`](crate::Snapshot::labels).
    pub fn labels(&self) -> Vec<Label> {
        self.version().labels.iter().cloned().collect()
    }

    /// The label of an id. See [`Snapshot::label`](crate::Snapshot::label).
    pub fn label(&self, id: impl Arg<LabelId>) -> Option<Label> {
        let id = id.parse_arg().ok()?;
        self.with_visible(|state| state.labels.get(&id).cloned())
    }

    /// The ids of the labels of a name. See [`Snapshot::ids_named`](crate::Snapshot::ids_named).
    pub fn ids_named(&self, name: impl AsRef<str>) -> Vec<LabelId> {
        let Some(key) = NameKey::sought(name.as_ref()) else { return Vec::new() };
        let few = self.with_visible(|state| state.ids_named_quickly(&key));
        few.unwrap_or_else(|| self.version().ids_named(&key))
    }

    /// How many chats have a label. See [`Snapshot::count`](crate::Snapshot::count).
    pub fn count(&self, label: impl Arg<LabelId>) -> u64 {
        label.parse_arg().map_or(0, |label| self.with_visible(|state| state.count(&label)))
    }

    /// The labels of an answer's chats, with their numbers. See
    /// [`Snapshot::count_by_label`](crate::Snapshot::count_by_label).
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for a filter above the limit.
    pub fn count_by_label(&self, filter: &Filter) -> Result<Vec<(Label, u64)>> {
        self.version().count_by_label(filter, self.limits())
    }

    /// How many chats have a label.
    pub fn total_chats(&self) -> u64 {
        self.with_visible(|state| state.total_chats())
    }

    /// How many pairs there are.
    pub fn total_rows(&self) -> u64 {
        self.with_visible(|state| state.total_rows)
    }

    /// The number of the last commit; 0 before the first.
    pub fn revision(&self) -> Revision {
        self.with_visible(|state| state.revision)
    }

    /// Whether the index was ever refreshed, and by which revision last: tells "empty" from "not synced yet".
    pub fn refresh_state(&self) -> RefreshState {
        self.with_visible(|state| state.refresh_state)
    }

    /// The chat that an id means. See [`Snapshot::resolve`](crate::Snapshot::resolve).
    pub fn resolve(&self, chat: impl Arg<ChatId>) -> Option<ChatId> {
        let chat = chat.parse_arg().ok()?;
        Some(self.with_visible(|state| state.resolve(&chat).clone()))
    }

    /// Every alias with the chat that it means. See [`Snapshot::aliases`](crate::Snapshot::aliases).
    pub fn aliases(&self) -> Vec<(ChatId, ChatId)> {
        self.version().aliases()
    }

    /// Every labelled chat with its labels, in order of place, as of now. See
    /// [`Snapshot::iter`](crate::Snapshot::iter).
    pub fn iter(&self) -> Chats {
        self.snapshot().iter()
    }

    /// Checks every invariant, those of the feed too. See [`Snapshot::check_invariants`](crate::Snapshot::check_invariants).
    ///
    /// # Errors
    ///
    /// The first [`Violation`], which is a bug of this crate.
    pub fn check_invariants(&self) -> Result<(), Violation> {
        self.version().check_invariants()?;
        self.feed().check_invariants()
    }
}
