//! The index that hosts share: one writer at a time, concurrent readers.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::panic::RefUnwindSafe;
use std::sync::Arc;

use crate::index::archive::Archive;
use crate::index::feed::{Feed, Reached};
use crate::index::journal::{Awaited, Journal};
use crate::index::link_run::LinkRun;
use crate::index::recent::{Recent, Watch};
use crate::index::snapshot::Snapshot;
use crate::index::snapshot_tracker::SnapshotTracker;
use crate::index::subscriber::Subscriber;
use crate::index::sync::{Race, is_planted};
use crate::index::version_lock::{VersionLock, yield_to_writer};
use crate::index::write_set::WriteSet;
use crate::index::writer_lock::{Writer, WriterLock};
use crate::model::arg::Arg;
use crate::model::change::{Change, Commit, MAX_REVISION, Revision};
use crate::model::error::{Error, Limit, Result};
use crate::model::label_ref::LabelRef;
use crate::model::op::{Committed, Op, Outcome};
use crate::model::options::{Limits, Options};
use crate::model::position::Position;
use crate::state::decide::{Changes, Plan, Rules, exceeded, plan};
use crate::state::{State, Version};

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
    identity: u64,
    /// The version that readers see. Written only with the writer lock held, or by the committer.
    visible: VersionLock<Version>,
    writer_lock: WriterLock,
    recent: Recent,
    snapshots: Arc<SnapshotTracker>,
    feed: Arc<Feed>,
    limits: Limits,
    /// The journal through which commits become durable. `None` in memory.
    journal: Option<Journal>,
}

/// The host's code that may panic, in arguments, iterators and wakers, runs before the first change of a write or after the
/// last, and without locks. So after a caught panic the index is in a complete state.
impl RefUnwindSafe for Shared {}

impl Drop for Shared {
    fn drop(&mut self) {
        self.feed.close();
    }
}

impl Options {
    /// Creates an empty index in memory.
    pub fn build(self) -> LabelIndex {
        LabelIndex::of(State::new(self.identity, seed_or_random(self.hash_seed)), self.limits, self.retain)
    }
}

/// The seed for the hash tables: the chosen one, or a random one that nobody can predict.
pub(crate) fn seed_or_random(chosen: Option<u64>) -> u64 {
    chosen.unwrap_or_else(|| RandomState::new().hash_one(0))
}

impl LabelIndex {
    /// Creates an empty index in memory, with the default [`Options`].
    pub fn new() -> Self {
        Options::new().build()
    }

    /// An index in memory.
    pub(crate) fn of(state: State, limits: Limits, retain: usize) -> Self {
        Self::with(Version::new(state), limits, retain, None, None)
    }

    /// An index that begins with a version.
    pub(crate) fn with(
        version: Version,
        limits: Limits,
        retain: usize,
        journal: Option<Journal>,
        archive: Option<Arc<dyn Archive>>,
    ) -> Self {
        let waker_caller = journal.as_ref().map(Journal::waker_caller).cloned().unwrap_or_default();
        let shared = Shared {
            identity: version.identity,
            writer_lock: WriterLock::new(waker_caller.clone()),
            recent: Recent::default(),
            feed: Arc::new(Feed::new(version.revision, limits.feed_changes, retain, waker_caller, archive)),
            visible: VersionLock::new(version),
            snapshots: Arc::new(SnapshotTracker::new(limits)),
            limits,
            journal,
        };
        Self { shared: Arc::new(shared) }
    }

    /// Takes a snapshot: the index as it is now, unchanged by later writes.
    ///
    /// **O(1)**, well below a microsecond.
    pub fn snapshot(&self) -> Snapshot {
        let shared = &*self.shared;
        let (state, hold) = shared.visible.read(|state| (Version::clone(state), shared.snapshots.hold(state.revision)));
        Snapshot::new(state, hold)
    }

    /// Subscribes to every commit after the newest one; of an index in a store, after the newest that is on disk.
    ///
    /// A snapshot that is taken after this call has everything up to its own revision; commits up to that one, which the
    /// subscriber still gets, are known then. See [`Subscriber`].
    pub fn subscribe(&self) -> Subscriber {
        self.subscriber(None)
    }

    /// Subscribes to every commit after a revision, for instance that of a snapshot.
    ///
    /// If commits after it are not kept any more, or were never kept because nobody was subscribed, the first delivery
    /// is [`Delivery::Missed`](crate::Delivery::Missed). In memory [`Options::retain`](crate::Options::retain) keeps some; a
    /// store keeps the last ones on disk. To be sure, [`subscribe`](Self::subscribe) first and take the snapshot then.
    pub fn subscribe_after(&self, revision: Revision) -> Subscriber {
        self.subscriber(Some(revision))
    }

    /// Subscribes to every commit after a position that the host stored, usually that of the last commit which it is done
    /// with: so it gets each commit once, whatever ends in between.
    ///
    /// If commits after it are not kept any more, or it is the position of another index, for instance of one that had
    /// this one's name before, the first delivery is [`Delivery::Missed`](crate::Delivery::Missed).
    ///
    /// # Errors
    ///
    /// [`Error::BadPosition`] for a text that is no position. Nothing has changed then.
    pub fn subscribe_from(&self, position: impl Arg<Position>) -> Result<Subscriber> {
        let Position { identity, revision } = position.parse_arg()?;
        let mut subscriber = self.subscriber(Some(revision));
        if identity != self.identity() {
            subscriber.lose();
        }
        Ok(subscriber)
    }

    fn subscriber(&self, after: Option<Revision>) -> Subscriber {
        let feed = &self.shared.feed;
        let start = feed.start(after, || self.reached());
        Subscriber::new(feed, self.shared.identity, start)
    }

    /// The number that tells this index from others, in cursors and positions. An instance of a store keeps it for as long
    /// as it lives; one that is made again or imported under its name has another.
    pub fn identity(&self) -> u64 {
        self.shared.identity
    }

    /// How many snapshots are held, and the revision of the oldest.
    pub(crate) fn snapshots_held(&self) -> (usize, Option<Revision>) {
        self.shared.snapshots.held()
    }

    /// The name of the instance of a store. None in memory.
    pub(crate) fn instance_name(&self) -> Option<&str> {
        self.feed().archive().map(|archive| &**archive.instance())
    }

    pub(crate) fn feed(&self) -> &Feed {
        &self.shared.feed
    }

    #[cfg(any(feature = "store", test))]
    pub(crate) fn visible(&self) -> &VersionLock<Version> {
        &self.shared.visible
    }

    pub(crate) fn journal(&self) -> Option<&Journal> {
        self.shared.journal.as_ref()
    }

    /// The journal, if readers see a commit only once it is durable.
    pub(crate) fn synced_journal(&self) -> Option<&Journal> {
        self.journal().filter(|journal| journal.working().is_some())
    }

    /// The journal, if its committer plans queued writes because other processes write to the same log.
    pub(crate) fn remote_journal(&self) -> Option<&Journal> {
        self.journal().filter(|journal| journal.is_remote())
    }

    /// Whether there is a handle besides `own` ones, a snapshot or a subscriber.
    #[cfg(feature = "store")]
    pub(crate) fn is_in_use(&self, own: usize) -> bool {
        let Shared { snapshots, feed, .. } = &*self.shared;
        Arc::strong_count(&self.shared) > own || Arc::strong_count(snapshots) > 1 || Arc::strong_count(feed) > 1
    }

    fn reached(&self) -> Reached {
        let durable = self.journal().map(Journal::durable);
        let visible = self.revision();
        Reached { published: durable.unwrap_or(visible), visible }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// Runs a read of at most about a microsecond on the visible version.
    pub(crate) fn with_visible<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        self.shared.visible.read(|state| read(state))
    }

    /// Runs a read of some microseconds on the visible version. Gives a writer that is about to change it a moment first.
    pub(crate) fn with_visible_yielding<R>(&self, read: impl FnOnce(&State) -> R) -> R {
        if self.synced_journal().is_none() && self.shared.writer_lock.is_taken() {
            yield_to_writer();
        }
        self.with_visible(read)
    }

    /// The visible version, for a read of any length.
    pub(crate) fn version(&self) -> Version {
        self.shared.visible.read(Version::clone)
    }

    /// The version that writers work on: the visible one, unless readers have to wait for the disk.
    pub(crate) fn newest(&self) -> &VersionLock<Version> {
        let journal = self.shared.journal.as_ref();
        journal.and_then(Journal::working).unwrap_or(&self.shared.visible)
    }

    pub(crate) fn newest_version(&self) -> Version {
        self.newest().read(Version::clone)
    }

    pub(crate) fn writer_lock(&self) -> &WriterLock {
        &self.shared.writer_lock
    }

    #[cfg(feature = "store")]
    pub(crate) fn recent(&self) -> &Recent {
        &self.shared.recent
    }

    /// Begins to record other writers' commits, for a commit that is prepared concurrently.
    pub(crate) fn watch(&self) -> Watch<'_> {
        self.shared.recent.watch(|| self.newest_version())
    }

    /// Carries out one operation. Does not wait for the disk.
    pub(crate) fn attempt(&self, writer: &mut Writer<'_>, op: &Op) -> Result<Committed<Outcome>> {
        /// Changes up to this number are made in place, while readers wait; more are made beside.
        const SHORT: usize = 8;
        let limit = self.shared.limits.batch_operations;
        if op.weight() > limit {
            return Err(exceeded(Limit::BatchOperations, limit, op.weight()));
        }
        let rules = self.rules();
        let (Plan { outcome, changes }, revision, work) = self.newest().read(|state| {
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
            self.put(writer, revision + 1, changes, |version, changes| Version::make_mut(version).commit(changes))
        } else {
            let version = self.newest_version();
            self.apply_beside(writer, version, changes)
        }?;
        Ok(Committed { outcome, revision })
    }

    /// Carries out a batch, all or nothing. Does not wait for the disk.
    pub(crate) fn attempt_batch(
        &self,
        writer: &mut Writer<'_>,
        ops: Vec<Op<LabelRef>>,
    ) -> Result<Committed<Vec<Outcome>>> {
        let (limit, weight) = (self.shared.limits.batch_operations, ops.iter().map(Op::weight).sum());
        if weight > limit {
            return Err(exceeded(Limit::BatchOperations, limit, weight));
        }
        let rules = self.rules();
        let mut version = self.newest_version();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(ops.len());
        let mut all_changes = Changes::new();
        let mut touched = writer.notes().map(|_| WriteSet::default());
        let mut links: Option<LinkRun> = None;
        for (position, op) in ops.into_iter().enumerate() {
            let refused = |cause| Error::BatchRefused { position, cause: Box::new(cause) };
            let op = op.try_map(|label| label_of(label, &outcomes)).map_err(refused)?;
            if let Some(ended) = links.take_if(|run| !run.takes(&op, &all_changes)) {
                Version::make_mut(&mut version).apply(ended.changes(&all_changes));
            }
            let Plan { outcome, changes } = match &links {
                Some(run) if run.has(&op, &all_changes) => Plan::already_linked(),
                _ => plan(&version, &op, rules).map_err(refused)?,
            };
            if let Some(touched) = &mut touched {
                touched.note(&version, &op, &outcome);
            }
            if !changes.is_empty() && links.is_none() {
                links = LinkRun::begin(op, &all_changes);
                if links.is_none() {
                    Version::make_mut(&mut version).apply(&changes);
                }
            }
            all_changes.extend(changes);
            outcomes.push(outcome);
        }
        if let Some(ended) = links {
            Version::make_mut(&mut version).apply(ended.changes(&all_changes));
        }
        if let (Some(noted), Some(touched)) = (writer.notes(), touched) {
            noted.absorb(touched);
        }
        if all_changes.is_empty() {
            return Ok(Committed { outcome: outcomes, revision: version.revision });
        }
        Version::make_mut(&mut version).finish_commit();
        let revision = self.swap(writer, version, all_changes)?;
        Ok(Committed { outcome: outcomes, revision })
    }

    fn apply_beside(&self, writer: &mut Writer<'_>, mut version: Version, changes: Changes) -> Result<Revision> {
        Version::make_mut(&mut version).commit(&changes);
        self.swap(writer, version, changes)
    }

    /// Publishes a version as the newest one. The old one is freed when the writer lock is released.
    pub(crate) fn swap(&self, writer: &mut Writer<'_>, version: Version, changes: Changes) -> Result<Revision> {
        let (made, mut former) = (version.revision, None);
        let show = |newest: &mut Version, _: &[Change]| former = Some(std::mem::replace(newest, version));
        let revision = self.put(writer, made, changes, show)?;
        former.into_iter().for_each(|former| writer.free_after(former));
        Ok(revision)
    }

    /// Puts a commit in force: changes the newest version, quickly, and queues it in the journal or, without one,
    /// delivers it to subscribers once the writer lock is released.
    ///
    /// # Errors
    ///
    /// If the journal is closed, or no revision is left. Nothing has changed then.
    fn put(
        &self,
        writer: &mut Writer<'_>,
        revision: Revision,
        changes: Changes,
        change: impl FnOnce(&mut Version, &[Change]),
    ) -> Result<Revision> {
        if revision > MAX_REVISION {
            return Err(Error::LimitExceeded { what: Limit::Revisions, limit: MAX_REVISION, given: revision });
        }
        let Shared { visible, feed, journal, recent, .. } = &*self.shared;
        if let Some(journal) = journal {
            let commit = Commit::new(self.identity(), revision, changes.into_vec());
            let changes = Arc::clone(&commit.changes);
            journal.append(commit, || match journal.working() {
                Some(working) => working.write(|version| change(version, &changes)),
                None => {
                    feed.announce(revision);
                    visible.write(|version| change(version, &changes));
                }
            })?;
            recent.note(revision, &changes);
            return Ok(revision);
        }
        visible.write(|version| change(version, &changes));
        recent.note(revision, &changes);
        if feed.is_heard() {
            writer.wake_after(feed.publish(Commit::new(self.identity(), revision, changes.into_vec())));
        }
        Ok(revision)
    }

    /// Waits until there is room for a write, or returns the reason why none is accepted any more.
    pub(crate) fn admit(&self) -> Result<()> {
        self.shared.journal.as_ref().map_or(Ok(()), Journal::admit)
    }

    /// Returns a write's answer, a refusal too, once the commits on which it depends are durable. `life` is that of the
    /// journal when the write began.
    pub(crate) fn await_durable<T>(&self, result: Result<Committed<T>>, life: usize) -> Result<Committed<T>> {
        if let Some(journal) = self.synced_journal() {
            let revision = match &result {
                Ok(committed) => committed.revision,
                Err(_) => self.newest().read(|newest| newest.revision),
            };
            journal.wait_for(Awaited { revision, life })?;
        }
        result
    }

    /// Waits for the writer lock.
    pub(crate) fn writer(&self) -> Writer<'_> {
        self.shared.writer_lock.wait()
    }

    pub(crate) fn rules(&self) -> Rules {
        // If readers are behind, they see chats at places that are free already. Their revision is read first: older
        // snapshots are counted by then, and later ones are not older.
        let early = is_planted(Race::EarlyHorizon).then(|| self.shared.snapshots.oldest());
        let seen = self.synced_journal().map(|_| self.revision());
        let held = early.unwrap_or_else(|| self.shared.snapshots.oldest());
        Rules { limits: self.shared.limits, horizon: seen.map_or(held, |seen| held.min(seen)) }
    }
}

/// The label that an operation of a batch refers to.
fn label_of(label: LabelRef, outcomes: &[Outcome]) -> Result<crate::model::label_id::LabelId> {
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
    pub(crate) fn commit(&mut self, changes: &[Change]) {
        self.apply(changes);
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
        self.with_visible(|state| {
            f.debug_struct("LabelIndex")
                .field("revision", &state.revision)
                .field("labels", &state.labels.len())
                .field("total_chats", &state.total_chats())
                .field("total_rows", &state.total_rows)
                .finish_non_exhaustive()
        })
    }
}
