//! The thread that writes queued operations to the database, and applies commits of other processes.
//!
//! One thread does both in turns, so no plan is open while foreign commits are applied.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::yield_now;
use tokio::time::{sleep, timeout};

use crate::index::remote::Planned;
use crate::index::sync::thread;
use crate::index::trace::Event;
use crate::index::writer_lock::Work;
use crate::model::error::Error;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::hub::Hub;
use crate::store::postgres::loaded::Loaded;
use crate::store::postgres::news::{self, Heads};
use crate::store::postgres::record::Record;
use crate::store::postgres::session::{PAUSE, Session};
use crate::store::postgres::worker::Tasks;
use crate::store::writer::now;

/// The part of the time of a round for which its writers are waited for, and the longest such time.
const GATHERING: (u32, Duration) = (4, Duration::from_millis(2));

pub(super) struct Committer {
    pub(super) hub: Arc<Hub>,
    /// The thread that writes checkpoints.
    checkpoints: Tasks,
    session: Option<Session>,
    /// Whether the session listens for notifications and sends them.
    pub(super) listens: bool,
    /// The time between two polls of the heads.
    interval: Duration,
    /// The time of the next poll.
    next_poll: Instant,
    /// The time after which an unused instance is unloaded.
    unload_after: Option<Duration>,
    pub(super) pending: BTreeMap<u64, Pending>,
    /// Instances that another process wrote to, according to notifications, and that were not polled since.
    heard: BTreeSet<u64>,
    /// How many operations were answered in this round.
    pub(super) answered: usize,
    /// How many were answered in the last one, and until when they are waited for.
    gathers: (usize, Instant),
    /// Since when rounds fail, and why.
    failing: Option<(Instant, String)>,
}

/// The plan of one instance. Nothing else of the instance is planned until it is written, refused or undone.
pub(super) struct Pending {
    pub(super) loaded: Arc<Loaded>,
    pub(super) planned: Planned,
    /// R1: the writers are answered once it is in the log. None if no write changes anything: then they are answered once the
    /// head is known to be the same.
    pub(super) record: Option<Record>,
    /// Whether a statement with the record was answered.
    pub(super) was_answered: bool,
    /// Whether the answer to a statement with the record was lost: it may have been carried out.
    pub(super) is_in_doubt: bool,
    /// Whether the server refused a statement with this record alone. It no longer shares a statement with others then.
    pub(super) is_refused: bool,
    /// How often another process was first.
    pub(super) rounds: u32,
    /// When its writers get an error.
    pub(super) until: Instant,
}

impl Committer {
    pub(super) fn new(
        hub: &Arc<Hub>,
        checkpoints: Tasks,
        (interval, unload_after): (Duration, Option<Duration>),
    ) -> Self {
        Self {
            hub: Arc::clone(hub),
            checkpoints,
            session: None,
            listens: false,
            interval,
            next_poll: Instant::now(),
            unload_after,
            pending: BTreeMap::new(),
            heard: BTreeSet::new(),
            answered: 0,
            gathers: (0, Instant::now()),
            failing: None,
        }
    }

    /// Runs until the store is closed, and every operation queued by then is written or refused.
    pub(super) async fn run(mut self) {
        loop {
            if self.pending.is_empty() {
                let wait = self.next_poll.saturating_duration_since(Instant::now());
                // A call and a due poll are handled alike.
                let _called = timeout(wait, self.hub.called()).await;
                self.gather().await;
            }
            let calls = self.hub.take_calls();
            for removed in &calls.removed {
                let pending = self.pending.remove(&removed.number);
                self.give_up(removed, pending, &removed.unknown());
            }
            let (hub, stop) = (Arc::clone(&self.hub), calls.stop);
            let dirty = calls.dirty.iter().filter_map(|&number| hub.numbered(number));
            let loaded = if stop { hub.all_loaded() } else { dirty.collect() };
            for loaded in &loaded {
                if stop {
                    loaded.index.close_journal(Error::StoreClosed);
                }
                if !self.pending.contains_key(&loaded.number) {
                    self.plan(loaded, None);
                } else if calls.dirty.contains(&loaded.number) {
                    // Planned once the pending plan is done.
                    hub.dirty(loaded.number);
                }
            }
            if calls.heard_of_all {
                self.next_poll = Instant::now();
            }
            self.heard.extend(calls.heard);
            let began = Instant::now();
            if let Err(fault) = self.round().await {
                self.note(fault).await;
            }
            let moment = (began.elapsed() / GATHERING.0).min(GATHERING.1);
            self.gathers = (std::mem::take(&mut self.answered), Instant::now() + moment);
            if stop && self.pending.is_empty() && !loaded.iter().any(|loaded| loaded.index.has_queued()) {
                for loaded in self.hub.all_loaded() {
                    self.hub.end(&loaded, &Error::StoreClosed);
                }
                return;
            }
        }
    }

    /// Waits a moment for those whose operations were just answered: most of them have the next one soon, and who comes too
    /// late for a statement waits for the sync of that one, and then for another.
    async fn gather(&self) {
        let (answered, until) = self.gathers;
        while self.hub.has_fewer_queued(answered) && Instant::now() < until {
            // The clock of the runtime is too coarse to sleep by.
            thread::yield_now();
            yield_now().await;
        }
    }

    /// Plans the operations of an undone plan, then queued ones.
    pub(super) fn plan(&mut self, loaded: &Arc<Loaded>, again: Option<Again>) {
        let began = self.failing.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        let Again { works, until, rounds } = again.unwrap_or_else(|| {
            let until = began + self.hub.endpoint.patience;
            Again { works: Vec::new(), until, rounds: 0 }
        });
        let Some(planned) = loaded.index.plan_line(works) else { return };
        if loaded.index.has_queued() {
            // The queue has more than one group takes.
            self.hub.dirty(loaded.number);
        }
        let behind = *loaded.head.lock();
        let record = Record::new(loaded.number, behind, planned.commits(), now());
        let loaded = Arc::clone(loaded);
        let number = loaded.number;
        let pending = Pending {
            loaded,
            planned,
            record,
            was_answered: false,
            is_in_doubt: false,
            is_refused: false,
            until,
            rounds,
        };
        self.pending.insert(number, pending);
    }

    /// Writes pending plans, and polls the heads when that is due.
    async fn round(&mut self) -> Result<(), Fault> {
        let polls = self.next_poll <= Instant::now();
        if self.pending.is_empty() && self.heard.is_empty() && !polls {
            return Ok(());
        }
        let session = self.take_session().await?;
        let done = self.round_with(&session, polls).await;
        if !matches!(done, Err(Fault::Lost(_))) {
            self.session = Some(session);
        }
        done?;
        if self.failing.take().is_some() {
            self.hub.tell(|| Event::Available { store: self.hub.endpoint.address.shown.clone() });
        }
        Ok(())
    }

    /// Unloads idle instances, on a thread that no write waits for.
    fn unload_idle(&self) {
        if let Some(time) = self.unload_after {
            self.checkpoints.tell(move |worker| drop(worker.hub.unload_idle(time)));
        }
    }

    async fn take_session(&mut self) -> Result<Session, Fault> {
        if let Some(session) = self.session.take()
            && !session.is_closed()
        {
            return Ok(session);
        }
        let hub = Arc::clone(&self.hub);
        let session = Session::open(&self.hub.endpoint, move |instances| hub.heard(instances)).await?;
        self.listens = session.listen(&self.hub.endpoint.tables.channel).await;
        Ok(session)
    }

    /// An instance that the server refuses keeps no other from being written and followed.
    async fn round_with(&mut self, session: &Session, polls: bool) -> Result<(), Fault> {
        let wrote = self.write_pending(session).await;
        if matches!(wrote, Err(Fault::Lost(_))) {
            return wrote;
        }
        // After a failure all are polled.
        let heard = std::mem::take(&mut self.heard);
        // A pending plan may be of an instance that left the list.
        let mut asked: BTreeSet<u64> = self.pending.keys().copied().collect();
        asked.extend(heard.into_iter().filter(|&number| self.hub.numbered(number).is_some()));
        if polls {
            asked.extend(self.hub.all_loaded().iter().map(|loaded| loaded.number));
            self.next_poll = Instant::now() + self.interval;
            self.unload_idle();
        }
        if asked.is_empty() {
            return wrote;
        }
        let mut heads = self.read_heads(session, &asked).await?;
        let mut followed = wrote;
        for number in asked {
            if let Err(fault) = self.follow_one(session, number, heads.remove(&number)).await {
                followed = Err(fault);
                if session.is_closed() {
                    break;
                }
            }
        }
        followed
    }

    /// The heads of these instances. Of few of them with the first records after the head that is known here: that saves a
    /// round trip for each.
    async fn read_heads(&self, session: &Session, asked: &BTreeSet<u64>) -> Result<Heads, Fault> {
        let mut heads = Heads::new();
        if asked.len() <= news::INSTANCES {
            let pending = |number: &u64| Some(Arc::clone(&self.pending.get(number)?.loaded));
            let loaded = asked.iter().filter_map(|number| pending(number).or_else(|| self.hub.numbered(*number)));
            heads = news::read(session, &self.hub.endpoint, loaded).await?;
        }
        let others: Vec<u64> = asked.iter().copied().filter(|number| !heads.contains_key(number)).collect();
        if !others.is_empty() {
            heads.append(&mut news::read_heads(session, &self.hub.endpoint.tables.heads, &others).await?);
        }
        Ok(heads)
    }

    /// Makes a written plan visible and answers its writers.
    pub(super) fn settle(&self, pending: Pending) {
        let Pending { loaded, planned, record, .. } = pending;
        if let Some(record) = &record {
            *loaded.head.lock() = record.head;
        }
        loaded.index.settle_planned(planned);
        self.note_log(&loaded, record.map_or(0, |record| record.bytes()));
    }

    pub(super) fn note_log(&self, loaded: &Arc<Loaded>, bytes: u64) {
        if loaded.note_log(bytes, self.hub.log_allowance) {
            let loaded = Arc::clone(loaded);
            // If it fails, the next record requests another one.
            self.checkpoints.tell(move |worker| drop(worker.checkpoint(&loaded)));
        }
    }

    /// Ends an instance that was removed or is damaged.
    pub(super) fn give_up(&self, loaded: &Arc<Loaded>, pending: Option<Pending>, why: &Error) {
        if let Error::Damaged { instance, .. } = why {
            self.hub.tell(|| Event::Damaged { instance: instance.clone() });
        }
        self.hub.forget(loaded);
        if let Some(Pending { planned, .. }) = pending {
            loaded.index.refuse_planned(planned, why);
        }
        loaded.index.end_remote(why);
    }

    /// Notes a failed round, and refuses plans whose time is over.
    async fn note(&mut self, fault: Fault) {
        let (cause, lost) = match fault {
            Fault::Lost(cause) => (cause, true),
            Fault::Refused(cause) => (cause, false),
            Fault::Final(error) => (error.to_string(), false),
        };
        if lost {
            self.session = None;
        }
        let now = Instant::now();
        if self.failing.is_none() {
            let store = || self.hub.endpoint.address.shown.clone();
            self.hub.tell(|| Event::Unavailable { store: store(), cause: cause.clone() });
        }
        let since = self.failing.take().map_or(now, |(since, _)| since);
        let why = Error::Unavailable { cause: cause.clone() };
        self.failing = Some((since, cause));
        let late: Vec<u64> =
            self.pending.iter().filter(|(_, pending)| pending.until <= now).map(|(&number, _)| number).collect();
        for number in late {
            if let Some(Pending { loaded, planned, .. }) = self.pending.remove(&number) {
                loaded.index.refuse_planned(planned, &why);
            }
        }
        self.next_poll = Instant::now();
        sleep(PAUSE).await;
    }
}

/// Operations of an undone plan.
pub(super) struct Again {
    pub(super) works: Vec<(u64, Work)>,
    /// When the writers get an error.
    pub(super) until: Instant,
    /// How often another process was first.
    pub(super) rounds: u32,
}

impl Pending {
    /// Whether this is its own record.
    pub(super) fn wrote(&self, record: &Record) -> bool {
        self.record.as_ref().is_some_and(|own| own.group_id == record.group_id && own.head == record.head)
    }
}
