//! The index that hosts share: writers one after the other, readers beside them.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::change::{Change, Revision};
use crate::error::{Error, Limit, Result};
use crate::gate::Gate;
use crate::horizon::Horizon;
use crate::op::{Committed, LabelRef, Op, Outcome};
use crate::options::{Limits, Options};
use crate::snapshot::Snapshot;
use crate::state::State;
use crate::state::plan::{Plan, Rules, exceeded, plan};

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
    writer: Mutex<()>,
    horizon: Arc<Horizon>,
    limits: Limits,
}

impl Options {
    /// Makes an empty index in memory.
    pub fn build(self) -> LabelIndex {
        let seed = self.hash_seed.unwrap_or_else(|| RandomState::new().hash_one(0));
        LabelIndex {
            shared: Arc::new(Shared {
                visible: Gate::new(Arc::new(State::new(self.identity, seed))),
                writer: Mutex::new(()),
                horizon: Arc::default(),
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
        let _writer = shared.writer.lock();
        let rules = self.rules();
        let (Plan { outcome, changes }, revision, work) = self.look(|state| {
            let plan = plan(state, op, rules)?;
            let work = plan.changes.iter().map(|change| state.work_of(change)).sum::<usize>();
            Ok::<_, Error>((plan, state.revision, work))
        })?;
        if changes.is_empty() {
            return Ok(Committed { outcome, revision });
        }
        if work <= SHORT {
            shared.visible.write(|state| Arc::make_mut(state).commit(&changes));
        } else {
            let mut version = self.version();
            Arc::make_mut(&mut version).commit(&changes);
            self.show(version);
        }
        Ok(Committed { outcome, revision: revision + 1 })
    }

    /// Carries out a batch, all or nothing. Gives the outcomes and the revision.
    pub(crate) fn execute_batch(&self, ops: Vec<Op<LabelRef>>) -> Result<(Vec<Outcome>, Revision)> {
        let shared = &*self.shared;
        let (limit, weight) = (shared.limits.batch_operations, ops.iter().map(Op::weight).sum());
        if weight > limit {
            return Err(exceeded(Limit::BatchOperations, limit, weight));
        }
        let _writer = shared.writer.lock();
        let rules = self.rules();
        let mut version = self.version();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(ops.len());
        let mut changed = false;
        for (position, op) in ops.into_iter().enumerate() {
            let refused = |cause| Error::BatchRefused { position, cause: Box::new(cause) };
            let op = op.try_map(|label| label_of(label, &outcomes)).map_err(refused)?;
            let Plan { outcome, changes } = plan(&version, &op, rules).map_err(refused)?;
            if !changes.is_empty() {
                changed = true;
                let version = Arc::make_mut(&mut version);
                changes.iter().for_each(|change| version.apply(change));
            }
            outcomes.push(outcome);
        }
        if changed {
            Arc::make_mut(&mut version).finish_commit();
        }
        let revision = version.revision;
        if changed {
            self.show(version);
        }
        Ok((outcomes, revision))
    }

    /// Makes a version the visible one. The old one is freed here, after readers have gone on.
    fn show(&self, version: Arc<State>) {
        let old = self.shared.visible.write(|state| std::mem::replace(state, version));
        drop(old);
    }

    fn rules(&self) -> Rules {
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
