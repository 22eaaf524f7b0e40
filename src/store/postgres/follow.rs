//! Following what other processes write.

use std::sync::Arc;

use crate::model::error::Error;
use crate::store::postgres::committer::{Again, Committer, Heads, Pending};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::hub::Loaded;
use crate::store::postgres::load::read_instance;
use crate::store::postgres::log::LogReader;
use crate::store::postgres::record::{Head, Record};
use crate::store::postgres::session::Session;

/// What was found of the log behind a head.
enum Behind {
    /// Every record follows the one before.
    Next(Vec<Record>),
    /// The log was trimmed up to a later one, or it is not the one that was read before.
    Other,
}

/// What has no answer while an instance catches up.
struct Open {
    pending: Option<Pending>,
    again: Option<Again>,
}

impl Open {
    /// Undoes what is pending; it has to be planned again.
    fn undo(&mut self, loaded: &Loaded) {
        if let Some(Pending { planned, until, rounds, .. }) = self.pending.take() {
            self.again = Some(Again { works: loaded.index.undo_planned(planned), until, rounds: rounds + 1 });
        }
    }
}

/// # Following
impl Committer {
    /// Follows what others wrote to the instance of a number, if it is loaded.
    pub(super) async fn follow_one(
        &mut self,
        session: &Session,
        loaded: &[Arc<Loaded>],
        number: u64,
        heads: &Heads,
    ) -> Result<(), Fault> {
        let pending = self.pending.remove(&number);
        // What is pending belongs to its own index, which may not be in the list any more.
        let own = pending.as_ref().map(|pending| Arc::clone(&pending.loaded));
        let listed = || loaded.iter().find(|loaded| loaded.number == number).cloned();
        match own.or_else(listed) {
            Some(loaded) => self.follow(session, &loaded, pending, heads).await,
            None => Ok(()),
        }
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
                if again.is_some() {
                    self.plan(loaded, again);
                } else if let Some(pending) = pending {
                    // Nothing was read: the instance was removed between the two questions.
                    self.pending.insert(loaded.number, pending);
                    return Err(Fault::Refused("the log ends before its head".to_owned()));
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
            && let Behind::Next(records) = self.read_log(session, loaded, known).await?
        {
            self.take_in(loaded, records, open)
        } else {
            self.read_again(session, loaded, open).await
        }
    }

    /// The records behind a head. All are read before anything is undone.
    async fn read_log(&self, session: &Session, loaded: &Loaded, known: Head) -> Result<Behind, Fault> {
        let mut log = LogReader::after(session, &self.hub.endpoint, loaded.number, known).await?;
        let (mut records, mut follow) = (Vec::new(), true);
        // To the end, so that the session is ready for the next question.
        while let Some(record) = log.next().await? {
            follow &= record.is_next();
            if follow {
                records.push(record);
            }
        }
        Ok(if follow { Behind::Next(records) } else { Behind::Other })
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
}
