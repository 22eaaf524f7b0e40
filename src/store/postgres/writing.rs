//! Writing planned commits.

use std::time::Instant;

use tokio_postgres::types::Type;

use crate::store::postgres::committer::{Committer, Pending};
use crate::store::postgres::fault::Fault;
use crate::store::postgres::news;
use crate::store::postgres::record::Record;
use crate::store::postgres::session::{Parameter, Session, int8};

/// Conflicts with other processes before the row of the instance is locked ahead of planning.
const ROUNDS: u32 = 3;

/// The most bytes of records in one statement. A larger record has a statement of its own.
const BYTES: usize = 16 << 20;

/// # Writing
impl Committer {
    /// Writes the pending records. A record stays pending if another process was first, or if the server refuses it.
    ///
    /// # Errors
    ///
    /// The reason of the last refusal, or that the connection is lost.
    pub(super) async fn write_pending(&mut self, session: &Session) -> Result<(), Fault> {
        let (tired, others): (Vec<_>, Vec<_>) = self.pending.iter().partition(|(_, pending)| pending.rounds >= ROUNDS);
        let others = others.into_iter().filter(|(_, pending)| pending.record.is_some());
        let (refused, others): (Vec<_>, Vec<_>) = others.partition(|(_, pending)| pending.is_refused);
        let numbers = |of: Vec<(&u64, &Pending)>| of.into_iter().map(|(&number, _)| number).collect::<Vec<u64>>();
        let (tired, refused, others) = (numbers(tired), numbers(refused), numbers(others));
        let mut done = Ok(());
        for number in tired {
            match self.write_locked(session, number).await {
                Ok(()) => {}
                lost @ Err(Fault::Lost(_)) => return lost.map(drop),
                Err(fault) => done = Err(fault),
            }
        }
        let together = self.first_of(&others);
        let alone = match self.write(session, &together).await {
            Ok(()) => refused,
            Err(Fault::Refused(_)) if together.len() > 1 => [&together[..], &refused[..]].concat(),
            lost @ Err(Fault::Lost(_)) => return lost.map(drop),
            Err(fault) => {
                done = Err(fault);
                self.note_refused(&together);
                refused
            }
        };
        for number in alone {
            match self.write(session, &[number]).await {
                Ok(()) => {}
                lost @ Err(Fault::Lost(_)) => return lost.map(drop),
                Err(fault) => {
                    done = Err(fault);
                    self.note_refused(&[number]);
                }
            }
        }
        done
    }

    fn note_refused(&mut self, numbers: &[u64]) {
        for number in numbers {
            if let Some(pending) = self.pending.get_mut(number) {
                pending.is_refused = true;
            }
        }
    }

    /// The first of these, as many as one statement takes.
    fn first_of(&self, numbers: &[u64]) -> Vec<u64> {
        let mut bytes = 0;
        let fits = |number: &&u64| {
            let record = self.pending.get(number).and_then(|pending| pending.record.as_ref());
            let is_first = bytes == 0;
            bytes += record.map_or(0, |record| record.commits.len());
            is_first || bytes <= BYTES
        };
        numbers.iter().take_while(fits).copied().collect()
    }

    /// Writes records in one transaction, with a notification behind it.
    async fn write(&mut self, session: &Session, numbers: &[u64]) -> Result<(), Fault> {
        let hint = self.listens.then(|| self.hint(session, numbers));
        let sent = self.send(session, numbers, hint.as_deref()).await;
        self.note_sent(numbers, &sent);
        self.settle_all(&sent?);
        Ok(())
    }

    fn hint(&self, session: &Session, numbers: &[u64]) -> String {
        session.hint(&self.hub.endpoint.tables.channel, numbers)
    }

    /// Writes the record of an instance that lost several conflicts: locks its row, then plans again.
    async fn write_locked(&mut self, session: &Session, number: u64) -> Result<(), Fault> {
        session.begin_locking().await?;
        let sent = match self.follow_locked(session, number).await {
            Ok(()) => self.send(session, &[number], None).await,
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
        let written = done?;
        if self.listens && !written.is_empty() {
            session.tell(self.hint(session, &written));
        }
        self.settle_all(&written);
        Ok(())
    }

    /// Locks the row of an instance, applies commits of other processes, and plans again.
    async fn follow_locked(&mut self, session: &Session, number: u64) -> Result<(), Fault> {
        let mut heads = news::read_heads(session, &self.hub.endpoint.tables.lock, &[number]).await?;
        self.follow_one(session, number, heads.remove(&number)).await
    }

    /// Runs the statement that writes the records of these instances, and sends `hint` right behind it. Gives those that were
    /// written.
    async fn send(&self, session: &Session, numbers: &[u64], hint: Option<&str>) -> Result<Vec<u64>, Fault> {
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
        let began = Instant::now();
        let rows = session.write(&self.hub.endpoint, &parameters, hint).await?;
        if !rows.is_empty() {
            self.hub.activity.lock().synced(began);
        }
        rows.iter().map(|row| int8(row, 0)).collect()
    }

    /// Notes for these records whether the statement was answered, or its answer lost.
    fn note_sent(&mut self, numbers: &[u64], answer: &Result<Vec<u64>, Fault>) {
        for number in numbers {
            if let Some(pending) = self.pending.get_mut(number) {
                pending.was_answered |= answer.is_ok();
                pending.is_in_doubt |= matches!(answer, Err(Fault::Lost(_)));
            }
        }
    }

    fn settle_all(&mut self, written: &[u64]) {
        for number in written {
            if let Some(pending) = self.pending.remove(number) {
                self.answered += pending.planned.operations();
                self.settle(pending);
            }
        }
    }
}
