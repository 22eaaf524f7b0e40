//! Changes and commits: the values that an index applies, and that feeds and stores carry.

use std::sync::Arc;

use crate::model::chat_id::ChatId;
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::model::position::Position;
use crate::model::public_event::PublicEvent;

pub use crate::model::position::Revision;

/// The number that fixes a labelled chat's position in answers.
pub type Place = u32;

/// The highest revision: a free place stores the revision at which it became free in 60 bits.
pub(crate) const MAX_REVISION: Revision = (1 << 60) - 1;

/// One change of a commit.
///
/// The chats in a change are resolved: no alias occurs but as the `from` of a merge and in
/// [`AliasRemoved`](Self::AliasRemoved).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)
)]
#[non_exhaustive]
pub enum Change {
    /// A label was created, perhaps again, perhaps provisional.
    LabelCreated {
        /// The label as it is now.
        label: Label,
    },
    /// A label's attributes changed.
    LabelUpdated {
        /// The label as it is now.
        label: Label,
    },
    /// A label was removed with all the links that it still had, which are not listed one by one. Its id is remembered as
    /// deleted.
    ///
    /// Where [`Limits::removal_unlinks`](crate::Limits::removal_unlinks) says so, it had none any more: each is a
    /// [`ChatUnlinked`](Self::ChatUnlinked) before this in the same commit.
    LabelRemoved {
        /// The id. It may be one that was never seen, with no links, when a network reported its deletion.
        label: LabelId,
        /// The number of links that were removed with it, without a change of their own.
        links: u64,
    },
    /// A chat got a label.
    ChatLinked {
        /// The label.
        label: LabelId,
        /// The chat.
        chat: ChatId,
        /// The chat's place in answers, new or old.
        place: Place,
    },
    /// A chat lost a label.
    ChatUnlinked {
        /// The label.
        label: LabelId,
        /// The chat.
        chat: ChatId,
    },
    /// Two ids are one chat: `from` and its aliases mean `into` from now on.
    ChatsMerged {
        /// The id that is an alias from now on.
        from: ChatId,
        /// The chat that it means.
        into: ChatId,
        /// The labels that `from` had, in label order. Empty if `from` was an alias before, since an alias has no
        /// labels of its own.
        removed: Vec<LabelId>,
        /// Those of them that `into` did not have and got, in label order.
        added: Vec<LabelId>,
    },
    /// A refresh was committed; the changes before this one in the same commit are what it changed.
    Refreshed,
    /// An id is a chat of its own again.
    AliasRemoved {
        /// The id that was an alias.
        from: ChatId,
    },
}

impl Change {
    /// The events that hosts publish for this change: a `label.upsert`, `label.deleted`, `label.chat.added` or
    /// `label.chat.deleted`; for a merge one for each label that `from` had and one for each that `into` got; none for
    /// [`Refreshed`](Self::Refreshed), since the changes before it have their own, and none for an alias.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Delivery, LabelIndex};
    ///
    /// let index = LabelIndex::new();
    /// let (vip, late) = (index.create_label("VIP")?, index.create_label("Late")?);
    /// index.set_labels("98765@lid", [&vip, &late])?;
    /// index.link(&vip, "5511999990001@c.us")?;
    /// let mut feed = index.subscribe();
    /// index.merge_chats("98765@lid", "5511999990001@c.us")?;
    ///
    /// let Some(Delivery::Commit(commit)) = feed.try_recv() else { panic!() };
    /// let events: Vec<String> = commit.events().map(|event| format!("{event}")).collect();
    /// assert_eq!(events, [
    ///     "label.chat.deleted 1 98765@lid",
    ///     "label.chat.deleted 2 98765@lid",
    ///     "label.chat.added 2 5511999990001@c.us",
    /// ]);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn events(&self) -> impl Iterator<Item = PublicEvent> + '_ {
        let one = match self {
            Self::LabelCreated { label } | Self::LabelUpdated { label } => {
                Some(PublicEvent::LabelUpsert { label: label.clone() })
            }
            Self::LabelRemoved { label, links } => {
                Some(PublicEvent::LabelDeleted { label: label.clone(), links: *links })
            }
            Self::ChatLinked { label, chat, .. } => Some(PublicEvent::added(label, chat)),
            Self::ChatUnlinked { label, chat } => Some(PublicEvent::deleted(label, chat)),
            Self::ChatsMerged { .. } | Self::Refreshed | Self::AliasRemoved { .. } => None,
        };
        let merged = match self {
            Self::ChatsMerged { from, into, removed, added } => Some((from, into, removed, added)),
            _ => None,
        };
        let moved = merged.into_iter().flat_map(|(from, into, removed, added)| {
            let removed = removed.iter().map(move |label| PublicEvent::deleted(label, from));
            removed.chain(added.iter().map(move |label| PublicEvent::added(label, into)))
        });
        one.into_iter().chain(moved)
    }
}

/// All changes of one operation or one batch.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(deny_unknown_fields))]
#[non_exhaustive]
pub struct Commit {
    /// The revision that it made.
    pub revision: Revision,
    /// The revision as a text to store: a subscriber that resumes here gets the commits after this one.
    pub position: Position,
    /// What it changed, in order; never empty.
    pub changes: Arc<[Change]>,
}

impl Commit {
    /// A commit of the index with this identity.
    pub(crate) fn new(identity: u64, revision: Revision, changes: impl Into<Arc<[Change]>>) -> Self {
        Self { revision, position: Position { identity, revision }, changes: changes.into() }
    }

    /// The bytes of `commits` commits that have `changes` changes together, without the texts in them.
    pub(crate) fn bytes_of(commits: usize, changes: usize) -> usize {
        commits * (size_of::<Self>() + 2 * size_of::<usize>()) + changes * size_of::<Change>()
    }

    /// The events that hosts publish for this commit, in order; see [`Change::events`]. There may be none.
    ///
    /// They are the same whenever the commit is delivered, so the [`position`](Self::position) with an event's number in
    /// its commit identifies the event, for instance for a receiver that drops what it has already.
    pub fn events(&self) -> impl Iterator<Item = PublicEvent> + '_ {
        self.changes.iter().flat_map(Change::events)
    }

    /// The same as [`events`](Self::events) for a task or a stream that outlives the commit. The events are made one by one
    /// as they are taken: a commit may have a hundred thousand.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Delivery, LabelIndex};
    ///
    /// let index = LabelIndex::new();
    /// let mut feed = index.subscribe();
    /// index.ensure_label("VIP")?;
    /// let Some(Delivery::Commit(commit)) = feed.try_recv() else { panic!() };
    ///
    /// let position = commit.position;
    /// let numbered = commit.into_events().zip(0_u64..);
    /// let ids: Vec<String> = numbered.map(|(event, number)| format!("{position}-{number} {event}")).collect();
    /// assert_eq!(ids, [format!("{position}-0 label.upsert 1")]);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn into_events(self) -> impl Iterator<Item = PublicEvent> + Send {
        let changes = self.changes;
        (0..changes.len())
            .flat_map(move |number| changes.get(number).into_iter().flat_map(Change::events).collect::<Vec<_>>())
    }
}
