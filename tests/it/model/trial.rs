//! A script that is being run on the index and on the model.

use std::mem;

use label_index::{ChatId, Cursor, Error, Filter, LabelIndex, Limits, Options, Page, Place, RefreshTicket, Snapshot};

use super::action::{Action, Tokens};
use super::answered::Answered;
use super::compare::{Difference, same};
use super::effect::BatchDone;
use super::follower::Follower;
use super::joins::Joins;
use super::keys::Space;
use super::labels::Listed;
use super::list_laws;
use super::reference::Model;
use super::step::{Ask, From, Of, Step};
use super::view::View;

/// The most snapshots and cursors that are kept; the oldest is dropped first.
const KEPT: usize = 4;

pub(crate) struct Trial {
    space: Space,
    pub(super) index: LabelIndex,
    pub(super) model: Model,
    /// The ticket that was given out last, perhaps cancelled.
    pub(super) ticket: Option<RefreshTicket>,
    pub(super) joins: Joins,
    /// Receives each commit at once.
    pub(super) prompt: Follower,
    /// Receives commits now and then.
    slow: Follower,
    /// Snapshots, each with the model at its revision.
    snapshots: Vec<(Snapshot, Model)>,
    /// Cursors, each with its place.
    cursors: Vec<(Cursor, Place)>,
    /// Cursors of answers over lists, each with its id and the list.
    listed: Vec<(Cursor, ChatId, Vec<String>)>,
    foreign: Cursor,
    tokens: Tokens,
}

impl Trial {
    /// Begins with an empty index.
    pub(crate) fn new(space: Space, limits: Limits, index: LabelIndex) -> Self {
        Self {
            space,
            prompt: Follower::from_beginning(&index),
            slow: Follower::from_beginning(&index),
            ticket: None,
            joins: Joins::default(),
            index,
            model: Model::new(limits),
            snapshots: Vec::new(),
            cursors: Vec::new(),
            listed: Vec::new(),
            foreign: foreign_cursor(),
            tokens: Tokens::default(),
        }
    }

    pub(crate) fn take(&mut self, number: usize, step: &Step) -> Result<(), Difference> {
        match step {
            Step::Do(action) => {
                let expected = action.parse(&Tokens::default()).and_then(|operation| self.model.commit(&operation));
                same("outcome", &action.perform(&self.index), &expected)?;
                self.follow()?;
            }
            Step::Batch(actions) => self.batch(actions)?,
            Step::Query { filter, limit, from, of } => self.query(filter, *limit, *from, *of)?,
            Step::Count { filter, of } => self.ask(*of, |view, model| {
                let found = view.count_by_label(filter).map(|counts| {
                    counts.iter().map(|(label, count)| (Listed::from(label), *count)).collect::<Vec<_>>()
                });
                same("counts", &found, &model.count_by_label(filter))
            })?,
            Step::Among { filter, chats, limit, from, of } => self.among(filter, chats, *limit, *from, *of)?,
            Step::TakeSnapshot => self.hold(self.index.snapshot(), self.model.clone())?,
            Step::CloneSnapshot(choice) => {
                if let Some((snapshot, model)) = pick(&self.snapshots, *choice).cloned() {
                    self.hold(snapshot, model)?;
                }
            }
            Step::DropSnapshot(choice) => {
                if !self.snapshots.is_empty() {
                    self.release(usize::from(*choice) % self.snapshots.len())?;
                }
            }
            Step::CompareAll => self.compare_all()?,
            Step::BeginRefresh => self.begin_refresh()?,
            Step::CommitRefresh(told) => self.commit_refresh(told)?,
            Step::CancelRefresh => self.cancel_refresh()?,
            Step::JoinRefresh => self.join_refresh()?,
            Step::DropTicket => self.drop_ticket()?,
            Step::FailTicket(why) => self.fail_ticket(why)?,
            Step::CatchUp => self.follow_slowly()?,
            Step::Subscribe(of) => {
                let held = self.held(*of).map_or_else(|| self.index.snapshot(), |(snapshot, _)| snapshot.clone());
                self.slow = Follower::after(&self.index, &held);
            }
        }
        self.joins.wait()?;
        let often = if self.space == Space::Tiny { 4 } else { 16 };
        match (number + 1) % often {
            0 => self.compare(),
            _ => self.model.compare_totals(&self.index),
        }
    }

    pub(crate) fn finish(mut self) -> Result<(), Difference> {
        self.follow_slowly()?;
        self.compare_all()?;
        while !self.snapshots.is_empty() {
            self.release(0)?;
        }
        Ok(())
    }

    /// Drops everything that keeps the index loaded, continues with the index that `again` returns, which has to be the
    /// same, and compares everything. Cursors and copies stay.
    pub(crate) fn go_on_with(&mut self, again: impl FnOnce() -> LabelIndex) -> Result<(), Difference> {
        while !self.snapshots.is_empty() {
            self.release(0)?;
        }
        self.drop_ticket()?;
        let nothing = LabelIndex::new();
        let copies = [&mut self.prompt, &mut self.slow]
            .map(|follower| mem::replace(follower, Follower::from_beginning(&nothing)).stop());
        drop(mem::replace(&mut self.index, nothing));
        self.index = again();
        for (copy, follower) in copies.into_iter().zip([&mut self.prompt, &mut self.slow]) {
            *follower = Follower::resume(copy, &self.index);
            let missed = follower.catch_up(&self.index, |commit| self.model.check_removals(commit));
            // By default a store retains as many changes on disk as a feed keeps in memory.
            let keeps_all =
                self.space == Space::Tiny && self.model.limits.feed_changes == Limits::default().feed_changes;
            same("missed what is retained", &(missed && keeps_all), &false)?;
            follower.compare(&self.index)?;
        }
        self.compare_all()
    }

    fn follow(&mut self) -> Result<(), Difference> {
        let missed = self.prompt.catch_up(&self.index, |commit| self.model.check_removals(commit));
        self.may_miss(missed)
    }

    /// The slow follower is a consumer that was stopped: it resumes from the position that it stored.
    fn follow_slowly(&mut self) -> Result<(), Difference> {
        let stopped = mem::replace(&mut self.slow, Follower::from_beginning(&LabelIndex::new())).stop();
        self.slow = Follower::resume(stopped, &self.index);
        let missed = self.slow.catch_up(&self.index, |commit| self.model.check_removals(commit));
        self.may_miss(missed)?;
        self.slow.compare(&self.index)
    }

    /// No script over the tiny space makes as many changes as a feed keeps by default.
    fn may_miss(&self, missed: bool) -> Result<(), Difference> {
        let keeps_all = self.space == Space::Tiny && self.model.limits.feed_changes == Limits::default().feed_changes;
        same("missed", &(missed && keeps_all), &false)
    }

    fn compare(&self) -> Result<(), Difference> {
        self.prompt.compare(&self.index)?;
        self.model.compare(&self.index, self.space)
    }

    fn compare_all(&self) -> Result<(), Difference> {
        self.compare()?;
        self.snapshots.iter().try_for_each(|(snapshot, model)| model.compare(snapshot, self.space))
    }

    pub(crate) fn batch(&mut self, actions: &[Action]) -> Result<(), Difference> {
        let mut batch = self.index.batch();
        let mut operations = Vec::new();
        for action in actions {
            let parsed = action.parse(&self.tokens);
            let added = action.add(&mut batch, &self.tokens);
            let refused = parsed.as_ref().err();
            same(("added", action), &added.as_ref().err(), &refused)?;
            if let Ok(operation) = parsed {
                let token = added.expect("it was not refused");
                same("token", &token.is_some(), &operation.gives_label())?;
                self.tokens.own.extend(token.map(|token| (operations.len(), token)));
                operations.push(operation);
            }
        }
        same("length", &(batch.len(), batch.is_empty()), &(operations.len(), operations.is_empty()))?;
        self.tokens.stale = self.tokens.own.drain(..).next().or(self.tokens.stale);
        let committed = batch.commit().as_ref().map(BatchDone::from).map_err(Error::clone);
        self.follow()?;
        same("batch", &committed, &self.model.commit_batch(&operations))
    }

    fn query(&mut self, filter: &Filter, limit: Ask, from: From, of: Of) -> Result<(), Difference> {
        let limit = match limit {
            Ask::Chats(chats) => usize::from(chats),
            Ask::Limit(more) => self.model.limits.page + usize::from(more),
        };
        let kept = |from| match from {
            From::Kept(choice) | From::Damaged { choice, .. } => pick(&self.cursors, choice).copied(),
            From::Start | From::Foreign => None,
        };
        let read = |text: String| Page::after(limit, text).map_err(|error| error.to_string());
        let (page, after) = match (from, kept(from)) {
            (From::Damaged { damage, .. }, cursor) => {
                let text = damaged(&cursor.map_or(self.foreign, |(cursor, _)| cursor).to_string(), damage);
                let bad = Error::BadCursor { value: text.clone() };
                return same("damaged cursor", &Page::after(limit, text), &Err(bad));
            }
            (From::Foreign, _) => {
                let value = self.foreign.to_string();
                (read(value.clone())?, Err(Error::ForeignCursor { value }))
            }
            (From::Kept(_), Some((cursor, place))) => (read(cursor.to_string())?, Ok(Some(place))),
            (From::Kept(_) | From::Start, _) => (Page::first(limit), Ok(None)),
        };
        let mut next = None;
        self.ask(of, |view, model| {
            let (found, expected) = (view.query(filter, page), model.in_order().query(filter, limit, after));
            if let (Ok(found), Ok((_, last))) = (&found, &expected) {
                next = found.next.zip(*last);
            }
            let expected = expected.map(|(answered, _)| answered);
            list_laws::as_json(view, filter, page, &found)?;
            same("answer", &found.map(|answer| Answered::from(&answer)), &expected)?;
            let apart = view.page(filter, page).and_then(|page| Ok(Answered::joined(&view.totals(filter)?, &page)));
            same("apart", &apart, &expected)
        })?;
        if let Some(next) = next {
            self.cursors.truncate(2 * KEPT - 1);
            self.cursors.insert(0, next);
        }
        Ok(())
    }

    fn among(&mut self, filter: &Filter, chats: &[String], limit: u8, from: From, of: Of) -> Result<(), Difference> {
        let limit = usize::from(limit);
        let kept = match from {
            From::Kept(choice) => pick(&self.listed, choice).cloned().map(|(cursor, chat, list)| {
                let list = if choice % 2 == 0 { list } else { chats.to_vec() };
                (cursor, Ok(Some((chat, cursor.to_string()))), list)
            }),
            From::Damaged { choice, .. } => pick(&self.cursors, choice).map(|&(cursor, _)| {
                (cursor, Err(Error::MisplacedCursor { value: cursor.to_string() }), chats.to_vec())
            }),
            From::Foreign => {
                let refused = Error::ForeignCursor { value: self.foreign.to_string() };
                Some((self.foreign, Err(refused), chats.to_vec()))
            }
            From::Start => None,
        };
        let (page, after, list) = match kept {
            Some((cursor, after, list)) => {
                let page = Page::after(limit, cursor.to_string()).map_err(|error| error.to_string())?;
                (page, after, list)
            }
            None => (Page::first(limit), Ok(None), chats.to_vec()),
        };
        let mut next = None;
        self.ask(of, |view, model| {
            let (found, expected) =
                (view.among(filter, &list, page), model.in_order().among(filter, &list, limit, after));
            if let (Ok(found), Ok((_, last))) = (&found, &expected) {
                next = found.next.zip(last.clone());
            }
            let expected = expected.map(|(answered, _)| answered);
            same("among", &found.map(|answer| Answered::from(&answer)), &expected)
        })?;
        if let Some((cursor, chat)) = next {
            let misplaced = Err(Error::MisplacedCursor { value: cursor.to_string() });
            let page = Page::after(limit, cursor).map_err(|error| error.to_string())?;
            same("misplaced", &self.index.query(filter, page), &misplaced)?;
            self.listed.truncate(KEPT - 1);
            self.listed.insert(0, (cursor, chat, list));
        }
        Ok(())
    }

    /// Queries the chosen version and its model.
    fn ask<R>(&self, of: Of, question: impl FnOnce(&dyn View, &Model) -> R) -> R {
        match self.held(of) {
            Some((snapshot, model)) => question(snapshot, model),
            None => question(&self.index, &self.model),
        }
    }

    /// The chosen snapshot; `None` for the index itself.
    fn held(&self, of: Of) -> Option<&(Snapshot, Model)> {
        match of {
            Of::Snapshot(choice) => pick(&self.snapshots, choice),
            Of::Index => None,
        }
    }

    fn hold(&mut self, snapshot: Snapshot, model: Model) -> Result<(), Difference> {
        self.snapshots.push((snapshot, model));
        if self.snapshots.len() > KEPT { self.release(0) } else { self.note_oldest() }
    }

    fn release(&mut self, position: usize) -> Result<(), Difference> {
        let (snapshot, model) = self.snapshots.remove(position);
        model.compare(&snapshot, self.space)?;
        drop(snapshot);
        self.note_oldest()
    }

    fn note_oldest(&mut self) -> Result<(), Difference> {
        self.model.oldest_held = self.snapshots.iter().map(|(snapshot, _)| snapshot.revision()).min();
        Ok(())
    }
}

fn pick<T>(from: &[T], choice: u8) -> Option<&T> {
    from.get(usize::from(choice).checked_rem(from.len())?)
}

/// A cursor of another index.
pub(super) fn foreign_cursor() -> Cursor {
    let index = Options::new().identity(8).build();
    let label = index.create_label("VIP").expect("a plain name");
    let linked = index.link_all(&label, ["a", "b"]).expect("plain ids");
    assert!(linked.changed());
    index.query(&Filter::new(), Page::first(1)).expect("a plain query").next.expect("one chat is left")
}

/// The text with one hexadecimal digit changed into another.
pub(crate) fn damaged(text: &str, damage: u8) -> String {
    let position = usize::from(damage) % text.len();
    let other = if &text[position..=position] == "0" { "8" } else { "0" };
    format!("{}{other}{}", &text[..position], &text[position + 1..])
}
