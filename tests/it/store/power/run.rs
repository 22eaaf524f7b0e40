//! Running a history: a store loses its power, and is checked afterwards.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::time::Duration;

use label_index::{Durability, Error, Store, StoreOptions};

use super::account::{Account, Held};
use super::consumer::Stopped;
use super::disk::{Disk, Trouble};
use super::history::{History, Outage, Step};
use super::op::{Op, full_state};
use super::random::Random;
use crate::model::action::{Action, Fields};

const NAMES: [&str; 3] = ["a", "b", "c"];

/// An instance, and whether its host knows that it exists.
#[derive(Default)]
struct Known {
    account: Account,
    /// Whether making or removing it was attempted and not acknowledged.
    unsure: bool,
}

pub(crate) struct Run<'a> {
    history: &'a History,
    disk: Disk,
    random: Random,
    known: BTreeMap<&'static str, Known>,
    planned: Option<Outage>,
}

/// A store while it is open.
struct Open {
    store: Store,
    held: BTreeMap<&'static str, Held>,
}

impl History {
    /// Runs the steps, and cuts the power at the end as well.
    ///
    /// # Panics
    ///
    /// If an acknowledged write is lost, or a write is there that was not attempted.
    pub(crate) fn run(&self, disk: Disk) {
        let mut run = Run::new(self, disk);
        let mut open = run.open().expect("an empty store");
        for step in &self.steps {
            run.take(&mut open, step);
            run.consume(&mut open);
            if run.disk.had_trouble() {
                let outage = run.planned.take().expect("trouble was planned");
                open = run.outage(open, outage);
            }
        }
        let again = run.planned.take().and_then(|outage| outage.again);
        open = run.outage(open, Outage { after: 0, power: true, again });
        NAMES.iter().zip(0..).for_each(|(_, account)| run.carry_out(&mut open, account, &first_label()));
        open = run.outage(open, Outage { after: 0, power: true, again: None });
        run.consume_all(&mut open);
    }

    /// Runs the steps on a disk with one failing call, and opens the store again on a disk without: the same, or, with
    /// `power`, one that lost unsynced changes.
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run), or if a write succeeds after one that failed.
    pub(crate) fn run_with_error(&self, disk: Disk, power: bool) {
        let mut run = Run::new(self, disk);
        let opened = run.open().map(|mut open| {
            for step in &self.steps {
                run.take(&mut open, step);
                run.consume(&mut open);
            }
            open
        });
        match opened {
            Ok(open) => run.close(open),
            Err(error) => run.excuse(&error),
        }
        run.back(power);
        let mut open = run.recover().expect("a disk without trouble");
        run.consume_all(&mut open);
    }
}

impl History {
    /// Runs the steps on a disk with one failing call, and resumes the store each time that it failed. Afterwards
    /// visible commits are on disk, and handles, receipts and subscribers continue.
    ///
    /// # Panics
    ///
    /// As [`run_with_error`](Self::run_with_error), or if anything in memory is not what is on disk.
    pub(crate) fn run_and_resume(&self, disk: Disk) {
        let mut run = Run::new(self, disk);
        let mut open = match run.open() {
            Ok(open) => open,
            Err(error) => {
                run.excuse(&error);
                run.back(false);
                run.recover().expect("a disk without trouble")
            }
        };
        for step in &self.steps {
            run.take(&mut open, step);
            if open.store.failure().is_some() {
                run.resume(&mut open);
            }
            run.consume(&mut open);
        }
        run.close(open);
        run.back(false);
        let mut open = run.recover().expect("a disk without trouble");
        run.consume_all(&mut open);
    }
}

/// A disk with an empty store.
pub(crate) fn empty_store() -> Disk {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    let make = || {
        let disk = Disk::default();
        drop(StoreOptions::new().open_on(disk.clone()).expect("a disk without trouble"));
        disk.bytes()
    };
    Disk::from(BYTES.get_or_init(make).clone())
}

fn first_label() -> Op {
    let fields = Fields { name: Some("after".to_owned()), ..Fields::default() };
    Op::One(Action::Create { fields })
}

impl<'a> Run<'a> {
    fn new(history: &'a History, disk: Disk) -> Self {
        Self { history, disk, random: Random::new(history.seed), known: BTreeMap::new(), planned: None }
    }

    fn open(&self) -> Result<Open, Error> {
        let History { synced, quick_repair, checkpoint_floor, retain, .. } = *self.history;
        // So long that commits are written only on request.
        let durability = if synced { Durability::Synced } else { Durability::Within(Duration::from_secs(3_600)) };
        let options = StoreOptions::new().durability(durability).quick_repair(quick_repair);
        let options = match retain {
            Some(changes) => options.retain_changes(changes as u64),
            None => options,
        };
        let store = self.disk.open(options.checkpoint_floor(checkpoint_floor).checkpoint_percent(0))?;
        Ok(Open { store, held: BTreeMap::new() })
    }

    fn take(&mut self, open: &mut Open, step: &Step) {
        let synced = self.history.synced;
        match step {
            Step::Do(account, action) => self.carry_out(open, *account, &Op::One(action.clone())),
            Step::Batch(account, actions) => self.carry_out(open, *account, &Op::Batch(actions.clone())),
            Step::Submit(account, actions) => {
                if let Some((known, held)) = self.instance(open, *account) {
                    known.account.submit(held, actions.clone(), synced);
                }
            }
            Step::Wait(account) => {
                if let Some((known, held)) = self.instance(open, *account) {
                    known.account.wait(held, synced);
                }
            }
            Step::Refresh(account, without_every) => {
                if let Some((known, held)) = self.instance(open, *account) {
                    let state = full_state(known.account.twin(), *without_every).expect("its own ids");
                    known.account.carry_out(held, &Op::Refresh(state), synced);
                }
            }
            Step::Page(account, chats) => {
                if let Some((known, held)) = self.instance(open, *account) {
                    known.account.page(held, *chats);
                }
            }
            Step::Flush => self.everything_is_durable(open.store.flush()),
            Step::Checkpoint => self.everything_is_durable(open.store.checkpoint()),
            Step::Unload(account) => self.unload(open, *account),
            Step::Remove(account) => self.remove(open, *account),
            Step::Plan(outage) => {
                self.disk.trouble_after(outage.after, Trouble::Off);
                self.planned = Some(*outage);
            }
        }
    }

    /// Requires that an error comes from the planned fault.
    fn excuse(&self, error: &Error) {
        assert!(self.disk.had_trouble(), "nothing was to go wrong: {error}");
        assert!(
            matches!(error, Error::StoreFailed { .. } | Error::Io { .. }),
            "the power is off, and it says: {error}"
        );
    }

    /// The instance of a number, made if it does not exist. `None` if that fails.
    fn instance<'o>(&mut self, open: &'o mut Open, account: u8) -> Option<(&mut Known, &'o mut Held)> {
        let name = NAMES[usize::from(account)];
        if !open.held.contains_key(name) {
            match open.store.instance(name) {
                Ok(index) => {
                    let account = &self.known.entry(name).or_default().account;
                    drop(open.held.insert(name, Held::new(index, account)));
                }
                Err(error) => {
                    self.excuse(&error);
                    self.known.entry(name).or_insert(Known { unsure: true, ..Known::default() });
                    return None;
                }
            }
        }
        Some((self.known.entry(name).or_default(), open.held.get_mut(name)?))
    }

    fn carry_out(&mut self, open: &mut Open, account: u8, op: &Op) {
        let synced = self.history.synced;
        if let Some((known, held)) = self.instance(open, account) {
            known.account.carry_out(held, op, synced);
        }
    }

    /// Lets the consumer of each instance read some commits.
    fn consume(&mut self, open: &mut Open) {
        for (name, held) in &mut open.held {
            let Some(known) = self.known.get_mut(name) else { continue };
            let commits = self.random.below(4);
            match known.account.consume(held, self.history.retain, commits, &mut self.random) {
                Stopped::Waits => {}
                Stopped::Failed(error) => assert!(self.disk.had_trouble(), "nothing was to go wrong: {error}"),
                Stopped::Closed => panic!("the instance is open"),
            }
        }
    }

    /// Lets every consumer read everything, and requires that it has each event exactly once.
    fn consume_all(&mut self, open: &mut Open) {
        for (name, held) in &mut open.held {
            let Some(known) = self.known.get_mut(name) else { continue };
            let stopped = known.account.consume(held, self.history.retain, usize::MAX, &mut self.random);
            assert!(matches!(stopped, Stopped::Waits), "{stopped:?}");
            known.account.assert_consumed();
        }
    }

    fn everything_is_durable(&mut self, result: Result<(), Error>) {
        if let Err(error) = result {
            return self.excuse(&error);
        }
        for known in self.known.values_mut().filter(|known| !known.unsure) {
            known.account.acknowledge_all();
        }
    }

    /// Lets a store that failed take writes again, and compares all instances with what is known of them.
    fn resume(&mut self, open: &mut Open) {
        let failure = open.store.failure();
        if let Err(error) = open.store.resume() {
            self.excuse(&error);
            assert_eq!(open.store.failure(), failure, "it stays failed");
            self.disk.heal();
            open.store.resume().expect("a disk without trouble");
        }
        assert_eq!(open.store.failure(), None);
        let History { synced, retain, .. } = *self.history;
        let there = open.store.instances();
        open.held.retain(|name, _| there.iter().any(|there| there == name));
        self.settle(&there);
        for (name, known) in &mut self.known {
            let index = open.store.existing(name).expect("an instance of the list");
            let held = open.held.entry(name).or_insert_with(|| Held::new(index, &known.account));
            known.account.resumed(held, synced, retain);
            known.account.carry_out(held, &first_label(), synced);
        }
    }

    fn unload(&mut self, open: &mut Open, account: u8) {
        let name = NAMES[usize::from(account)];
        let (Some(held), Some(known)) = (open.held.remove(name), self.known.get_mut(name)) else { return };
        known.account.end(held, self.history.synced);
        match open.store.unload(name) {
            Ok(_) => known.account.acknowledge_all(),
            Err(error) => self.excuse(&error),
        }
    }

    fn remove(&mut self, open: &mut Open, account: u8) {
        let name = NAMES[usize::from(account)];
        drop(open.held.remove(name));
        match open.store.remove_instance(name) {
            Ok(()) => drop(self.known.remove(name)),
            Err(Error::UnknownInstance { .. }) => assert!(self.known.get(name).is_none_or(|known| known.unsure)),
            Err(error) => {
                self.excuse(&error);
                self.known.entry(name).and_modify(|known| known.unsure = true);
            }
        }
    }

    /// Ends the process, and begins another.
    fn outage(&mut self, open: Open, outage: Outage) -> Open {
        if !self.disk.had_trouble() {
            self.disk.trouble_after(0, Trouble::Off);
        }
        self.close(open);
        self.back(outage.power);
        if let Some(calls) = outage.again {
            self.disk.trouble_after(calls, Trouble::Off);
            match self.recover() {
                Ok(open) if !self.disk.had_trouble() => {
                    self.disk.heal();
                    return open;
                }
                recovered => {
                    recovered.err().iter().for_each(|error| self.excuse(error));
                    self.disk.cut(&mut self.random);
                }
            }
        }
        self.recover().unwrap_or_else(|error| panic!("it cannot be opened again: {error}"))
    }

    /// Closes the store, and records the result.
    fn close(&mut self, mut open: Open) {
        for (name, held) in std::mem::take(&mut open.held) {
            if let Some(known) = self.known.get_mut(name) {
                known.account.end(held, self.history.synced);
            }
        }
        let flushed = open.store.flush();
        if let Err(Error::StoreFailed { durable, .. }) = &flushed {
            for (name, revision) in durable.iter() {
                self.known.get_mut(&**name).expect("a loaded instance").account.failed_at(*revision);
            }
        }
        self.everything_is_durable(flushed);
    }

    /// Makes the disk work again, perhaps without its unsynced changes.
    fn back(&mut self, power: bool) {
        if power {
            self.disk.cut(&mut self.random);
        }
        self.disk.heal();
    }

    /// Forgets the unacknowledged instances that do not exist. The existing ones are certain now.
    fn settle(&mut self, there: &[String]) {
        self.known.retain(|name, known| {
            let is_there = there.iter().any(|there| there == name);
            assert!(is_there || known.unsure, "the instance {name:?} is lost");
            known.unsure = false;
            is_there
        });
    }

    /// Opens the store, and compares all instances with what is known of them.
    fn recover(&mut self) -> Result<Open, Error> {
        let mut open = self.open()?;
        let there = open.store.instances();
        assert!(there.iter().all(|name| self.known.contains_key(&**name)), "an instance that was removed: {there:?}");
        self.settle(&there);
        for (name, known) in &mut self.known {
            let index = open.store.existing(name)?;
            known.account.recovered(&index, self.history.retain);
            open.held.insert(name, Held::new(index, &known.account));
        }
        Ok(open)
    }
}
