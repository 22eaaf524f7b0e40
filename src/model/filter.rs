//! The query: a filter, and the page to list.

use crate::model::arg::Arg;
use crate::model::cursor::Cursor;
use crate::model::error::Result;

/// Which chats are asked for: up to three clauses, each a list of labels by id or by name.
///
/// A chat is in the answer when it carries a label and passes every clause that was given:
///
/// | clause | a chat passes when | an unknown entry | given, but empty |
/// | --- | --- | --- | --- |
/// | any-of | it carries a label of some entry | matches no chat | no chat passes |
/// | all-of | it carries a label of each entry | no chat passes | no chat passes |
/// | none-of | it carries no label of any entry | excludes nothing | excludes nothing |
///
/// No clause ever turns into "no filter". An entry that is a name stands for every label of that name. Entries are raw
/// text: what cannot be an id or a name is simply unknown. The order of entries and repetition do not matter.
///
/// With the feature `serde` a filter is an object of the clauses that were given, each a list:
/// `{"any_of": [{"name": "VIP"}, {"id": "7"}]}`. An entry that is a text or a number is an id, so `{"none_of": ["1", 2]}`
/// is taken too. A clause that is `null` or unknown is refused, and not ignored.
///
/// # Examples
///
/// ```
/// use label_index::{Filter, LabelIndex, Page};
///
/// let index = LabelIndex::new();
/// index.upsert_label("1", "VIP")?;
/// index.upsert_label("2", "Support")?;
/// index.link("1", "ana@c.us")?;
/// index.link("2", "bob@c.us")?;
/// let answer = index.query(&Filter::new().any_of_names(["vip", "SUPPORT"]).none_of_ids(["1"]), Page::first(10))?;
/// assert_eq!(answer.total_chats, 1);
/// let nobody = index.query(&Filter::new().any_of_names(["Suport"]), Page::first(10))?;
/// assert_eq!((nobody.total_chats, nobody.unresolved.names), (0, vec!["Suport".to_string()]));
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Filter {
    /// The any-of clause; `None` when it was not given.
    pub any_of: Option<Vec<Entry>>,
    /// The all-of clause; `None` when it was not given.
    pub all_of: Option<Vec<Entry>>,
    /// The none-of clause; `None` when it was not given.
    pub none_of: Option<Vec<Entry>>,
}

/// An entry of a filter: one label by id, or all labels with a name, as raw text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Entry {
    /// A label by id.
    Id(String),
    /// All labels of a name.
    Name(String),
}

impl Entry {
    /// The label of this id, which may be a text, a number or a [`LabelId`](crate::LabelId).
    #[expect(clippy::needless_pass_by_value, reason = "called with numbers and texts alike")]
    pub fn id(id: impl ToString) -> Self {
        Self::Id(id.to_string())
    }

    /// The text as it was given.
    pub fn text(&self) -> &str {
        let (Self::Id(text) | Self::Name(text)) = self;
        text
    }

    /// The labels of this name.
    pub fn name(name: impl Into<String>) -> Self {
        Self::Name(name.into())
    }
}

/// Writes the three methods of one clause.
macro_rules! clause {
    ($clause:ident, $by_ids:ident, $by_names:ident, $text:literal) => {
        #[doc = concat!("Adds entries to the ", $text, " clause; the clause is given from now on, even with no entry.")]
        #[must_use]
        pub fn $clause(mut self, entries: impl IntoIterator<Item = Entry>) -> Self {
            self.$clause.get_or_insert_default().extend(entries);
            self
        }

        #[doc = concat!("Adds labels by id to the ", $text, " clause.")]
        #[must_use]
        pub fn $by_ids<I: ToString>(self, ids: impl IntoIterator<Item = I>) -> Self {
            self.$clause(ids.into_iter().map(Entry::id))
        }

        #[doc = concat!("Adds labels by name to the ", $text, " clause.")]
        #[must_use]
        pub fn $by_names<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
            self.$clause(names.into_iter().map(Entry::name))
        }
    };
}

impl Filter {
    /// No clause: every chat that carries a label.
    pub fn new() -> Self {
        Self::default()
    }

    clause!(any_of, any_of_ids, any_of_names, "any-of");
    clause!(all_of, all_of_ids, all_of_names, "all-of");
    clause!(none_of, none_of_ids, none_of_names, "none-of");

    /// How many entries all clauses have together.
    pub fn len(&self) -> usize {
        [&self.any_of, &self.all_of, &self.none_of].into_iter().flatten().map(Vec::len).sum()
    }

    /// Whether no clause was given.
    pub fn is_empty(&self) -> bool {
        self.any_of.is_none() && self.all_of.is_none() && self.none_of.is_none()
    }

    /// Splits a comma-separated value of a query string; white space around an item does not belong to it.
    ///
    /// The empty text is the empty list. An empty item among others is kept, and is an unknown entry: dropping it
    /// could widen an all-of clause. Names that contain a comma cannot be written so; take repeated parameters for
    /// them.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::Filter;
    ///
    /// assert_eq!(Filter::split("VIP, Support").collect::<Vec<_>>(), ["VIP", "Support"]);
    /// assert_eq!(Filter::split("").count(), 0);
    /// assert_eq!(Filter::split("1,,2").collect::<Vec<_>>(), ["1", "", "2"]);
    /// ```
    pub fn split(value: &str) -> impl Iterator<Item = &str> {
        value.split(',').map(str::trim).take(if value.is_empty() { 0 } else { usize::MAX })
    }
}

/// Which part of the answer's chats is listed: how many, and after which cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Page {
    pub(crate) limit: usize,
    pub(crate) after: Option<Cursor>,
}

impl Page {
    /// The first `limit` chats. With a limit of 0 the answer has the totals only.
    pub fn first(limit: usize) -> Self {
        Self { limit, after: None }
    }

    /// The `limit` chats after a cursor.
    ///
    /// # Errors
    ///
    /// [`Error::BadCursor`](crate::Error::BadCursor) when the text is no cursor.
    pub fn after(limit: usize, cursor: impl Arg<Cursor>) -> Result<Self> {
        Ok(Self { limit, after: Some(cursor.parse_arg()?) })
    }

    /// The most chats to list.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The cursor after which the page begins.
    pub fn cursor(&self) -> Option<Cursor> {
        self.after
    }
}
