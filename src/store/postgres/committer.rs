//! The thread that writes what stands in line, and follows what other processes write.
//!
//! One thread does both, one thing after the other: so what is planned is never beside what is taken in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::time::{sleep, timeout};
use tokio_postgres::types::Type;

use crate::index::remote::Planned;
use crate::index::turn::Work;
use crate::model::error::Error;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::hub::{Hub, Loaded};
use crate::store::postgres::log::LogStream;
use crate::store::postgres::record::{Head, Record};
use crate::store::postgres::session::{Session, int8};
use crate::store::writer::now;

/// How long the thread waits after a failure before it tries again.
const PAUSE: Duration = Duration::from_millis(50);

/// Bytes of records in one statement, unless one instance has more.
const BYTES: usize = 16 << 20;

pub(super) struct Committer {
    hub: Arc<Hub>,
    session: Option<Session>,
    /// Whether the session hears of other sessions, and tells them.
    listens: bool,
    /// How often the heads are asked for.
    interval: Duration,
    /// When they are asked for next.
    next_poll: Instant,
    pending: BTreeMap<u64, Pending>,
    /// Since when nothing could be done, and why.
    failing: Option<(Instant, String)>,
}

/// What was planned for one instance, and is written or refused before anything else of it is planned.
struct Pending {
    loaded: Arc<Loaded>,
    planned: Planned,
    /// None if the answers only rest on what is there.
    record: Option<Record>,
    /// Whether the record was in a statement.
    was_sent: bool,
    /// When its writers have waited long enough.
    until: Instant,
}

/// The log of an instance as the database has it.
type Heads = BTreeMap<u64, Head>;

impl Committer {
    pub(super) fn new(hub: &Arc<Hub>, interval: Duration) -> Self {
        Self {
            hub: Arc::clone(hub),
            session: None,
            listens: false,
            interval,
            next_poll: Instant::now(),
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
                    self.plan(loaded, Vec::new(), None);
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
    fn plan(&mut self, loaded: &Arc<Loaded>, again: Vec<(u64, Work)>, until: Option<Instant>) {
        let Some(planned) = loaded.index.plan_line(again) else { return };
        if loaded.index.has_line() {
            // More than goes into one group.
            self.hub.dirty(loaded.number);
        }
        let behind = *loaded.head.lock();
        let record = Record::new(loaded.number, behind, planned.commits(), now());
        let began = self.failing.as_ref().map_or_else(Instant::now, |(since, _)| *since);
        let until = until.unwrap_or_else(|| began + self.hub.endpoint.patience);
        let pending = Pending { loaded: Arc::clone(loaded), planned, record, was_sent: false, until };
        self.pending.insert(loaded.number, pending);
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
        let written = self.write(session).await?;
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
        }
        if asked.is_empty() {
            return Ok(());
        }
        let heads = self.heads(session, &asked).await?;
        let mut followed = Ok(());
        for number in asked {
            let number = number.cast_unsigned();
            let pending = self.pending.remove(&number);
            // What is pending belongs to its own index, which may not be in the list any more.
            let own = pending.as_ref().map(|pending| Arc::clone(&pending.loaded));
            let listed = || loaded.iter().find(|loaded| loaded.number == number).cloned();
            let Some(loaded) = own.or_else(listed) else { continue };
            if let Err(fault) = self.follow(session, &loaded, pending, &heads).await {
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
        let (mut records, mut bytes) = (Vec::new(), 0);
        for (number, pending) in &self.pending {
            let Some(record) = &pending.record else { continue };
            bytes += record.commits.len();
            if bytes > BYTES && !records.is_empty() {
                break;
            }
            records.push((*number, record));
        }
        if records.is_empty() {
            return Ok(0);
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
        ];
        let mut parameters: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = Vec::new();
        for column in &columns {
            parameters.push((column, Type::INT8_ARRAY));
        }
        parameters.push((&commits, Type::BYTEA_ARRAY));
        let rows = session.query(&self.hub.endpoint.tables.write, &parameters).await?;
        drop(parameters);
        for number in &columns[0] {
            if let Some(pending) = self.pending.get_mut(&number.cast_unsigned()) {
                pending.was_sent = true;
            }
        }
        for row in &rows {
            let number = int8(row, 0)?;
            if let Some(pending) = self.pending.remove(&number) {
                pending.settle();
            }
        }
        Ok(rows.len())
    }

    async fn heads(&self, session: &Session, asked: &Vec<i64>) -> Result<Heads, Fault> {
        let rows = session.query(&self.hub.endpoint.tables.heads, &[(asked, Type::INT8_ARRAY)]).await?;
        let head =
            |row: &tokio_postgres::Row| Ok((int8(row, 0)?, Head { revision: int8(row, 1)?, chain: int8(row, 2)? }));
        rows.iter().map(head).collect()
    }

    /// Takes in what others wrote to an instance, and answers or plans again what is pending.
    async fn follow(
        &mut self,
        session: &Session,
        loaded: &Arc<Loaded>,
        mut pending: Option<Pending>,
        heads: &Heads,
    ) -> Result<(), Fault> {
        let known = *loaded.head.lock();
        let why = match heads.get(&loaded.number) {
            None => Some(loaded.unknown()),
            Some(head) if head.revision < known.revision || (head.revision == known.revision && *head != known) => {
                let what = "the log in the database is not the one that was read before".to_owned();
                Some(Error::Damaged { instance: Some(loaded.name.to_string()), what })
            }
            Some(head) if *head == known => {
                match pending {
                    Some(pending) if pending.record.is_none() => pending.settle(),
                    // It waits for the next statement, or the server wrote nothing for a reason that it does not tell.
                    Some(pending) => {
                        let was_sent = pending.was_sent;
                        self.pending.insert(loaded.number, pending);
                        if was_sent {
                            return Err(Fault::Refused("the server writes nothing, and does not say why".to_owned()));
                        }
                    }
                    None => {}
                }
                return Ok(());
            }
            Some(_) => None,
        };
        if let Some(why) = why {
            self.give_up(loaded, pending, &why);
            return Ok(());
        }
        let mut again = None;
        let taken_in = self.take_in(session, loaded, known, (&mut pending, &mut again)).await;
        match taken_in {
            Ok(()) => {
                if let Some((works, until)) = again {
                    self.plan(loaded, works, Some(until));
                } else if let Some(pending) = pending {
                    // Nothing was read. The instance was removed between the two questions, or its log has a hole.
                    self.pending.insert(loaded.number, pending);
                    return Err(Fault::Refused("the log ends before its head".to_owned()));
                }
                Ok(())
            }
            Err(Fault::Final(why)) => {
                if let Some((works, _)) = again {
                    loaded.index.refuse_works(works, &why);
                }
                self.give_up(loaded, pending, &why);
                Ok(())
            }
            Err(fault) => {
                // What was taken in before stays; the rest of it comes again.
                if let Some(pending) = pending {
                    self.pending.insert(loaded.number, pending);
                }
                Err(fault)
            }
        }
    }

    /// Takes in the records behind a head. What is pending is answered, or undone and has to be planned again.
    async fn take_in(
        &self,
        session: &Session,
        loaded: &Arc<Loaded>,
        known: Head,
        (pending, again): (&mut Option<Pending>, &mut Option<Again>),
    ) -> Result<(), Fault> {
        let instance = (&*loaded.name, loaded.number);
        let mut records = Vec::new();
        let mut log = LogStream::after(session, &self.hub.endpoint, instance, known).await?;
        // All are read before anything is undone.
        while let Some(record) = log.next().await? {
            records.push(record);
        }
        let damaged = |damage| Fault::damage(&loaded.name, damage);
        for record in records {
            if let Some(own) = pending.take_if(|pending| pending.wrote(&record)) {
                // The answer to the statement was lost, and it was carried out.
                own.settle();
                continue;
            }
            let commits = record.decode(loaded.number, loaded.identity).map_err(damaged)?;
            if let Some(Pending { planned, until, .. }) = pending.take() {
                *again = Some((loaded.index.undo_planned(planned), until));
            }
            loaded.index.take_in(commits).map_err(damaged)?;
            *loaded.head.lock() = record.head;
        }
        Ok(())
    }

    /// Ends an instance that is not what it was.
    fn give_up(&self, loaded: &Arc<Loaded>, pending: Option<Pending>, why: &Error) {
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

/// Writes to be planned again, and when they have waited long enough.
type Again = (Vec<(u64, Work)>, Instant);

impl Pending {
    /// Whether this is the record.
    fn wrote(&self, record: &Record) -> bool {
        self.record.as_ref().is_some_and(|own| own.group_id == record.group_id && own.head == record.head)
    }

    /// Shows what is written, and gives the answers.
    fn settle(self) {
        let Self { loaded, planned, record, .. } = self;
        if let Some(record) = record {
            *loaded.head.lock() = record.head;
        }
        loaded.index.settle_planned(planned);
    }
}
