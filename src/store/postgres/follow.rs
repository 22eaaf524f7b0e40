//! Applying commits of other processes.

use std::sync::Arc;

use crate::model::error::Error;
use crate::store::postgres::committer::{Again, Committer, Pending};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::load::read_instance;
use crate::store::postgres::loaded::Loaded;
use crate::store::postgres::log::LogReader;
use crate::store::postgres::news::Found;
use crate::store::postgres::record::{Head, Record};
use crate::store::postgres::session::Session;

/// The log after a head.
enum Behind {
    /// Every record follows the one before. There is one at least.
    Next(Vec<Record>),
    /// The next record is missing, since the log was trimmed, or belongs to another history.
    Other,
}

/// Operations without an answer while an instance catches up.
struct Open {
    pending: Option<Pending>,
    again: Option<Again>,
}

impl Open {
    /// Undoes the pending plan, to be planned again.
    fn undo(&mut self, loaded: &Loaded) {
        if let Some(Pending { planned, until, rounds, .. }) = self.pending.take() {
            self.again = Some(Again { works: loaded.index.undo_planned(planned), until, rounds: rounds + 1 });
        }
    }
}

/// # Following
impl Committer {
    /// Applies commits of other processes to an instance, if it is loaded. `found` is none if the database does not have it.
    pub(super) async fn follow_one(
        &mut self,
        session: &Session,
        number: u64,
        found: Option<Found>,
    ) -> Result<(), Fault> {
        let pending = self.pending.remove(&number);
        // A pending plan keeps its own index, which may have left the list.
        let own = pending.as_ref().map(|pending| Arc::clone(&pending.loaded));
        match own.or_else(|| self.hub.numbered(number)) {
            Some(loaded) => self.follow(session, &loaded, pending, found).await,
            None => Ok(()),
        }
    }

    /// Applies commits of other processes to an instance, and answers the pending plan or plans again.
    async fn follow(
        &mut self,
        session: &Session,
        loaded: &Arc<Loaded>,
        pending: Option<Pending>,
        found: Option<Found>,
    ) -> Result<(), Fault> {
        let known = *loaded.head.lock();
        let Some(Found { head, image, records }) = found else {
            self.give_up(loaded, pending, &loaded.unknown());
            return Ok(());
        };
        loaded.note_image(image);
        if head == known {
            return self.go_on(loaded, pending);
        }
        let mut open = Open { pending, again: None };
        let done = self.catch_up(session, loaded, (known, head, records), &mut open).await;
        let Open { pending, again } = open;
        match done {
            Ok(()) => {
                // The pending plan was answered or undone.
                if again.is_some() {
                    self.plan(loaded, again);
                }
                Ok(())
            }
            Err(Fault::Final(why)) => {
                if let Some(Again { works, .. }) = again {
                    loaded.index.refuse_works(works, &why);
                }
                self.give_up(loaded, pending, &why);
                Ok(())
            }
            Err(fault) => {
                // Applied records stay; the rest is read again in the next round.
                if again.is_some() {
                    self.plan(loaded, again);
                } else if let Some(pending) = pending {
                    self.pending.insert(loaded.number, pending);
                }
                Err(fault)
            }
        }
    }

    /// The head is the known one: no other process wrote to the instance, and neither did the pending plan.
    fn go_on(&mut self, loaded: &Arc<Loaded>, pending: Option<Pending>) -> Result<(), Fault> {
        match pending {
            Some(pending) if pending.record.is_none() => self.settle(pending),
            // It was not sent yet; or the server answered and wrote nothing, without a reason.
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

    /// Applies the log from the known head to the one in the database: the records that came with that head, then page by page. A
    /// record of our own whose answer was lost is the first after the known head, or not in the log at all.
    async fn catch_up(
        &self,
        session: &Session,
        loaded: &Arc<Loaded>,
        (mut known, head, mut records): (Head, Head, Vec<Record>),
        open: &mut Open,
    ) -> Result<(), Fault> {
        if head.revision <= known.revision {
            return self.read_again(session, loaded, open).await;
        }
        if records.first().is_some_and(|first| first.behind == known) && records.iter().all(Record::is_next) {
            self.take_in(loaded, std::mem::take(&mut records), open)?;
            known = *loaded.head.lock();
        }
        while known.revision < head.revision {
            let Behind::Next(records) = self.read_log(session, loaded, known).await? else {
                return self.read_again(session, loaded, open).await;
            };
            self.take_in(loaded, records, open)?;
            known = *loaded.head.lock();
        }
        Ok(())
    }

    /// A page of records after a head.
    async fn read_log(&self, session: &Session, loaded: &Loaded, known: Head) -> Result<Behind, Fault> {
        let mut log = LogReader::page(session, &self.hub.endpoint, loaded.number, known).await?;
        let (mut records, mut follow) = (Vec::new(), true);
        // Reads to the end, so that the session is free for the next statement.
        while let Some(record) = log.next().await? {
            follow &= record.is_next();
            if follow {
                records.push(record);
            }
        }
        Ok(if follow && !records.is_empty() { Behind::Next(records) } else { Behind::Other })
    }

    /// Applies records. The pending plan is answered if one of them is its own, and otherwise undone.
    fn take_in(&self, loaded: &Arc<Loaded>, records: Vec<Record>, open: &mut Open) -> Result<(), Fault> {
        let damaged = |damage| Fault::damage(&loaded.name, damage);
        for record in records {
            if let Some(own) = open.pending.take_if(|pending| pending.wrote(&record)) {
                // The statement was carried out, and its answer lost.
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

    /// Loads an instance again that cannot be followed record by record. Its subscribers miss the commits in between.
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
}
