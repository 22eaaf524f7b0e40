//! Scripts at random, in which tickets are opened, and committed after other writes.

use std::fmt;

use label_index::{Delivery, Error, FullState, LabelIndex, Options, RefreshTicket, Subscriber};
use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Record, Target, Written};
use crate::model::action::{Action, Tokens};
use crate::model::bytes::Bytes;
use crate::model::compare::{Difference, same};
use crate::model::effect::Effect;
use crate::model::keys::Space;
use crate::model::operation::Operation;
use crate::model::reference::Model;
use crate::model::step::{Step, fields, step};
use crate::replica::{Folded, Replica};

const CHUNK: usize = 24;

#[derive(Debug, Clone)]
enum Move {
    Write(Action),
    Batch(Vec<Action>),
    Begin,
    Cancel,
    Drop,
    Commit(Told),
    Snapshot,
}

/// What the network tells: what the index has but for some of it, and some records at random.
#[derive(Debug, Clone)]
struct Told {
    /// Of what the index has, this many parts of 256 are told. None at all is not rare.
    share: u8,
    salt: u8,
    records: Vec<Record>,
    even_if_empty: bool,
}

struct Script {
    limits: label_index::Limits,
    moves: Vec<Move>,
}

struct Trial {
    index: LabelIndex,
    model: Model,
    ticket: Option<RefreshTicket>,
    /// Of the model; nothing unless its ticket is open.
    written: Option<Written>,
    cancelled: bool,
    refreshed: Option<u64>,
    feed: Subscriber,
    copy: Folded,
    snapshot: Option<(label_index::Snapshot, Replica)>,
}

fn moves(chunks: &[[u8; CHUNK]]) -> Vec<Move> {
    let mut chunks = chunks.iter().map(|chunk| &chunk[..]);
    let mut moves = Vec::new();
    while let Some(chunk) = chunks.next() {
        let bytes = &mut Bytes::new(chunk);
        moves.push(match bytes.below(16) {
            0..=1 => Move::Begin,
            2..=3 => Move::Commit(told(bytes, &mut chunks)),
            4 => match bytes.below(6) {
                0 => Move::Cancel,
                1 => Move::Drop,
                2 => Move::Snapshot,
                _ => Move::Begin,
            },
            _ => match step(Space::Tiny, &chunk[1..], &mut chunks) {
                Step::Do(action) => Move::Write(action),
                Step::Batch(actions) => Move::Batch(actions),
                _ => continue,
            },
        });
    }
    moves
}

fn told<'a>(bytes: &mut Bytes<'_>, following: &mut impl Iterator<Item = &'a [u8]>) -> Told {
    let even_if_empty = bytes.below(2) == 1;
    let share = bytes.pick(&[0, 128, 200, 240, 255]);
    let (salt, count) = (bytes.byte(), bytes.below(10));
    let records = following.take(usize::from(count)).flat_map(|chunk| {
        let bytes = &mut Bytes::new(chunk);
        bytes.many(2, record)
    });
    Told { share, salt, records: records.flatten().collect(), even_if_empty }
}

fn record(bytes: &mut Bytes<'_>) -> Option<Record> {
    let kind = bytes.below(8);
    let label = Space::Tiny.label(bytes).parse().ok()?;
    match kind {
        0..=1 => {
            let fields = fields(Space::Tiny, bytes).patch().ok()?;
            Some(Record::Label(label, fields))
        }
        2 => Some(Record::DeletedLabel(label)),
        3 => Some(Record::RemovedLink(label, Space::Tiny.chat(bytes).parse().ok()?)),
        _ => Some(Record::Link(label, Space::Tiny.chat(bytes).parse().ok()?)),
    }
}

impl Told {
    /// The records, some of which depend on what the index has.
    fn records(&self, model: &Model) -> Vec<Record> {
        let labels = model.labels.known.iter().map(|(id, fields)| Record::Label(id.clone(), fields.clone()));
        let links = model.pairs().into_iter().map(|(id, chat)| Record::Link(id, chat));
        let mut state = u32::from(self.salt);
        let is_told = |_: &Record| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            self.share == 255 || (state >> 24) < u32::from(self.share)
        };
        let mut records: Vec<_> = labels.chain(links).filter(is_told).chain(self.records.iter().cloned()).collect();
        if self.salt % 2 == 1 {
            records.reverse();
        }
        records
    }
}

impl Trial {
    fn new(limits: label_index::Limits) -> Self {
        let index = Options::new().limits(limits).hash_seed(1).build();
        Self {
            feed: index.subscribe(),
            index,
            model: Model::new(limits),
            ticket: None,
            written: None,
            cancelled: false,
            refreshed: None,
            copy: Folded::default(),
            snapshot: None,
        }
    }

    fn take(&mut self, step: &Move) -> Result<(), Difference> {
        let before = self.model.revision;
        match step {
            Move::Write(action) => {
                let parsed = action.parse(&Tokens::default());
                let expected = parsed.and_then(|operation| {
                    let before = self.model.clone();
                    let done = self.model.commit(&operation)?;
                    self.note(before, &[operation], std::slice::from_ref(&done.effect));
                    Ok(done)
                });
                same("outcome", &action.perform(&self.index), &expected)?;
            }
            Move::Batch(actions) => self.batch(actions)?,
            Move::Begin => {
                let expected = if self.written.is_some() { Some(Error::RefreshInProgress) } else { None };
                let begun = self.index.begin_refresh();
                same("begin", &begun.as_ref().err(), &expected.as_ref())?;
                if let Ok(ticket) = begun {
                    self.ticket = Some(ticket);
                    self.written = Some(Written::default());
                    self.cancelled = false;
                }
            }
            Move::Cancel => {
                same("cancel", &self.index.cancel_refresh(), &self.written.is_some())?;
                self.cancelled |= self.written.take().is_some();
            }
            Move::Drop => {
                self.ticket = None;
                self.written = None;
            }
            Move::Commit(told) => {
                if let Some(ticket) = self.ticket.take() {
                    self.commit(ticket, told)?;
                }
            }
            Move::Snapshot => {
                self.compare_snapshot()?;
                let snapshot = self.index.snapshot();
                self.model.oldest_held = Some(snapshot.revision());
                self.snapshot = Some((snapshot.clone(), Replica::from(&snapshot)));
            }
        }
        self.drain(before)?;
        self.compare()
    }

    fn batch(&mut self, actions: &[Action]) -> Result<(), Difference> {
        let (mut batch, mut tokens, mut operations) = (self.index.batch(), Tokens::default(), Vec::new());
        for action in actions {
            let parsed = action.parse(&tokens);
            let added = action.add(&mut batch, &tokens);
            same("added", &added.is_ok(), &parsed.is_ok())?;
            if let (Ok(operation), Ok(token)) = (parsed, added) {
                tokens.own.extend(token.map(|token| (operations.len(), token)));
                operations.push(operation);
            }
        }
        let before = self.model.clone();
        let expected = self.model.commit_batch(&operations);
        if let Ok(done) = &expected {
            self.note(before, &operations, &done.effects);
        }
        same("batch", &batch.commit().map(|done| done.revision), &expected.map(|done| done.revision))
    }

    /// Notes operations that were carried out.
    fn note(&mut self, mut before: Model, operations: &[Operation], effects: &[Effect]) {
        let Some(written) = &mut self.written else { return };
        for (position, operation) in operations.iter().enumerate() {
            let earlier = &effects[..position];
            written.note(&before, operation, &effects[position], earlier);
            before.carry_out(operation, earlier).expect("it was carried out");
        }
    }

    fn commit(&mut self, ticket: RefreshTicket, told: &Told) -> Result<(), Difference> {
        let records = told.records(&self.model);
        let mut state = FullState::new();
        records.iter().for_each(|record| record.add_to(&mut state));
        let committed =
            if told.even_if_empty { ticket.commit_even_if_empty(state.clone()) } else { ticket.commit(state.clone()) };
        let expected = match &self.written {
            None => Err(Error::TicketCancelled),
            Some(written) => self.model.refreshed(&records, written, told.even_if_empty),
        };
        match (committed, expected) {
            (Err(refused), Err(cause)) => {
                same("cause", &refused.cause, &cause)?;
                same("state", &refused.state, &state)?;
                self.ticket = Some(refused.ticket);
                Ok(())
            }
            (Ok(committed), Ok(target)) => {
                self.written = None;
                self.took_over(&committed, &target)
            }
            (committed, expected) => Err(format!("refresh\n  the crate: {committed:?}\n  the model: {expected:?}")),
        }
    }

    fn took_over(
        &mut self,
        committed: &label_index::Committed<label_index::Refreshed>,
        target: &Target,
    ) -> Result<(), Difference> {
        let expected = self.model.differences(target);
        let changed = !expected.is_empty() || self.refreshed.is_none();
        same("changed", &committed.changed(), &changed)?;
        same("revision", &committed.revision, &(self.model.revision + u64::from(changed)))?;
        let found = [
            committed.labels_created,
            committed.labels_updated,
            committed.labels_removed,
            committed.linked,
            committed.unlinked,
        ];
        same("counts", &found, &counts(&expected))?;
        if !changed {
            return Ok(());
        }
        let Some(Delivery::Commit(commit)) = self.feed.try_recv() else { return Err("no commit in the feed".into()) };
        same("last change", &commit.changes.last(), &Some(&label_index::Change::Refreshed))?;
        let differs: Vec<_> = commit.changes.iter().filter_map(|change| self.model.apply(change)).collect();
        same("number of changes", &differs.len(), &(commit.changes.len() - 1))?;
        same("changes", &sorted(differs), &sorted(expected))?;
        self.model.settle(true);
        self.refreshed = Some(commit.revision);
        self.copy.apply(&commit);
        same("labels", &self.model.labels.known, &target.labels)?;
        same("pairs", &self.model.pairs(), &target.links)
    }

    /// Takes in what the feed delivers: one commit if there was one, and nothing else.
    fn drain(&mut self, before: u64) -> Result<(), Difference> {
        if self.model.revision > before && self.copy.revision() == before {
            match self.feed.try_recv() {
                Some(Delivery::Commit(commit)) => self.copy.apply(&commit),
                other => return Err(format!("the feed gave {other:?}")),
            }
        }
        same("feed", &self.feed.try_recv(), &None)
    }

    fn compare(&self) -> Result<(), Difference> {
        let now = Replica::from(&self.index.snapshot());
        same("copy", &self.copy.replica(), &now)?;
        same("refreshed", &now.refreshed, &self.refreshed)?;
        self.model.compare(&self.index, Space::Tiny)
    }

    fn compare_snapshot(&self) -> Result<(), Difference> {
        self.snapshot.as_ref().map_or(Ok(()), |(snapshot, was)| same("snapshot", &Replica::from(snapshot), was))
    }
}

fn counts(differs: &[super::model::Differs]) -> [usize; 5] {
    use super::model::Differs;
    let count = |is: fn(&Differs) -> bool| differs.iter().filter(|differs| is(differs)).count();
    [
        count(|differs| matches!(differs, Differs::Created(_))),
        count(|differs| matches!(differs, Differs::Updated(_))),
        count(|differs| matches!(differs, Differs::Removed(..))),
        count(|differs| matches!(differs, Differs::Linked(..))),
        count(|differs| matches!(differs, Differs::Unlinked(..))),
    ]
}

fn sorted(differs: Vec<super::model::Differs>) -> Vec<String> {
    let mut texts: Vec<_> = differs.into_iter().map(|differs| format!("{differs:?}")).collect();
    texts.sort();
    texts
}

impl Script {
    fn run(&self) {
        let mut trial = Trial::new(self.limits);
        for (number, step) in self.moves.iter().enumerate() {
            if let Err(difference) = trial.take(step) {
                panic!("move {number} differs: {difference}\n{self:?}");
            }
        }
        if let Err(difference) = trial.compare_snapshot() {
            panic!("the snapshot differs: {difference}\n{self:?}");
        }
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.moves.iter().enumerate().try_for_each(|(number, step)| writeln!(f, "{number:>4}: {step:?}"))
    }
}

fn script(length: usize) -> impl Strategy<Value = Script> {
    vec(any::<[u8; CHUNK]>(), 1..=length)
        .prop_map(|chunks| Script { limits: label_index::Limits::default(), moves: moves(&chunks) })
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 600,
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_refresh_is_what_the_model_says(script in script(80)) {
        script.run();
    }
}
