//! The index as it was at one revision.

use std::iter::FusedIterator;
use std::sync::Arc;

use crate::index::matching::Matching;
use crate::index::snapshot_tracker::SnapshotGuard;
use crate::model::arg::Arg;
use crate::model::change::{Place, Revision};
use crate::model::chat_id::ChatId;
use crate::model::error::Result;
use crate::model::filter::{Filter, Page};
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::model::name::NameKey;
use crate::model::op::RefreshState;
use crate::model::position::Position;
use crate::query::answer::{Answer, ChatPage, FilterTotals, LabelledChat};
use crate::query::chat_labels::ChatLabels;
use crate::query::resolved_filter::ResolvedFilter;
use crate::state::Version;
use crate::state::check::Violation;

/// The whole index as it was at one revision, immutable.
///
/// Taking and cloning one is a few reference counts. It can be kept for as long as need be, and it never waits for
/// anything. What it costs: the pieces that are written meanwhile are copied once each, so memory grows with what changes,
/// up to a second copy of the index; and the places of chats that lost their last label since then are not used again.
///
/// Every method that reads an index is here; those of [`LabelIndex`](crate::LabelIndex) of the same name ask the newest
/// version.
///
/// # Examples
///
/// ```
/// use label_index::LabelIndex;
///
/// let index = LabelIndex::new();
/// let vip = index.create_label("VIP")?;
/// let before = index.snapshot();
/// index.link(&vip, "ana@c.us")?;
/// assert_eq!((before.total_chats(), index.total_chats()), (0, 1));
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Clone)]
pub struct Snapshot {
    state: Version,
    /// Tells the index, for as long as it lives, that this revision is being looked at.
    hold: Arc<SnapshotGuard>,
}

impl Snapshot {
    pub(crate) fn new(state: Version, hold: SnapshotGuard) -> Self {
        Self { state, hold: Arc::new(hold) }
    }

    /// The revision.
    ///
    /// **O(1)**.
    pub fn revision(&self) -> Revision {
        self.state.revision
    }

    /// The revision as a text to store: whoever rebuilt something from this snapshot
    /// [goes on from here](crate::LabelIndex::subscribe_from). Under `Durability::Within` a snapshot may show commits that
    /// a crash takes back; store the position once `Store::flush` returned.
    ///
    /// **O(1)**.
    pub fn position(&self) -> Position {
        Position { identity: self.state.identity, revision: self.state.revision }
    }

    /// Whether the index was ever refreshed, and by which revision last.
    ///
    /// **O(1)**.
    pub fn refresh_state(&self) -> RefreshState {
        self.state.refresh_state
    }

    /// Answers a filter: the page that was asked for, and exact totals.
    ///
    /// The totals cost **O(d)** in the number d of distinct label sets, or **O(p)** in the pairs of the labels asked
    /// for, over a small divisor, whichever is less; the number of chats does not matter for the first. A page of n
    /// chats costs **O(n k)** for k labels of an any-of clause; with other clauses as much as it has to search.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for a page or a filter above the limits,
    /// [`Error::ForeignCursor`](crate::Error::ForeignCursor) for the cursor of another index.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Filter, LabelIndex, Page};
    ///
    /// let index = LabelIndex::new();
    /// for (id, name) in [("1", "VIP"), ("2", "Support")] {
    ///     index.upsert_label(id, name)?;
    /// }
    /// index.link("1", "5511999990001@c.us")?;
    /// index.link("2", "5511999990001@c.us")?;
    /// index.link("2", "120363000000000001@g.us")?;
    ///
    /// let answer = index.query(&Filter::new().any_of_names(["vip"]), Page::first(50))?;
    /// assert_eq!((answer.total_chats, answer.total_rows, answer.matched_rows), (1, 2, 1));
    /// assert_eq!(answer.chats[0].labels.len(), 2);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn query(&self, filter: &Filter, page: Page) -> Result<Answer> {
        self.state.query(filter, page, self.hold.limits())
    }

    /// Answers a filter as [`query`](Self::query) does, and appends the fields of the [`Answer`] to `json`, without the
    /// braces around them, so that a host can put fields of its own beside them.
    ///
    /// This is the text that `serde_json` makes of the answer, in less time than the answer alone takes: a page is
    /// written from where the index has it, and what a label is written as is kept with the label. It is meant for a
    /// server that sends the answer as it is.
    ///
    /// Costs what [`query`](Self::query) costs, and **O(length of the text)**.
    ///
    /// # Errors
    ///
    /// Those of [`query`](Self::query). Nothing is appended then.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Filter, LabelIndex, Page};
    ///
    /// let index = LabelIndex::new();
    /// index.upsert_label("7", "VIP")?;
    /// index.link("7", "ana@c.us")?;
    /// let filter = Filter::new().any_of_ids(["7"]);
    /// let mut body = Vec::from(br#"{"success":true,"#);
    /// index.snapshot().query_json(&filter, Page::first(50), &mut body)?;
    /// body.push(b'}');
    /// assert!(body.starts_with(br#"{"success":true,"chats":[{"chat_id":"ana@c.us","labels":[{"id":"7","#));
    /// assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap()["total_chats"], 1);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    #[cfg(feature = "serde")]
    pub fn query_json(&self, filter: &Filter, page: Page, json: &mut Vec<u8>) -> Result<()> {
        self.state.query_json(filter, page, self.hold.limits(), json)
    }

    /// Counts what passes a filter: the totals of [`query`](Self::query) without a page.
    ///
    /// Costs what they cost there.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for a filter above the limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Filter, LabelIndex};
    ///
    /// let index = LabelIndex::new();
    /// let vip = index.create_label("VIP")?;
    /// index.link_all(&vip, ["a", "b"])?;
    /// let totals = index.totals(&Filter::new().any_of_names(["vip", "late"]))?;
    /// assert_eq!((totals.total_chats, totals.unresolved.names), (2, vec!["late".to_string()]));
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn totals(&self, filter: &Filter) -> Result<FilterTotals> {
        self.state.filter_totals(filter, self.hold.limits())
    }

    /// Lists what passes a filter: the page of [`query`](Self::query) without totals, so listing on costs what the page
    /// costs.
    ///
    /// A page of n chats costs **O(n k)** for k labels of an any-of clause; with other clauses as much as it has to
    /// search. Cursors of both methods are good for both.
    ///
    /// # Errors
    ///
    /// Those of [`query`](Self::query).
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Filter, LabelIndex, Page};
    ///
    /// let index = LabelIndex::new();
    /// let vip = index.create_label("VIP")?;
    /// index.link_all(&vip, ["a", "b", "c"])?;
    /// let first = index.query(&Filter::new(), Page::first(2))?;
    /// let second = index.page(&Filter::new(), Page::after(2, first.next.unwrap())?)?;
    /// assert_eq!((second.chats.len(), second.next), (1, None));
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn page(&self, filter: &Filter, page: Page) -> Result<ChatPage> {
        self.state.chat_page(filter, page, self.hold.limits())
    }

    /// Iterates over all chats that pass a filter, in order of place, each with all its labels.
    ///
    /// Lazy: chats are sought as they are asked for, some hundred at a time at most. Costs altogether what a page of all
    /// of them would cost. There is no limit but that of the filter.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for a filter above the limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Filter, LabelIndex};
    ///
    /// let index = LabelIndex::new();
    /// let vip = index.create_label("VIP")?;
    /// index.link_all(&vip, ["a", "b", "c"])?;
    /// let mut chats = index.snapshot().matching(&Filter::new().any_of_names(["vip"]))?;
    /// assert_eq!(chats.next().unwrap().chat_id.to_string(), "a");
    /// assert_eq!(chats.count(), 2);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn matching(&self, filter: &Filter) -> Result<Matching> {
        let clauses = ResolvedFilter::of(filter, &self.state.labels, self.hold.limits())?;
        Ok(Matching::new(Version::clone(&self.state), clauses))
    }

    /// Answers a filter over the chats that the host names: those that are open, unread, assigned to somebody.
    ///
    /// The answer is that of [`query`](Self::query) as if no other chat were there, but in the order of the list. Each
    /// chat counts once, where its first id stands in the list; one without a label is in no answer, and what is no chat
    /// id counts for nothing. With a limit of 0 the answer has the totals only.
    ///
    /// The next page is asked for with the list again and the cursor. The cursor stands at the last chat of its page,
    /// wherever that is in the list by then, and the page begins behind it. So chats may come and go in the list between
    /// pages: as long as it keeps its order, a chat that is not merged is on at most one page, and on exactly one if it
    /// was listed and matched all along, whatever is written to the index. A list without the cursor's chat is refused: to
    /// go on elsewhere would repeat chats or leave some out.
    ///
    /// **O(n l)** in the chats given and their labels, whatever the size of the index.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for a page or a filter above the limits;
    /// [`Error::ForeignCursor`](crate::Error::ForeignCursor) for the cursor of another index,
    /// [`Error::MisplacedCursor`](crate::Error::MisplacedCursor) for one that another question gave, and
    /// [`Error::LostCursor`](crate::Error::LostCursor) if its chat is not in the list any more.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Filter, LabelIndex, Page};
    ///
    /// let index = LabelIndex::new();
    /// let vip = index.create_label("VIP")?;
    /// index.link_all(&vip, ["a", "b", "c"])?;
    /// // The newest message first.
    /// let unread = ["c", "x", "a"];
    /// let vips = Filter::new().any_of_names(["vip"]);
    /// let first = index.among(&vips, unread, Page::first(1))?;
    /// assert_eq!((first.chats[0].chat_id.to_string().as_str(), first.total_chats), ("c", 2));
    /// let second = index.among(&vips, unread, Page::after(1, first.next.unwrap())?)?;
    /// assert_eq!((second.chats[0].chat_id.to_string().as_str(), second.next), ("a", None));
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn among<C: Arg<ChatId>>(
        &self,
        filter: &Filter,
        chats: impl IntoIterator<Item = C>,
        page: Page,
    ) -> Result<Answer> {
        self.state.among(filter, chats, page, self.hold.limits())
    }

    /// The labels of each of some chats: one list for each chat given, in their order, so that the two can be zipped. The
    /// list of a chat without labels, or of what is no chat id, is empty.
    ///
    /// **O(n l)** in the chats given and their labels.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::LabelIndex;
    ///
    /// let index = LabelIndex::new();
    /// let vip = index.create_label("VIP")?;
    /// index.link(&vip, "ana@c.us")?;
    /// let inbox = ["bob@c.us", "ana@c.us"];
    /// let unlabelled: Vec<&str> = inbox
    ///     .into_iter()
    ///     .zip(index.labels_of_each(inbox))
    ///     .filter(|(_, labels)| labels.is_empty())
    ///     .map(|(chat, _)| chat)
    ///     .collect();
    /// assert_eq!(unlabelled, ["bob@c.us"]);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn labels_of_each<C: Arg<ChatId>>(&self, chats: impl IntoIterator<Item = C>) -> Vec<ChatLabels> {
        self.state.labels_of_each(chats)
    }

    /// The labels of a chat, in label order. Empty for a chat that has none, and for what is no chat id.
    ///
    /// **O(l)** in the number of its labels.
    pub fn labels_of(&self, chat: impl Arg<ChatId>) -> ChatLabels {
        chat.parse_arg().map(|chat| self.state.labels_of(&chat)).unwrap_or_default()
    }

    /// Whether a chat has a label.
    ///
    /// **O(l)** in the number of the chat's labels.
    pub fn contains(&self, label: impl Arg<LabelId>, chat: impl Arg<ChatId>) -> bool {
        label.parse_arg().is_ok_and(|label| chat.parse_arg().is_ok_and(|chat| self.state.contains(&label, &chat)))
    }

    /// Every label, in label order, provisional ones included.
    ///
    /// **O(n)**.
    pub fn labels(&self) -> Vec<Label> {
        self.state.labels.iter().cloned().collect()
    }

    /// The label of an id.
    ///
    /// **O(log n)**.
    pub fn label(&self, id: impl Arg<LabelId>) -> Option<Label> {
        self.state.labels.get(&id.parse_arg().ok()?).cloned()
    }

    /// The ids of the labels of a name, in label order; names are compared as [`LabelName`](crate::LabelName) says.
    ///
    /// **O(log n)** and the ids found.
    pub fn ids_named(&self, name: impl AsRef<str>) -> Vec<LabelId> {
        NameKey::sought(name.as_ref()).map(|key| self.state.ids_named(&key)).unwrap_or_default()
    }

    /// How many chats have a label.
    ///
    /// **O(log n)**.
    pub fn count(&self, label: impl Arg<LabelId>) -> u64 {
        label.parse_arg().map_or(0, |label| self.state.count(&label))
    }

    /// The labels that the chats of an answer carry, with the number of those chats, in label order.
    ///
    /// **O(d l)** in the distinct label sets and their length.
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`](crate::Error::LimitExceeded) for a filter above the limit.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Filter, LabelIndex};
    ///
    /// let index = LabelIndex::new();
    /// let vip = index.create_label("VIP")?;
    /// let late = index.create_label("Late")?;
    /// index.link_all(&vip, ["a", "b"])?;
    /// index.link(&late, "b")?;
    /// let beside_vip = index.count_by_label(&Filter::new().any_of_names(["VIP"]))?;
    /// assert_eq!(beside_vip.iter().map(|(_, chats)| *chats).collect::<Vec<_>>(), [2, 1]);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn count_by_label(&self, filter: &Filter) -> Result<Vec<(Label, u64)>> {
        self.state.count_by_label(filter, self.hold.limits())
    }

    /// How many chats have a label.
    ///
    /// **O(1)**.
    pub fn total_chats(&self) -> u64 {
        self.state.total_chats()
    }

    /// How many pairs there are.
    ///
    /// **O(1)**.
    pub fn total_rows(&self) -> u64 {
        self.state.total_rows
    }

    /// The chat that an id means: itself, or what it is an alias of. None for what is no chat id.
    ///
    /// **O(log n)** in the number of aliases.
    pub fn resolve(&self, chat: impl Arg<ChatId>) -> Option<ChatId> {
        let chat = chat.parse_arg().ok()?;
        Some(self.state.resolve(&chat).clone())
    }

    /// Every alias with the chat that it means, in order of the alias.
    ///
    /// **O(n log n)**.
    pub fn aliases(&self) -> Vec<(ChatId, ChatId)> {
        self.state.aliases()
    }

    /// Every labelled chat with its labels, in order of place.
    ///
    /// **O(1)** for each chat and label.
    pub fn iter(&self) -> Chats {
        Chats {
            state: Version::clone(&self.state),
            next: 0,
            left: usize::try_from(self.total_chats()).unwrap_or(usize::MAX),
        }
    }

    /// Checks every invariant of the index the slow way. Meant for tests and fuzzers of hosts.
    ///
    /// **O(n log n)** in everything there is.
    ///
    /// # Errors
    ///
    /// The first [`Violation`], which is a bug of this crate.
    pub fn check_invariants(&self) -> Result<(), Violation> {
        self.state.check_invariants()
    }
}

impl IntoIterator for &Snapshot {
    type Item = LabelledChat;
    type IntoIter = Chats;

    fn into_iter(self) -> Chats {
        self.iter()
    }
}

/// The labelled chats of a [`Snapshot`] in order of place.
#[derive(Clone)]
pub struct Chats {
    state: Version,
    next: Place,
    left: usize,
}

impl Iterator for Chats {
    type Item = LabelledChat;

    fn next(&mut self) -> Option<LabelledChat> {
        while self.left > 0 {
            let place = self.next;
            self.next = place.checked_add(1)?;
            if let Some(chat) = self.state.labelled_chat(place) {
                self.left -= 1;
                return Some(chat);
            }
        }
        None
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Chats {}

impl FusedIterator for Chats {}

impl std::fmt::Debug for Chats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Chats").field("left", &self.left).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot")
            .field("revision", &self.revision())
            .field("total_chats", &self.total_chats())
            .finish_non_exhaustive()
    }
}
