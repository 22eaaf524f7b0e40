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
use crate::store::postgres::load::read_instance;
use crate::store::postgres::log::LogReader;
use crate::store::postgres::record::{Head, Record};
use crate::store::postgres::session::{Session, int8};
use crate::store::postgres::worker::Tasks;
use crate::store::writer::now;

/// How long the thread waits after a failure before it tries again.
const PAUSE: Duration = Duration::from_millis(50);

/// Bytes of records in one statement, unless one instance has more.
const BYTES: usize = 16 << 20;

pub(super) struct Committer {
    hub: Arc<Hub>,
    /// Where checkpoints are written.
    checkpoints: Tasks,
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
    /// Whether a statement with the record was answered.
    was_answered: bool,
    /// Whether the answer to a statement with the record was lost: it may have been carried out.
    is_in_doubt: bool,
    /// When its writers have waited long enough.
    until: Instant,
}

/// The logs of instances as the database has them, and the revisions of their checkpoints.
type Heads = BTreeMap<u64, (Head, Revision)>;

/// What was found of the log behind a head.
enum Found {
    /// Every record follows the one before.
    Next(Vec<Record>),
    /// The log was trimmed up to a later one, or it is not the one that was read before.
    Other,
}

impl Committer {
    pub(super) fn new(hub: &Arc<Hub>, checkpoints: Tasks, interval: Duration) -> Self {
        Self {
            hub: Arc::clone(hub),
            checkpoints,
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
        let pending =
            Pending { loaded: Arc::clone(loaded), planned, record, was_answered: false, is_in_doubt: false, until };
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
            column(|record| record.changes),
            column(|record| record.written),
        ];
        let mut parameters: Vec<(&(dyn tokio_postgres::types::ToSql + Sync), Type)> = Vec::new();
        for column in &columns {
            parameters.push((column, Type::INT8_ARRAY));
        }
        parameters.push((&commits, Type::BYTEA_ARRAY));
        let written = session.query(&self.hub.endpoint.tables.write, &parameters).await;
        drop(parameters);
        for number in &columns[0] {
            if let Some(pending) = self.pending.get_mut(&number.cast_unsigned()) {
                pending.was_answered |= written.is_ok();
                pending.is_in_doubt |= matches!(written, Err(Fault::Lost(_)));
            }
        }
        let written = written?;
        for row in &written {
            let number = int8(row, 0)?;
            if let Some(pending) = self.pending.remove(&number) {
                self.settle(pending);
            }
        }
        Ok(written.len())
    }

    async fn heads(&self, session: &Session, asked: &Vec<i64>) -> Result<Heads, Fault> {
        let rows = session.query(&self.hub.endpoint.tables.heads, &[(asked, Type::INT8_ARRAY)]).await?;
        let head = |row: &Row| {
            let head = Head { revision: int8(row, 1)?, chain: int8(row, 2)? };
            Ok((int8(row, 0)?, (head, int8(row, 3)?)))
        };
        rows.iter().map(head).collect()
    }

    /// Takes in what others wrote to an instance, and answers or plans again what is pending.
    async fn follow(
        &mut self,
        session: &Session,
        loaded: &Arc<Loaded>,
        pending: Option<Pending>,
        heads: &Heads,
    ) -> Result<(), Fault> {
        let known = *loaded.head.lock();
        let Some(&(head, image)) = heads.get(&loaded.number) else {
            self.give_up(loaded, pending, &loaded.unknown());
            return Ok(());
        };
        loaded.note_image(image);
        if head == known {
            return self.go_on(loaded, pending);
        }
        let mut open = Open { pending, again: None };
        let done = self.catch_up(session, loaded, (known, head), &mut open).await;
        let Open { pending, again } = open;
        match done {
            Ok(()) => {
                if let Some((works, until)) = again {
                    self.plan(loaded, works, Some(until));
                } else if let Some(pending) = pending {
                    // Nothing was read: the instance was removed between the two questions.
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

    /// Nobody else wrote to an instance: what is pending is answered, or was not written.
    fn go_on(&mut self, loaded: &Arc<Loaded>, pending: Option<Pending>) -> Result<(), Fault> {
        match pending {
            Some(pending) if pending.record.is_none() => self.settle(pending),
            // It waits for the next statement, or the server wrote nothing for a reason that it does not tell.
            Some(pending) => {
                let was_answered = pending.was_answered;
                self.pending.insert(loaded.number, pending);
                if was_answered {
                    return Err(Fault::Refused("the server writes nothing, and does not say why".to_owned()));
                }
            }
            None => {}
        }
        Ok(())
    }

    /// Comes from the known head of an instance to the one that the database has.
    async fn catch_up(
        &self,
        session: &Session,
        loaded: &Arc<Loaded>,
        (known, head): (Head, Head),
        open: &mut Open,
    ) -> Result<(), Fault> {
        if head.revision > known.revision
            && let Found::Next(records) = self.read_log(session, loaded, known).await?
        {
            self.take_in(loaded, records, open)
        } else {
            self.read_again(session, loaded, open).await
        }
    }

    /// The records behind a head. All are read before anything is undone.
    async fn read_log(&self, session: &Session, loaded: &Loaded, known: Head) -> Result<Found, Fault> {
        let mut log = LogReader::after(session, &self.hub.endpoint, loaded.number, known).await?;
        let (mut records, mut follow) = (Vec::new(), true);
        // To the end, so that the session is ready for the next question.
        while let Some(record) = log.next().await? {
            follow &= record.is_next();
            if follow {
                records.push(record);
            }
        }
        Ok(if follow { Found::Next(records) } else { Found::Other })
    }

    /// Takes in records. What is pending is answered, or undone and has to be planned again.
    fn take_in(&self, loaded: &Arc<Loaded>, records: Vec<Record>, open: &mut Open) -> Result<(), Fault> {
        let damaged = |damage| Fault::damage(&loaded.name, damage);
        for record in records {
            if let Some(own) = open.pending.take_if(|pending| pending.wrote(&record)) {
                // The answer to the statement was lost, and it was carried out.
                self.settle(own);
                continue;
            }
            let commits = record.decode(loaded.number, loaded.identity).map_err(damaged)?;
            open.undo(loaded);
            loaded.index.take_in(commits).map_err(damaged)?;
            *loaded.head.lock() = record.head;
            self.note_log(loaded, record.bytes());
        }
        Ok(())
    }

    /// Reads an instance anew that was changed beyond what can be followed. Its subscribers miss what lies between.
    async fn read_again(&self, session: &Session, loaded: &Arc<Loaded>, open: &mut Open) -> Result<(), Fault> {
        let found = read_instance(&self.hub, session, &loaded.name).await?;
        if found.entry.number != loaded.number {
            return Err(Fault::Final(loaded.unknown()));
        }
        if let Some(Pending { planned, .. }) = open.pending.take_if(|pending| pending.is_in_doubt) {
            let cause = "whether it was written cannot be told any more: the log was trimmed or replaced".to_owned();
            loaded.index.refuse_planned(planned, &Error::Unavailable { cause });
        }
        open.undo(loaded);
        loaded.index.read_again(found.version.clone());
        loaded.note_read(&found);
        Ok(())
    }

    /// Shows what is written, and gives the answers.
    fn settle(&self, pending: Pending) {
        let Pending { loaded, planned, record, .. } = pending;
        if let Some(record) = &record {
            *loaded.head.lock() = record.head;
        }
        loaded.index.settle_planned(planned);
        self.note_log(&loaded, record.map_or(0, |record| record.bytes()));
    }

    fn note_log(&self, loaded: &Arc<Loaded>, bytes: u64) {
        if loaded.note_log(bytes, &self.hub.tuning) {
            let loaded = Arc::clone(loaded);
            // If it fails, the next record asks for it again.
            self.checkpoints.tell(move |worker| drop(worker.checkpoint(&loaded)));
        }
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

/// What has no answer while an instance catches up.
struct Open {
    pending: Option<Pending>,
    again: Option<Again>,
}

impl Open {
    /// Undoes what is pending; it has to be planned again.
    fn undo(&mut self, loaded: &Loaded) {
        if let Some(Pending { planned, until, .. }) = self.pending.take() {
            self.again = Some((loaded.index.undo_planned(planned), until));
        }
    }
}

impl Pending {
    /// Whether this is the record.
    fn wrote(&self, record: &Record) -> bool {
        self.record.as_ref().is_some_and(|own| own.group_id == record.group_id && own.head == record.head)
    }
}
