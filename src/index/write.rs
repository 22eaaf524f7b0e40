//! Changing an index, one operation at a time.

use crate::index::label_index::LabelIndex;
use crate::index::requests;
use crate::model::arg::Arg;
use crate::model::chat_id::ChatId;
#[cfg(doc)]
use crate::model::error::Error;
use crate::model::error::Result;
use crate::model::label::{LabelPatch, NewLabel};
use crate::model::label_id::LabelId;
use crate::model::op::{
    ChangedChats, Committed, Ensured, Event, Merged, RemovedLabel, SetDifference, Updated, Upserted,
};

/// # Changing
///
/// Each of these is one commit: it is done whole, or refused and nothing is changed. What changes nothing is no
/// commit: the revision stays. When a method returns, every later read shows what it did. Mentioned chats are resolved
/// through aliases first.
///
/// In a store these wait for the disk. In async code use their siblings below, which block nothing.
///
/// A single operation on one chat costs **O(l)** in the number of that chat's labels, whatever the number of chats.
impl LabelIndex {
    /// Creates a label, names a provisional one, or sets the attributes that the patch has; others are left alone.
    ///
    /// A label that was removed comes back, without its former links and attributes.
    ///
    /// # Errors
    ///
    /// [`Error::NameRequired`] if the label is not known and the patch has no name; [`Error::LimitExceeded`] if there
    /// are too many labels; the errors of the arguments.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{LabelIndex, LabelPatch, Upserted};
    ///
    /// let index = LabelIndex::new();
    /// assert_eq!(index.upsert_label("1", "VIP")?.outcome, Upserted::Created);
    /// assert_eq!(index.upsert_label("1", LabelPatch::new().color(3))?.outcome, Upserted::Updated);
    /// assert!(!index.upsert_label("1", "VIP")?.changed());
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn upsert_label(&self, id: impl Arg<LabelId>, patch: impl Arg<LabelPatch>) -> Result<Committed<Upserted>> {
        self.perform(requests::upsert_label(id, patch)?)
    }

    /// Sets the attributes that the patch has on a label that is there, provisional or not; others are left alone.
    ///
    /// This is what an edit by a person means. Unlike [`upsert_label`](Self::upsert_label) it never makes a label: one that
    /// somebody else removed in the meantime stays removed.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLabel`] if the label was never defined or was removed; the errors of the arguments. Nothing has
    /// changed then.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, LabelIndex, LabelPatch, Updated};
    ///
    /// let index = LabelIndex::new();
    /// index.upsert_label("1", "VIP")?;
    /// assert_eq!(index.update_label("1", LabelPatch::new().color(3))?.outcome, Updated::Updated);
    /// assert!(!index.update_label("1", "VIP")?.changed());
    /// index.remove_label("1")?;
    /// assert!(matches!(index.update_label("1", "VIP"), Err(Error::UnknownLabel { .. })));
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn update_label(&self, id: impl Arg<LabelId>, patch: impl Arg<LabelPatch>) -> Result<Committed<Updated>> {
        self.perform(requests::update_label(id, patch)?)
    }

    /// Creates a label under a new id: one more than the highest decimal id ever seen here, live, provisional or
    /// deleted. The name may be one that another label has.
    ///
    /// # Errors
    ///
    /// [`Error::LabelIdsExhausted`] at the end of the numbers; [`Error::LimitExceeded`] if there are too many labels;
    /// [`Error::InvalidLabelName`].
    pub fn create_label(&self, label: impl Arg<NewLabel>) -> Result<Committed<LabelId>> {
        self.perform(requests::create_label(label)?)
    }

    /// Finds the label of a name, of several the one with the lowest id, or else creates it, in one step.
    ///
    /// A label that is there keeps its attributes.
    ///
    /// # Errors
    ///
    /// Those of [`create_label`](Self::create_label).
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::LabelIndex;
    ///
    /// let index = LabelIndex::new();
    /// let created = index.ensure_label("Atenção")?;
    /// assert_eq!(index.ensure_label("ATENÇÃO")?.id(), created.id());
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn ensure_label(&self, label: impl Arg<NewLabel>) -> Result<Committed<Ensured>> {
        self.perform(requests::ensure_label(label)?)
    }

    /// Removes a label and all its links in one step. Its id is remembered as deleted, for good.
    ///
    /// **O(c)** in the number of chats that have it. Readers do not wait for that. Nor do writers where there are many such
    /// chats: the removal is prepared while they write. Only the pass over the chats that it leaves without a label makes writers
    /// wait, some 20 ns for each. What others wrote meanwhile comes before it: chats that were given the
    /// label lose it too. If others merge chats or remove labels twice meanwhile, they wait for the whole of it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLabel`]; [`Error::InvalidLabelId`].
    pub fn remove_label(&self, id: impl Arg<LabelId>) -> Result<Committed<RemovedLabel>> {
        self.perform(requests::remove_label(id)?)
    }

    /// Gives a chat a label; true if it did not have it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLabel`] if the label was never defined or was removed; the errors of the arguments.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, LabelIndex};
    ///
    /// let index = LabelIndex::new();
    /// let vip = index.create_label("VIP")?;
    /// assert!(index.link(&vip, "5511999990001@c.us")?);
    /// assert!(!index.link(&vip, "5511999990001@c.us")?);
    /// assert!(matches!(index.link("77", "5511999990001@c.us"), Err(Error::UnknownLabel { .. })));
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn link(&self, label: impl Arg<LabelId>, chat: impl Arg<ChatId>) -> Result<bool> {
        self.perform(requests::link(label, chat)?)
    }

    /// Takes a label from a chat; true if it had it.
    ///
    /// # Errors
    ///
    /// Those of [`link`](Self::link).
    pub fn unlink(&self, label: impl Arg<LabelId>, chat: impl Arg<ChatId>) -> Result<bool> {
        self.perform(requests::unlink(label, chat)?)
    }

    /// Gives many chats a label in one commit; says which did not have it.
    ///
    /// **O(n)** in the number of chats given.
    ///
    /// # Errors
    ///
    /// Those of [`link`](Self::link), and [`Error::LimitExceeded`] for more chats than a batch may have operations. A
    /// chat id that is refused stops the call before anything is done.
    pub fn link_all<C: Arg<ChatId>>(
        &self,
        label: impl Arg<LabelId>,
        chats: impl IntoIterator<Item = C>,
    ) -> Result<Committed<ChangedChats>> {
        self.perform(requests::link_all(label, chats)?)
    }

    /// Takes a label from many chats in one commit; says which had it.
    ///
    /// **O(n)** in the number of chats given.
    ///
    /// # Errors
    ///
    /// Those of [`link_all`](Self::link_all).
    pub fn unlink_all<C: Arg<ChatId>>(
        &self,
        label: impl Arg<LabelId>,
        chats: impl IntoIterator<Item = C>,
    ) -> Result<Committed<ChangedChats>> {
        self.perform(requests::unlink_all(label, chats)?)
    }

    /// Makes a chat's labels exactly these; says which it got and which it lost. Repeated ids count once.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownLabel`] if any id is not known, before anything is removed; the errors of the arguments.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::LabelIndex;
    ///
    /// let index = LabelIndex::new();
    /// let (new, won) = (index.create_label("New")?, index.create_label("Won")?);
    /// index.link(&new, "ana@c.us")?;
    /// let moved = index.set_labels("ana@c.us", [&won])?;
    /// assert_eq!((&moved.added[..], &moved.removed[..]), (&[won.outcome][..], &[new.outcome][..]));
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn set_labels<L: Arg<LabelId>>(
        &self,
        chat: impl Arg<ChatId>,
        labels: impl IntoIterator<Item = L>,
    ) -> Result<Committed<SetDifference>> {
        self.perform(requests::set_labels(chat, labels)?)
    }

    /// Notes that two ids are one chat: from now on `from` is an alias of `into`.
    ///
    /// If `from` was a chat of its own, its labels are united with those of `into`, it disappears from answers, and
    /// every alias of it means `into`. If it was an alias of another chat, only the alias changes: labels that it
    /// brought earlier stay where they are. If both are the same chat already, nothing changes.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidChatId`].
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::LabelIndex;
    ///
    /// let index = LabelIndex::new();
    /// let vip = index.create_label("VIP")?;
    /// index.link(&vip, "98765@lid")?;
    /// assert!(index.merge_chats("98765@lid", "5511999990001@c.us")?.changed());
    /// assert!(index.contains(&vip, "5511999990001@c.us"));
    /// assert_eq!(index.total_chats(), 1);
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn merge_chats(&self, from: impl Arg<ChatId>, into: impl Arg<ChatId>) -> Result<Committed<Merged>> {
        self.perform(requests::merge_chats(from, into)?)
    }

    /// Forgets one alias; true if there was one. Moves no label.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidChatId`].
    pub fn unalias(&self, from: impl Arg<ChatId>) -> Result<bool> {
        self.perform(requests::unalias(from)?)
    }

    /// Takes in what the network reports; true if it changed anything. It refuses nothing that a network may say, and
    /// the order of calls is the order of truth:
    ///
    /// | event | label is live or provisional | label was deleted | never seen |
    /// | --- | --- | --- | --- |
    /// | label edited | patches it | comes back without links | creates it, provisional without a name |
    /// | label deleted | removes it and its links | unchanged | remembered as deleted |
    /// | chat labelled | links | unchanged | provisional label and link |
    /// | chat unlabelled | unlinks | unchanged | unchanged |
    ///
    /// # Errors
    ///
    /// [`Error::LimitExceeded`] only, when there would be too many labels.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Event, LabelIndex};
    ///
    /// let index = LabelIndex::new();
    /// index.ingest(Event::ChatLabelled { label: "9".parse()?, chat: "ana@c.us".parse()? })?;
    /// assert!(index.label("9").unwrap().is_provisional());
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn ingest(&self, event: Event) -> Result<bool> {
        self.perform(requests::ingest(event))
    }
}
