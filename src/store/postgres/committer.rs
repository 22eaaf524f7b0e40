//! The thread that writes what stands in line, and follows what other processes write.
//!
//! One thread does both, one thing after the other: so what is planned is never beside what is taken in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::index::remote::Planned;
use crate::index::turn::Work;
use crate::model::change::Revision;
use crate::model::error::Error;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::hub::{Hub, Loaded};
use crate::store::postgres::record::{Head, Record};
use crate::store::postgres::session::{PAUSE, Parameter, Session, int8};
use crate::store::postgres::worker::Tasks;
use crate::store::writer::now;

/// As often may other processes be first. Then the row of the instance is locked before its writes are planned again.
const ROUNDS: u32 = 3;

/// Bytes of records in one statement, unless one instance has more.
const BYTES: usize = 16 << 20;

pub(super) struct Committer {
    pub(super) hub: Arc<Hub>,
    /// Where checkpoints are written.
    checkpoints: Tasks,
    session: Option<Session>,
    /// Whether the session hears of other sessions, and tells them.
    listens: bool,
    /// How often the heads are asked for.
    interval: Duration,
    /// When they are asked for next.
    next_poll: Instant,
    /// After how long nobody used an instance it is unloaded.
    unload_after: Option<Duration>,
    pub(super) pending: BTreeMap<u64, Pending>,
    /// Since when nothing could be done, and why.
    failing: Option<(Instant, String)>,
}

/// What was planned for one instance, and is written or refused before anything else of it is planned.
pub(super) struct Pending {
    pub(super) loaded: Arc<Loaded>,
    pub(super) planned: Planned,
    /// R1: once it is in the log, the writers are answered. None if the answers only rest on what is there: then the head is
    /// compared first.
    pub(super) record: Option<Record>,
    /// Whether a statement with the record was answered.
    pub(super) was_answered: bool,
    /// Whether the answer to a statement with the record was lost: it may have been carried out.
    pub(super) is_in_doubt: bool,
    /// How often others were first.
    pub(super) rounds: u32,
    /// When its writers have waited long enough.
    pub(super) until: Instant,
}

/// The logs of instances as the database has them, and the revisions of their checkpoints.
pub(super) type Heads = BTreeMap<u64, (Head, Revision)>;

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
            failing: None,
        }
    }

    /// Runs until the store is closed and what stood in line by then is written or refused.
    pub(super) async fn run(mut self) {
        loop {
            if self.pending.is_empty() {
                let wait = self.next_poll.saturating_duration_since(Instant::now());
                // Whether somebody called or it is time to look, there is something to do.
                let _called = timeout(wait, self.hub.called()).await;
            }
            let calls = self.hub.take_calls();
            for removed in &calls.removed {
                let pending = self.pending.remove(&removed.number);
                self.give_up(removed, pending, &removed.unknown());
            }
            let loaded = self.hub.all_loaded();
            for loaded in &loaded {
                if calls.stop {
                    loaded.index.close_journal(Error::StoreClosed);
                }
                if (calls.stop || calls.dirty.contains(&loaded.number)) && !self.pending.contains_key(&loaded.number) {
                    self.plan(loaded, None);
                } else if calls.dirty.contains(&loaded.number) {
                    // Once what is pending is through.
                    self.hub.dirty(loaded.number);
                }
            }
            if calls.heard {
                self.next_poll = Instant::now();
            }
            if let Err(fault) = self.round(&loaded).await {
                self.note(fault).await;
            }
            if calls.stop && self.pending.is_empty() && !loaded.iter().any(|loaded| loaded.index.has_line()) {
                for loaded in self.hub.all_loaded() {
                    self.hub.end(&loaded, &Error::StoreClosed);
                }
                return;
            }
        }
    }

    /// Plans what stands in line behind what was planned before.
    pub(super) fn plan(&mut self, loaded: &Arc<Loaded>, again: Option<Again>) {
        let began = self.failing.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        let Again { works, until, rounds } = again.unwrap_or_else(|| {
            let until = began + self.hub.endpoint.patience;
            Again { works: Vec::new(), until, rounds: 0 }
        });
        let Some(planned) = loaded.index.plan_line(works) else { return };
        if loaded.index.has_line() {
            // More than goes into one group.
            self.hub.dirty(loaded.number);
        }
        let behind = *loaded.head.lock();
        let record = Record::new(loaded.number, behind, planned.commits(), now());
        let loaded = Arc::clone(loaded);
        let number = loaded.number;
        let pending = Pending { loaded, planned, record, was_answered: false, is_in_doubt: false, until, rounds };
        self.pending.insert(number, pending);
    }

    /// Writes what is pending, and looks what others wrote where it is time to.
    async fn round(&mut self, loaded: &[Arc<Loaded>]) -> Result<(), Fault> {
        let polls = self.next_poll <= Instant::now();
        if self.pending.is_empty() && !polls {
            return Ok(());
        }
        let session = self.take_session().await?;
        let done = self.round_with(&session, loaded, polls).await;
        if !matches!(done, Err(Fault::Lost(_))) {
            self.session = Some(session);
        }
        done?;
        self.failing = None;
        Ok(())
    }

    /// Frees what nobody uses, on a thread that no write waits for.
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
        let session = Session::open(&self.hub.endpoint, move || hub.heard()).await?;
        self.listens = session.listen(&self.hub.endpoint.tables.channel).await;
        Ok(session)
    }

    async fn round_with(&mut self, session: &Session, loaded: &[Arc<Loaded>], polls: bool) -> Result<(), Fault> {
        let tired = |(&number, pending): (&u64, &Pending)| (pending.rounds >= ROUNDS).then_some(number);
        let mut written = 0;
        for number in self.pending.iter().filter_map(tired).collect::<Vec<u64>>() {
            written += self.write_locked(session, loaded, number).await?;
        }
        written += self.write(session).await?;
        if written > 0 && self.listens {
            session.notify(&self.hub.endpoint.tables.channel);
        }
        let asked: Vec<i64> = if polls {
            loaded.iter().map(|loaded| loaded.number.cast_signed()).collect()
        } else {
            self.pending.keys().map(|number| number.cast_signed()).collect()
        };
        if polls {
            self.next_poll = Instant::now() + self.interval;
            self.unload_idle();
        }
        if asked.is_empty() {
            return Ok(());
        }
        let heads = self.heads(session, &self.hub.endpoint.tables.heads, &asked).await?;
        let mut followed = Ok(());
        for number in asked {
            if let Err(fault) = self.follow_one(session, loaded, number.cast_unsigned(), &heads).await {
                followed = Err(fault);
                if session.is_closed() {
                    break;
                }
            }
        }
        followed
    }

    /// Writes the records that are pending, in one transaction. Gives how many were written; those where another process was
    /// first stay pending.
    async fn write(&mut self, session: &Session) -> Result<usize, Fault> {
        let (mut numbers, mut bytes) = (Vec::new(), 0);
        for (number, pending) in &self.pending {
            let Some(record) = &pending.record else { continue };
            bytes += record.commits.len();
            if bytes > BYTES && !numbers.is_empty() {
                break;
            }
            numbers.push(*number);
        }
        let sent = self.send(session, &numbers).await;
        self.note_sent(&numbers, &sent);
        Ok(self.settle_all(&sent?))
    }

    /// Writes the record of an instance where others were first again and again: its row is locked before the writes are
    /// planned once more.
    async fn write_locked(&mut self, session: &Session, loaded: &[Arc<Loaded>], number: u64) -> Result<usize, Fault> {
        session.begin_locking().await?;
        let sent = match self.follow_locked(session, loaded, number).await {
            Ok(()) => self.send(session, &[number]).await,
            Err(fault) => Err(fault),
        };
        let done = match sent {
            Ok(written) => session.run("COMMIT").await.map(|()| written),
            Err(Fault::Lost(cause)) => Err(Fault::Lost(cause)),
            Err(fault) => {
                session.run("ROLLBACK").await?;
                Err(fault)
            }
        };
        self.note_sent(&[number], &done);
        Ok(self.settle_all(&done?))
    }

    /// Locks the row of an instance, takes in what others wrote, and plans again.
    async fn follow_locked(&mut self, session: &Session, loaded: &[Arc<Loaded>], number: u64) -> Result<(), Fault> {
        let heads = self.heads(session, &self.hub.endpoint.tables.lock, &vec![number.cast_signed()]).await?;
        self.follow_one(session, loaded, number, &heads).await
    }

    /// Runs the statement that writes the records of these instances. Gives those that were written.
    async fn send(&self, session: &Session, numbers: &[u64]) -> Result<Vec<u64>, Fault> {
        let records = numbers.iter().filter_map(|number| Some((number, self.pending.get(number)?.record.as_ref()?)));
        let records: Vec<(&u64, &Record)> = records.collect();
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let column =
            |of: fn(&Record) -> u64| records.iter().map(|(_, record)| of(record).cast_signed()).collect::<Vec<i64>>();
        let numbers: Vec<i64> = records.iter().map(|(number, _)| number.cast_signed()).collect();
        let commits: Vec<&[u8]> = records.iter().map(|(_, record)| &record.commits[..]).collect();
        let columns = [
            numbers,
            column(|record| record.behind.revision),
            column(|record| record.behind.chain),
            column(|record| record.head.revision),
            column(|record| record.head.chain),
            column(|record| record.group_id),
            column(|record| record.changes),
            column(|record| record.written),
        ];
        let mut parameters: Vec<Parameter<'_>> = columns.iter().map(|column| (column as _, Type::INT8_ARRAY)).collect();
        parameters.push((&commits, Type::BYTEA_ARRAY));
        let rows = session.query(&self.hub.endpoint.tables.write, &parameters).await?;
        rows.iter().map(|row| int8(row, 0)).collect()
    }

    /// Notes of records whether a statement with them was answered, or its answer lost.
    fn note_sent(&mut self, numbers: &[u64], answer: &Result<Vec<u64>, Fault>) {
        for number in numbers {
            if let Some(pending) = self.pending.get_mut(number) {
                pending.was_answered |= answer.is_ok();
                pending.is_in_doubt |= matches!(answer, Err(Fault::Lost(_)));
            }
        }
    }

    fn settle_all(&mut self, written: &[u64]) -> usize {
        for number in written {
            if let Some(pending) = self.pending.remove(number) {
                self.settle(pending);
            }
        }
        written.len()
    }

    async fn heads(&self, session: &Session, sql: &str, asked: &Vec<i64>) -> Result<Heads, Fault> {
        let rows = session.query(sql, &[(asked, Type::INT8_ARRAY)]).await?;
        let head = |row: &Row| {
            let head = Head { revision: int8(row, 1)?, chain: int8(row, 2)? };
            Ok((int8(row, 0)?, (head, int8(row, 3)?)))
        };
        rows.iter().map(head).collect()
    }

    /// Shows what is written, and gives the answers.
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
            // If it fails, the next record asks for it again.
            self.checkpoints.tell(move |worker| drop(worker.checkpoint(&loaded)));
        }
    }

    /// Ends an instance that is not what it was.
    pub(super) fn give_up(&self, loaded: &Arc<Loaded>, pending: Option<Pending>, why: &Error) {
        self.hub.forget(loaded);
        if let Some(Pending { planned, .. }) = pending {
            loaded.index.refuse_planned(planned, why);
        }
        loaded.index.end_remote(why);
    }

    /// Notes that nothing could be done, and refuses what waited long enough.
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

/// Writes to be planned again.
pub(super) struct Again {
    pub(super) works: Vec<(u64, Work)>,
    /// When they have waited long enough.
    pub(super) until: Instant,
    /// How often others were first.
    pub(super) rounds: u32,
}

impl Pending {
    /// Whether this is the record.
    pub(super) fn wrote(&self, record: &Record) -> bool {
        self.record.as_ref().is_some_and(|own| own.group_id == record.group_id && own.head == record.head)
    }
}
