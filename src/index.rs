//! The index that hosts share: writers one after the other, readers beside them.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use crate::change::{Change, Commit, Revision};
use crate::error::{Error, Limit, Result};
use crate::feed::{Feed, Subscriber};
use crate::gate::Gate;
use crate::horizon::Horizon;
use crate::op::{Committed, LabelRef, Op, Outcome};
use crate::options::{Limits, Options};
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::state::plan::{Plan, Rules, exceeded, plan};
use crate::sync::{Mutex, MutexGuard};
use crate::tickets::Tickets;
use crate::touched::Touched;

/// The labels of one account, and the chats that carry them.
///
/// Cloning gives another handle of the same index; every method takes `&self`, from any thread.
///
/// # Examples
///
/// ```
/// use label_index::{Filter, LabelIndex, Page};
///
/// let index = LabelIndex::new();
/// index.upsert_label("1", "VIP")?;
/// assert!(index.link("1", "5511999990001@s.whatsapp.net")?);
/// assert!(!index.link("1", "5511999990001@c.us")?, "the same chat: nothing changed");
/// let answer = index.query(&Filter::new().any_of_names(["vip"]), Page::first(50))?;
/// assert_eq!(answer.total_chats, 1);
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Clone)]
pub struct LabelIndex {
    shared: Arc<Shared>,
}

struct Shared {
    /// The version that readers see. Written only while `writer` is held.
    visible: Gate<Arc<State>>,
    writer: Mutex<Tickets>,
    horizon: Arc<Horizon>,
    feed: Arc<Feed>,
    limits: Limits,
}

/// The turn to write.
pub(crate) type Writer<'a> = MutexGuard<'a, Tickets>;

impl Drop for Shared {
    fn drop(&mut self) {
        self.feed.close();
    }
}

impl Options {
    /// Makes an empty index in memory.
    pub fn build(self) -> LabelIndex {
        let seed = self.hash_seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        LabelIndex {
            shared: Arc::new(Shared {
                visible: Gate::new(Arc::new(State::new(self.identity, seed))),
                writer: Mutex::default(),
                horizon: Arc::default(),
                feed: Arc::new(Feed::new(self.limits.feed_changes)),
                limits: self.limits,
            }),
        }
    }
}

impl LabelIndex {
    /// Makes an empty index in memory, with the default [`Options`].
    pub fn new() -> Self {
        Options::new().build()
    }

    /// The index as it is now, to be kept.
    ///
    /// **O(1)**, well below a microsecond.
    pub fn snapshot(&self) -> Snapshot {
        let shared = &*self.shared;
        let (state, hold) = shared.visible.read(|state| (Arc::clone(state), shared.horizon.hold(state.revision)));
        Snapshot::new(state, shared.limits, hold)
    }

    /// Subscribes to every commit after the newest one.
    ///
    /// A snapshot that is taken after this call has everything up to its own revision; commits up to that one, which the
    /// subscriber still gets, are known then. See [`Subscriber`].
    pub fn subscribe(&self) -> Subscriber {
        self.shared.feed.subscribe(None, || self.revision())
    }

    /// Subscribes to every commit after a revision, for instance that of a snapshot.
    ///
    /// If commits after it are not kept any more, or were never kept because nobody was subscribed, the first delivery
    /// is [`Delivery::Missed`](crate::Delivery::Missed). To be sure, [`subscribe`](Self::subscribe) first and take the
    /// snapshot then.
    pub fn subscribe_after(&self, revision: Revision) -> Subscriber {
        self.shared.feed.subscribe(Some(revision), || self.revision())
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.shared.feed
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Runs a read of at most about a microsecond on the visible version.
    pub(crate) fn look<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        self.shared.visible.read(|state| read(state))
    }

    /// The visible version, for a longer read.
    pub(crate) fn version(&self) -> Arc<State> {
        self.shared.visible.read(Arc::clone)
    }

    /// Carries out one operation.
    pub(crate) fn execute(&self, op: &Op) -> Result<Committed<Outcome>> {
        /// Changes up to this number are made in place, while readers wait; more are made beside.
        const SHORT: usize = 8;
        let shared = &*self.shared;
        let limit = shared.limits.batch_operations;
        if op.weight() > limit {
            return Err(exceeded(Limit::BatchOperations, limit, op.weight()));
        }
        let mut writer = self.writer();
        let rules = self.rules();
        let (Plan { outcome, changes }, revision, work) = self.look(|state| {
            let plan = plan(state, op, rules)?;
            if let Some(touched) = writer.notes() {
                touched.note(state, op, &plan.outcome);
            }
            let work = plan.changes.iter().map(|change| state.work_of(change)).sum::<usize>();
            Ok::<_, Error>((plan, state.revision, work))
        })?;
        if changes.is_empty() {
            return Ok(Committed { outcome, revision });
        }
        let revision = if work <= SHORT {
            shared.visible.write(|state| Arc::make_mut(state).commit(&changes));
            self.publish(writer, revision + 1, changes)
        } else {
            let version = self.version();
            self.commit_beside(writer, version, changes)
        };
        Ok(Committed { outcome, revision })
    }

    /// Carries out a batch, all or nothing. Gives the outcomes and the revision.
    pub(crate) fn execute_batch(&self, ops: Vec<Op<LabelRef>>) -> Result<(Vec<Outcome>, Revision)> {
        let (limit, weight) = (self.shared.limits.batch_operations, ops.iter().map(Op::weight).sum());
        if weight > limit {
            return Err(exceeded(Limit::BatchOperations, limit, weight));
        }
        let mut writer = self.writer();
        let rules = self.rules();
        let mut version = self.version();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(ops.len());
        let mut all_changes = Vec::new();
        let mut touched = writer.notes().map(|_| Touched::default());
        for (position, op) in ops.into_iter().enumerate() {
            let refused = |cause| Error::BatchRefused { position, cause: Box::new(cause) };
            let op = op.try_map(|label| label_of(label, &outcomes)).map_err(refused)?;
            let Plan { outcome, changes } = plan(&version, &op, rules).map_err(refused)?;
            if let Some(touched) = &mut touched {
                touched.note_in_batch(&version, &op, &outcome);
            }
            if !changes.is_empty() {
                let version = Arc::make_mut(&mut version);
                changes.iter().for_each(|change| version.apply(change));
            }
            all_changes.extend(changes);
            outcomes.push(outcome);
        }
        if let (Some(noted), Some(touched)) = (writer.notes(), touched) {
            noted.absorb(touched);
        }
        if all_changes.is_empty() {
            return Ok((outcomes, version.revision));
        }
        Arc::make_mut(&mut version).finish_commit();
        let revision = version.revision;
        self.show(version);
        Ok((outcomes, self.publish(writer, revision, all_changes)))
    }

    /// Applies changes to a version of its own, which becomes the visible one. Gives the revision.
    pub(crate) fn commit_beside(&self, writer: Writer<'_>, mut version: Arc<State>, changes: Vec<Change>) -> Revision {
        Arc::make_mut(&mut version).commit(&changes);
        let revision = version.revision;
        self.show(version);
        self.publish(writer, revision, changes)
    }

    /// Makes a version the visible one. The old one is freed here, after readers have gone on.
    fn show(&self, version: Arc<State>) {
        let old = self.shared.visible.write(|state| std::mem::replace(state, version));
        drop(old);
    }

    /// Tells subscribers of a visible commit, and ends the writer's turn before it wakes anybody.
    fn publish(&self, writer: Writer<'_>, revision: Revision, changes: Vec<Change>) -> Revision {
        let feed = &self.shared.feed;
        if feed.is_heard() {
            let wake = feed.publish(Commit { revision, changes: changes.into() });
            drop(writer);
            wake.now();
        }
        revision
    }

    /// Waits for the turn to write.
    pub(crate) fn writer(&self) -> Writer<'_> {
        self.shared.writer.lock()
    }

    pub(crate) fn rules(&self) -> Rules {
        Rules { limits: self.shared.limits, horizon: self.shared.horizon.oldest() }
    }
}

/// The label that an operation of a batch names.
fn label_of(label: LabelRef, outcomes: &[Outcome]) -> Result<crate::label_id::LabelId> {
    match label {
        LabelRef::Id(id) => Ok(id),
        LabelRef::Token(token) => outcomes
            .get(token.position)
            .and_then(Outcome::label)
            .cloned()
            .ok_or(Error::ForeignToken { position: token.position }),
    }
}

impl State {
    /// Applies the changes of one commit.
    fn commit(&mut self, changes: &[Change]) {
        changes.iter().for_each(|change| self.apply(change));
        self.finish_commit();
    }
}

impl Default for LabelIndex {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for LabelIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.look(|state| {
            f.debug_struct("LabelIndex")
                .field("revision", &state.revision)
                .field("labels", &state.labels.len())
                .field("total_chats", &state.total_chats())
                .field("total_rows", &state.total_rows)
                .finish_non_exhaustive()
        })
    }
}
