//! Refresh: replaces the state of an index by the network's in one commit, without losing a write.

mod stated_labels;
mod links_by_chat;
mod label_change;
mod diff;
mod reconcile;
mod revise;
#[cfg(test)]
mod tests;

use std::error;
use std::fmt;
use std::sync::Arc;

use hashbrown::HashSet;

use crate::index::beside::ATTEMPTS;
use crate::index::joined_refresh::{Ending, JoinedRefresh};
use crate::index::journal::{Awaited, Journal};
use crate::index::label_index::LabelIndex;
use crate::index::recent::Watch;
use crate::index::requests::Request;
use crate::index::trace::{self, Event, Span};
use crate::index::write_set::WriteSet;
use crate::index::writer_lock::{Attempt, Writer};
use crate::model::change::Change;
use crate::model::chat_id::ChatId;
use crate::model::error::{Error, Result};
use crate::model::failed_refresh::FailedRefresh;
use crate::model::full_state::FullState;
use crate::model::op::{Committed, RefreshState, Refreshed};
use crate::refresh::diff::Diff;
use crate::refresh::links_by_chat::LinksByChat;
use crate::refresh::reconcile::Reconciler;
use crate::refresh::revise::Former;
use crate::refresh::stated_labels::StatedLabels;
use crate::state::prepared::{Prepared, Sections, chats_of};
use crate::state::{State, Version};

/// The right to refresh an index once. Only one is open at a time; dropping it gives the right back and changes
/// nothing.
///
/// A write while the ticket is open wins over the state that is committed with it. Others may have
/// [joined](LabelIndex::begin_or_join_refresh) the refresh: they are told how it ends, also when the ticket is dropped.
#[derive(Debug)]
#[must_use = "dropping it gives the refresh up"]
pub struct RefreshTicket {
    index: LabelIndex,
    /// The end of the refresh, which comes when this is dropped. It has the number of the ticket.
    ending: Arc<Ending>,
}

/// A refresh of the caller's own, or one that it has joined; see [`LabelIndex::begin_or_join_refresh`].
#[derive(Debug)]
#[must_use = "dropping a ticket gives the refresh up"]
pub enum Refreshing {
    /// No refresh was in progress: this is the ticket of a new one.
    Begun(RefreshTicket),
    /// A refresh is in progress, and this waits for its outcome.
    Joined(JoinedRefresh),
}

/// A refresh that was refused, with the state and the ticket, to try again.
///
/// Converts to the [`Error`] alone, so that `?` works where the state is not needed any more.
#[non_exhaustive]
pub struct RefusedRefresh {
    /// The reason: [`Error::EmptyRefresh`], [`Error::TicketCancelled`] or [`Error::LimitExceeded`]; in a store also
    /// [`Error::StoreFailed`], [`Error::StoreClosed`] and [`Error::UnknownInstance`].
    pub cause: Error,
    /// The state that was not committed.
    pub state: FullState,
    /// The ticket; still open unless it was cancelled.
    pub ticket: RefreshTicket,
}

impl LabelIndex {
    /// Begins a refresh. Returns the ticket with which the network's full state is committed.
    ///
    /// Fetch the state after this call, with any runtime. Reads and writes go on meanwhile. Every write is noted until
    /// the ticket is committed or dropped, which takes memory for each key written, under each id of a chat. In a store
    /// whose readers see durable commits only, this call waits until the queued writes are durable, so that every write
    /// is either visible or noted.
    ///
    /// # Errors
    ///
    /// [`Error::RefreshInProgress`] while another ticket is open. In a store also the reason why the index takes no
    /// writes, such as [`Error::StoreFailed`], before a state is fetched in vain. No ticket is open then.
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
        trace::within(Span::BeginRefresh { instance: self.instance_name() }, || match self.begin_or_join()? {
            Refreshing::Begun(ticket) => Ok(ticket),
            Refreshing::Joined(_) => Err(Error::RefreshInProgress),
        })
    }

    /// Begins a refresh, or joins the one in progress. So when many callers want a refresh at the same time, one of
    /// them asks the network, and all get its outcome.
    ///
    /// The state of a joined refresh may have been fetched before this call, by up to the time that the refresh has
    /// taken so far. Waits for what [`begin_refresh`](Self::begin_refresh) waits for; a caller that joins waits for the
    /// writer lock alone.
    ///
    /// # Errors
    ///
    /// Those of [`begin_refresh`](Self::begin_refresh), except [`Error::RefreshInProgress`].
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{FailedRefresh, FullState, LabelIndex, Refreshing};
    ///
    /// /// Called by any number of threads at the same time.
    /// fn refreshed(index: &LabelIndex, fetch: impl Fn() -> std::io::Result<FullState>) -> label_index::Result<()> {
    ///     match index.begin_or_join_refresh()? {
    ///         Refreshing::Joined(other) => other.wait().map(drop)?,
    ///         Refreshing::Begun(ticket) => match fetch() {
    ///             Ok(state) => ticket.commit(state).map(drop)?,
    ///             // Those who joined have the reason.
    ///             Err(why) => ticket.fail(why),
    ///         },
    ///     }
    ///     Ok(())
    /// }
    ///
    /// let index = LabelIndex::new();
    /// refreshed(&index, || Ok(FullState::new()))?;
    ///
    /// let Refreshing::Begun(ticket) = index.begin_or_join_refresh()? else { unreachable!("none goes on") };
    /// let Refreshing::Joined(other) = index.begin_or_join_refresh()? else { unreachable!("one goes on") };
    /// assert!(!other.is_ended());
    /// drop(ticket);
    /// assert!(matches!(other.wait(), Err(FailedRefresh::GivenUp)));
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn begin_or_join_refresh(&self) -> Result<Refreshing> {
        trace::within(Span::BeginRefresh { instance: self.instance_name() }, || self.begin_or_join())
    }

    fn begin_or_join(&self) -> Result<Refreshing> {
        self.journal().map_or(Ok(()), Journal::require_open)?;
        let mut writer = self.writer();
        if let Some(ending) = writer.going_on() {
            return Ok(Refreshing::Joined(JoinedRefresh::new(ending)));
        }
        let ending = writer.open_ticket(self.feed().waker_caller())?;
        let revision = self.newest().read(|newest| newest.revision);
        let before = Awaited { revision, life: self.life() };
        drop(writer);
        let ticket = RefreshTicket { index: self.clone(), ending };
        match self.await_writes(before) {
            Ok(()) => Ok(Refreshing::Begun(ticket)),
            Err(cause) => {
                ticket.ending.note(Err(FailedRefresh::Refused(cause.clone())));
                Err(cause)
            }
        }
    }

    /// Waits until every write before a ticket is visible, or noted.
    fn await_writes(&self, before: Awaited) -> Result<()> {
        if self.remote_journal().is_some() {
            // Afterwards every write that was planned before the ticket is visible. A write that is planned again is
            // noted.
            self.catch_up()
        } else {
            self.synced_journal().map_or(Ok(()), |journal| journal.wait_for(before))
        }
    }

    /// Cancels the open ticket, for instance when a fetch hangs, and tells those who joined. Returns whether there was one. A
    /// new ticket can be opened at once.
    pub fn cancel_refresh(&self) -> bool {
        self.writer().cancel_ticket()
    }

    fn execute_refresh(&self, number: u64, full: &FullState, refuse_empty: bool) -> Result<Committed<Refreshed>> {
        self.admit()?;
        let life = self.life();
        self.await_durable(self.attempt_refresh(number, full, refuse_empty), life)
    }

    fn attempt_refresh(&self, number: u64, full: &FullState, refuse_empty: bool) -> Result<Committed<Refreshed>> {
        for _ in 0..ATTEMPTS {
            let draft = self.prepare_refresh(number, full)?;
            if let Some(done) = self.commit_prepared(draft, refuse_empty)? {
                return Ok(done);
            }
        }
        let draft = self.draft_refresh(number, full)?;
        self.commit_draft(&draft, refuse_empty)
    }

    /// Computes what a commit of this ticket would change now. Other writers continue.
    fn draft_refresh<'a>(&'a self, number: u64, full: &'a FullState) -> Result<Draft<'a>> {
        self.draft(number, full).map(|(draft, _)| draft)
    }

    /// A draft, and the writes noted so far.
    fn draft<'a>(&'a self, number: u64, full: &'a FullState) -> Result<(Draft<'a>, Arc<WriteSet>)> {
        let mut writer = self.writer();
        let touched = writer.touched(number)?;
        let watch = self.watch();
        drop(writer);
        let stated = StatedLabels::new(full);
        let diff = Diff::new(&watch.base, full, &stated);
        Ok((Draft { number, full, stated, diff, prepared: None, watch }, touched))
    }

    /// As [`draft_refresh`](Self::draft_refresh), and applies the commit to a private version.
    fn prepare_refresh<'a>(&'a self, number: u64, full: &'a FullState) -> Result<Draft<'a>> {
        let (mut draft, touched) = self.draft(number, full)?;
        let Draft { stated, diff, watch, .. } = &draft;
        let reconciler = Reconciler { state: &watch.base, stated, touched: &touched };
        // A refusal is ignored here: the commit decides again with the writer lock.
        if let Ok(commit) = reconciler.changes(diff, self.rules()) {
            let commit = Sections { end: Some(Change::Refreshed), ..commit };
            let prepared = Prepared::new(Version::clone(&watch.base), &commit);
            draft.prepared = prepared.map(|prepared| (prepared, commit));
        }
        Ok(draft)
    }

    /// Commits a draft by bringing its prepared version up to date with what was written meanwhile. `None` if that is
    /// not possible: then nothing has changed, and the ticket is still open.
    fn commit_prepared(&self, mut draft: Draft<'_>, refuse_empty: bool) -> Result<Option<Committed<Refreshed>>> {
        let Some((prepared, commit)) = draft.prepared.take() else { return Ok(None) };
        let Draft { number, stated, diff, watch, .. } = &draft;
        let mut writer = self.writer();
        let state = self.newest_version();
        let Some(meanwhile) = watch.meanwhile(state.revision) else { return Ok(None) };
        let later = writer.later(*number)?;
        if !later.meant_anew().is_empty() {
            return Ok(None);
        }
        let nothing = meanwhile.is_empty() && later.is_empty();
        let noted = later.ids().map(|id| state.resolve(id));
        let written: HashSet<ChatId> = chats_of(&meanwhile).chain(noted).cloned().collect();
        let touched = writer.touched(*number)?;
        let reconciler = Reconciler { state: &state, stated, touched: &touched };
        if refuse_empty {
            reconciler.refuse_empty()?;
        }
        let (commit, version) = if nothing {
            (commit, prepared.into_version())
        } else {
            let former = Former { base: &watch.base, diff, commit, meanwhile: &meanwhile };
            let Some(revised) = reconciler.revise(former, written, self.rules())? else { return Ok(None) };
            let Some(version) = prepared.catch_up(&revised.update(&state, &meanwhile)) else { return Ok(None) };
            (revised.commit, version)
        };
        self.finish_refresh(writer, *number, &state, commit, |_| version).map(Some)
    }

    fn commit_draft(&self, draft: &Draft<'_>, refuse_empty: bool) -> Result<Committed<Refreshed>> {
        let mut writer = self.writer();
        let mut links = None;
        if !self.newest_version().aliases.is_same(&draft.watch.base.aliases) {
            drop(writer);
            links = Some(LinksByChat::new(draft.full));
            writer = self.writer();
        }
        self.commit_locked(writer, draft, links.as_ref(), refuse_empty)
    }

    /// Commits a draft with the writer lock held. `links` are needed if aliases changed since the draft. The work grows
    /// with the difference and with the keys that were written while the ticket was open, with nothing else.
    fn commit_locked(
        &self,
        mut writer: Writer<'_>,
        draft: &Draft<'_>,
        links: Option<&LinksByChat<'_>>,
        refuse_empty: bool,
    ) -> Result<Committed<Refreshed>> {
        let Draft { number, stated, diff, .. } = draft;
        let touched = writer.touched(*number)?;
        let state = self.newest_version();
        let mut renewed = None;
        if let Some(links) = links {
            renewed.insert(diff.clone()).renew(&state, stated, links, touched.meant_anew());
        }
        let reconciler = Reconciler { state: &state, stated, touched: &touched };
        if refuse_empty {
            reconciler.refuse_empty()?;
        }
        let commit = reconciler.changes(renewed.as_ref().unwrap_or(diff), self.rules())?;
        let commit = Sections { end: Some(Change::Refreshed), ..commit };
        self.finish_refresh(writer, *number, &state, commit, |changes| {
            let mut version = Version::clone(&state);
            Version::make_mut(&mut version).commit(changes);
            version
        })
    }

    /// Publishes a refresh if it changes anything, and closes its ticket.
    fn finish_refresh(
        &self,
        mut writer: Writer<'_>,
        number: u64,
        state: &State,
        commit: Sections,
        version: impl FnOnce(&[Change]) -> Version,
    ) -> Result<Committed<Refreshed>> {
        let mut outcome = summary(&commit);
        outcome.changed = outcome != Refreshed::default() || state.refresh_state == RefreshState::Never;
        // In a connected store the refresh may be attempted again, so its ticket is closed when it is dropped.
        if self.remote_journal().is_none() {
            writer.close_ticket(number);
        }
        if !outcome.changed {
            return Ok(Committed { outcome, revision: state.revision });
        }
        let changes = commit.into_changes();
        let version = version(&changes);
        let revision = self.swap(&mut writer, version, changes.into())?;
        Ok(Committed { outcome, revision })
    }
}

/// Counts the changes of each kind.
fn summary(commit: &Sections) -> Refreshed {
    let mut summary = Refreshed { linked: commit.links.len(), unlinked: commit.unlinks.len(), ..Refreshed::default() };
    for change in commit.labels.iter().chain(&commit.removals) {
        match change {
            Change::LabelCreated { .. } => summary.labels_created += 1,
            Change::LabelUpdated { .. } => summary.labels_updated += 1,
            Change::LabelRemoved { .. } => summary.labels_removed += 1,
            // Not changes of labels.
            _ => {}
        }
    }
    summary
}

/// The changes that the commit of a ticket would make to one version.
struct Draft<'a> {
    /// The number of the ticket.
    number: u64,
    full: &'a FullState,
    stated: StatedLabels<'a>,
    diff: Diff,
    /// W2: the version with the commit, and its changes, to be brought up to the newest version. `None` if the commit
    /// cannot be prepared.
    prepared: Option<(Prepared, Sections)>,
    /// The version of the draft, and the writes since.
    watch: Watch<'a>,
}

impl RefreshTicket {
    /// Makes the index equal to the full state, in one commit, except for what was written while the ticket was open.
    ///
    /// - A label without a record and without a link is removed, with its links, unless it was created or edited
    ///   meanwhile. A label that was removed meanwhile stays removed, and every attribute and pair that was written
    ///   meanwhile stays, also when that write changed nothing. A pair stays under every id that meant the chat when it
    ///   was written.
    /// - A link whose label has no record creates a provisional label, unless the label is deleted in the state or in
    ///   the index.
    /// - A live record of a label that is deleted in the index brings it back, with the links of the state.
    /// - Chats keep their places; aliases, deleted ids and the highest id stay.
    ///
    /// Of a label that is removed, the commit has the number of its links, or, where
    /// [`Limits::removal_unlinks`](crate::Limits::removal_unlinks) says so, an unlink for each chat before the removal.
    ///
    /// The commit has the changes that make the difference, then [`Change::Refreshed`]. The first refresh of an index
    /// is always a commit; a later one that finds no difference makes no commit.
    ///
    /// **O(n log n)** in the records, and in the pairs of the labels that the state has. Readers do not wait. The
    /// difference is computed and applied while writers continue. They only wait while their writes meanwhile are
    /// reconciled with it, and for one pass over the changes: some 0.1 s for a million, whatever the number of chats.
    /// If writers twice merge chats or remove labels while it is prepared, they wait until the difference is applied.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyRefresh`] for a state without a live label over an index that has one, or without a link over an
    /// index that has one: a provisional label counts on both sides, also the one that a link of the state makes, and a
    /// link that would be dropped does not count. [`Error::TicketCancelled`]; [`Error::LimitExceeded`] for too many
    /// labels or chats; in a store the reason why it takes no writes, such as [`Error::StoreFailed`]. The error returns
    /// the state, and nothing has changed.
    pub fn commit(self, state: FullState) -> Result<Committed<Refreshed>, RefusedRefresh> {
        self.commit_checked(state, true)
    }

    /// As [`commit`](Self::commit), also when the state is empty and the index is not.
    ///
    /// # Errors
    ///
    /// Those of [`commit`](Self::commit) except [`Error::EmptyRefresh`].
    pub fn commit_even_if_empty(self, state: FullState) -> Result<Committed<Refreshed>, RefusedRefresh> {
        self.commit_checked(state, false)
    }

    /// Gives the refresh up, and tells those who joined why: [`FailedRefresh::Failed`]. Nothing changes.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{FailedRefresh, LabelIndex};
    ///
    /// let ticket = LabelIndex::new().begin_refresh()?;
    /// let joined = ticket.joined();
    /// ticket.fail("the session is not connected");
    /// let Err(FailedRefresh::Failed(why)) = joined.wait() else { unreachable!("it did not succeed") };
    /// assert_eq!(why.to_string(), "the session is not connected");
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn fail(self, why: impl Into<Box<dyn error::Error + Send + Sync>>) {
        self.ending.note(Err(FailedRefresh::Failed(why.into().into())));
    }

    /// Waits for the outcome of this refresh, as those who joined it do: for a host that commits in a task of its own.
    pub fn joined(&self) -> JoinedRefresh {
        JoinedRefresh::new(&self.ending)
    }

    fn commit_checked(self, full: FullState, refuse_empty: bool) -> Result<Committed<Refreshed>, RefusedRefresh> {
        let full = Arc::new(full);
        let committed = trace::within(Span::Refresh { instance: self.index.instance_name() }, || {
            let committed = if self.index.remote_journal().is_some() {
                self.commit_remote(&full, refuse_empty)
            } else {
                self.index.execute_refresh(self.ending.number(), &full, refuse_empty)
            }?;
            trace::tell(&Event::Refreshed(committed.clone()));
            Ok(committed)
        });
        self.ending.note(committed.clone().map_err(FailedRefresh::Refused));
        committed.map_err(|cause| {
            let state = Arc::try_unwrap(full).unwrap_or_else(|full| FullState::clone(&full));
            RefusedRefresh { cause, state, ticket: self }
        })
    }

    /// Lets the committer attempt the refresh, again each time another process commits first.
    fn commit_remote(&self, full: &Arc<FullState>, refuse_empty: bool) -> Result<Committed<Refreshed>> {
        let attempt = {
            let (index, number, full) = (self.index.clone(), self.ending.number(), Arc::clone(full));
            move || index.draft_refresh(number, &full).and_then(|draft| index.commit_draft(&draft, refuse_empty))
        };
        self.index.perform(Request::refresh(Attempt(Arc::new(attempt))))
    }
}

impl Drop for RefreshTicket {
    fn drop(&mut self) {
        self.index.writer().close_ticket(self.ending.number());
        // After the ticket is closed, so that those who are woken can begin another refresh.
        self.ending.end().now();
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

impl error::Error for RefusedRefresh {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        // `Display` includes the text of the cause, so its source follows.
        self.cause.source()
    }
}

impl From<RefusedRefresh> for Error {
    fn from(refused: RefusedRefresh) -> Self {
        refused.cause
    }
}
