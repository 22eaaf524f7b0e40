//! Replacing the index's state by the network's, in one step and without losing a write.

mod stated_labels;
mod links_by_chat;
mod label_change;
mod diff;
mod reconcile;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use crate::index::journal::Journal;
use crate::index::label_index::LabelIndex;
use crate::index::requests::Request;
use crate::index::turn::{Attempt, Writer};
use crate::model::change::Change;
use crate::model::error::{Error, Result};
use crate::model::full_state::FullState;
use crate::model::op::{Committed, RefreshState, Refreshed};
use crate::refresh::diff::Diff;
use crate::refresh::links_by_chat::LinksByChat;
use crate::refresh::reconcile::Reconciler;
use crate::refresh::stated_labels::StatedLabels;
use crate::state::Version;

/// The right to refresh an index once. Only one is open at a time; dropping it gives it back and changes nothing.
///
/// What is written while it is open wins over the state that is committed with it.
#[derive(Debug)]
#[must_use = "dropping it gives the refresh up"]
pub struct RefreshTicket {
    index: LabelIndex,
    number: u64,
}

/// A refresh that was refused, with everything that is needed to try again.
///
/// Converts to the [`Error`] alone, so that `?` works where the state is not wanted back.
#[non_exhaustive]
pub struct RefusedRefresh {
    /// Why: [`Error::EmptyRefresh`], [`Error::TicketCancelled`] or [`Error::LimitExceeded`]; in a store also
    /// [`Error::StoreFailed`], [`Error::StoreClosed`] and [`Error::UnknownInstance`].
    pub cause: Error,
    /// The state that was not committed.
    pub state: FullState,
    /// The ticket; still open unless it was cancelled.
    pub ticket: RefreshTicket,
}

impl LabelIndex {
    /// Begins a refresh: gives the one ticket, with which the network's full state is committed.
    ///
    /// Fetch the state after this call, with whatever runtime. Meanwhile everything goes on, and every write is noted,
    /// which costs memory for each key written, by each id of a chat, until the ticket is committed or dropped. In a store whose readers see
    /// what is durable, this waits for the writes that are on their way, so that all are seen which are not noted.
    ///
    /// # Errors
    ///
    /// [`Error::RefreshInProgress`] while another ticket is open. In a store also why the index takes no write any more,
    /// such as [`Error::StoreFailed`], at once, so that nothing is fetched for nothing. No ticket is open then.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{FullState, LabelIndex, RefreshState};
    ///
    /// let index = LabelIndex::new();
    /// index.upsert_label("1", "VIP")?;
    /// assert_eq!(index.refresh_state(), RefreshState::Never);
    ///
    /// let ticket = index.begin_refresh()?;
    /// assert!(index.begin_refresh().is_err(), "one at a time");
    /// index.link("1", "ana@c.us")?;
    /// let mut fetched = FullState::new();
    /// fetched.label("1", "VIP")?;
    /// fetched.link("1", "bob@c.us")?;
    /// let done = ticket.commit(fetched)?;
    /// assert_eq!((done.linked, done.unlinked), (1, 0));
    /// assert!(index.contains("1", "ana@c.us"), "linked while the ticket was open");
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn begin_refresh(&self) -> Result<RefreshTicket> {
        self.journal().map_or(Ok(()), Journal::require_open)?;
        let mut writer = self.writer();
        let number = writer.open_ticket()?;
        let before = self.newest().read(|newest| newest.revision);
        drop(writer);
        let ticket = RefreshTicket { index: self.clone(), number };
        if self.remote_journal().is_some() {
            // What was planned before the ticket was there is seen then; what is planned again is noted.
            self.catch_up()?;
        } else if let Some(journal) = self.synced_journal() {
            journal.wait_for(before)?;
        }
        Ok(ticket)
    }

    /// Voids the open ticket, for a fetch that hangs; true if there was one. Another can be opened at once.
    pub fn cancel_refresh(&self) -> bool {
        self.writer().close_ticket(None)
    }

    fn execute_refresh(&self, number: u64, full: &FullState, refuse_empty: bool) -> Result<Committed<Refreshed>> {
        self.admit()?;
        let draft = self.draft_refresh(number, full);
        self.await_durable(draft.and_then(|draft| self.commit_draft(draft, refuse_empty)))
    }

    /// Computes what a commit of this ticket would change now. Writers go on.
    fn draft_refresh<'a>(&self, number: u64, full: &'a FullState) -> Result<Draft<'a>> {
        self.writer().touched(number)?;
        let (base, stated) = (self.newest_version(), StatedLabels::new(full));
        let diff = Diff::new(&base, full, &stated);
        Ok(Draft { number, base, full, stated, diff })
    }

    fn commit_draft(&self, draft: Draft<'_>, refuse_empty: bool) -> Result<Committed<Refreshed>> {
        let mut writer = self.writer();
        let mut links = None;
        if !self.newest_version().aliases.is_same(&draft.base.aliases) {
            drop(writer);
            links = Some(LinksByChat::new(draft.full));
            writer = self.writer();
        }
        self.commit_in_turn(writer, draft, links.as_ref(), refuse_empty)
    }

    /// Commits a draft, with the links by chat unless the aliases are still those of the draft. Looks at what differs
    /// and at keys that were written since the ticket was given out, and at nothing else.
    fn commit_in_turn(
        &self,
        mut writer: Writer<'_>,
        draft: Draft<'_>,
        links: Option<&LinksByChat<'_>>,
        refuse_empty: bool,
    ) -> Result<Committed<Refreshed>> {
        let Draft { number, stated, mut diff, .. } = draft;
        let touched = writer.touched(number)?;
        let state = self.newest_version();
        if let Some(links) = links {
            diff.renew(&state, &stated, links, touched.meant_anew());
        }
        let reconciler = Reconciler { state: &state, stated: &stated, touched };
        if refuse_empty {
            reconciler.refuse_empty()?;
        }
        let (mut changes, mut outcome) = reconciler.changes(diff, self.rules())?;
        outcome.changed = !changes.is_empty() || state.refresh_state == RefreshState::Never;
        // One that may have to be attempted again is closed when it is dropped.
        if self.remote_journal().is_none() {
            writer.close_ticket(Some(number));
        }
        if !outcome.changed {
            return Ok(Committed { outcome, revision: state.revision });
        }
        changes.push(Change::Refreshed);
        let revision = self.commit_beside(writer, state, changes.into())?;
        Ok(Committed { outcome, revision })
    }
}

/// What the commit of a ticket would change in one version.
#[derive(Debug)]
struct Draft<'a> {
    /// Of the ticket.
    number: u64,
    base: Version,
    full: &'a FullState,
    stated: StatedLabels<'a>,
    diff: Diff,
}

impl RefreshTicket {
    /// Makes the index what the full state says, in one commit, but for what was written since the ticket was given out.
    ///
    /// - A label without a record and without a link goes, with its links, unless it was created or edited meanwhile. A
    ///   label that was removed meanwhile stays removed, and every attribute and pair that was written meanwhile stays,
    ///   also when that write changed nothing. A pair stays under every id that meant the chat when it was written.
    /// - A link whose label has no record makes a provisional label, unless the label was deleted, here or there.
    /// - A live record of a label that was deleted here brings it back with the links of the state.
    /// - Chats keep their places; aliases, deleted ids and the highest id stay.
    ///
    /// The changes are those that make the difference, then [`Change::Refreshed`]. The first refresh of an index is
    /// always a commit; a later one that finds no difference is none.
    ///
    /// **O(n log n)** in the records, and in the pairs of the labels that the state has. Readers do not wait. Writers
    /// only wait while what they wrote meanwhile is reconciled and the difference applied, whatever the number of chats.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyRefresh`] for a state without a live label over an index that has one, or without a link over an
    /// index that has one: a provisional label counts on both sides, also the one that a link of the state makes, and a
    /// link that would be dropped does not count. [`Error::TicketCancelled`]; [`Error::LimitExceeded`] for too many
    /// labels or chats; in a store why no write is taken any more, such as [`Error::StoreFailed`]. The state comes back
    /// with the error, and nothing has changed.
    pub fn commit(self, state: FullState) -> Result<Committed<Refreshed>, RefusedRefresh> {
        self.commit_checked(state, true)
    }

    /// As [`commit`](Self::commit), also when the state is empty and the index is not: the caller means it.
    ///
    /// # Errors
    ///
    /// Those of [`commit`](Self::commit) but [`Error::EmptyRefresh`].
    pub fn commit_even_if_empty(self, state: FullState) -> Result<Committed<Refreshed>, RefusedRefresh> {
        self.commit_checked(state, false)
    }

    fn commit_checked(self, full: FullState, refuse_empty: bool) -> Result<Committed<Refreshed>, RefusedRefresh> {
        if self.index.remote_journal().is_some() {
            return self.commit_remote(Arc::new(full), refuse_empty);
        }
        match self.index.execute_refresh(self.number, &full, refuse_empty) {
            Ok(committed) => Ok(committed),
            Err(cause) => Err(RefusedRefresh { cause, state: full, ticket: self }),
        }
    }
}

impl RefreshTicket {
    /// Lets the committer attempt it, as often as another process commits first.
    fn commit_remote(self, full: Arc<FullState>, refuse_empty: bool) -> Result<Committed<Refreshed>, RefusedRefresh> {
        let attempt = {
            let (index, number, full) = (self.index.clone(), self.number, Arc::clone(&full));
            move || index.draft_refresh(number, &full).and_then(|draft| index.commit_draft(draft, refuse_empty))
        };
        match self.index.perform(Request::refresh(Attempt(Arc::new(attempt)))) {
            Ok(committed) => Ok(committed),
            Err(cause) => {
                let state = Arc::try_unwrap(full).unwrap_or_else(|full| FullState::clone(&full));
                Err(RefusedRefresh { cause, state, ticket: self })
            }
        }
    }
}

impl Drop for RefreshTicket {
    fn drop(&mut self) {
        self.index.writer().close_ticket(Some(self.number));
    }
}

impl fmt::Debug for RefusedRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefusedRefresh").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl fmt::Display for RefusedRefresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cause, state, .. } = self;
        let (labels, links) = (state.labels.len(), state.links.len());
        write!(f, "a refresh by records of {labels} labels and {links} links was refused: {cause}")
    }
}

impl std::error::Error for RefusedRefresh {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // `Display` has the text of the cause already.
        self.cause.source()
    }
}

impl From<RefusedRefresh> for Error {
    fn from(refused: RefusedRefresh) -> Self {
        refused.cause
    }
}
