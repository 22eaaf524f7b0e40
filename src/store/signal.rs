//! How writers call the threads of a store.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::index::sync::{Condvar, Mutex};

/// The work of the threads of a store.
#[derive(Debug)]
pub(super) struct Signal {
    /// How long commits may wait for further ones, while no caller waits for them.
    patience: Option<Duration>,
    calls: Mutex<Calls>,
    for_commits: Condvar,
    for_checkpoints: Condvar,
    for_the_end: Condvar,
}

#[derive(Debug, Default)]
struct Calls {
    /// The instances with commits that the committer has not taken.
    dirty: BTreeSet<u64>,
    /// When the first of them got a commit, if commits may wait.
    since: Option<Instant>,
    /// A writer waits for room in a queue, so the next commits wait for nothing.
    hurry: bool,
    /// The instances whose log has become long.
    due: BTreeSet<u64>,
    stop: bool,
}

impl Signal {
    pub(super) fn new(patience: Option<Duration>) -> Self {
        Self {
            patience,
            calls: Mutex::default(),
            for_commits: Condvar::default(),
            for_checkpoints: Condvar::default(),
            for_the_end: Condvar::default(),
        }
    }

    /// An instance has commits. Called with locks of the instance held.
    pub(super) fn commits(&self, instance: u64) {
        let mut calls = self.calls.lock();
        calls.dirty.insert(instance);
        if self.patience.is_some() {
            calls.since.get_or_insert_with(Instant::now);
        }
        drop(calls);
        self.for_commits.notify_all();
    }

    /// A writer waits for room. Called with locks of the instance held.
    pub(super) fn hurry(&self) {
        self.calls.lock().hurry = true;
        self.for_commits.notify_all();
    }

    /// The log of an instance has become long.
    pub(super) fn due(&self, instance: u64) {
        self.calls.lock().due.insert(instance);
        self.for_checkpoints.notify_all();
    }

    /// Makes the threads end.
    pub(super) fn stop(&self) {
        self.calls.lock().stop = true;
        self.for_commits.notify_all();
        self.for_checkpoints.notify_all();
        self.for_the_end.notify_all();
    }

    /// Waits for a time, or until the threads are to end. Returns whether they are to end.
    pub(super) fn is_stopped_within(&self, time: Duration) -> bool {
        let deadline = Instant::now() + time;
        let mut calls = self.calls.lock();
        while !calls.stop && Instant::now() < deadline {
            self.for_the_end.wait_until(&mut calls, deadline);
        }
        calls.stop
    }

    /// Waits for instances with commits. `None` at the end, when there are no more.
    pub(super) fn next_dirty(&self) -> Option<BTreeSet<u64>> {
        let mut calls = self.calls.lock();
        loop {
            let deadline = self.patience.zip(calls.since).and_then(|(patience, since)| since.checked_add(patience));
            let at_once = calls.stop || calls.hurry;
            match deadline.filter(|&deadline| !at_once && Instant::now() < deadline) {
                Some(deadline) => drop(self.for_commits.wait_until(&mut calls, deadline)),
                None if !calls.dirty.is_empty() => {
                    (calls.since, calls.hurry) = (None, false);
                    return Some(std::mem::take(&mut calls.dirty));
                }
                None if calls.stop => return None,
                None => self.for_commits.wait(&mut calls),
            }
        }
    }

    /// Waits for an instance whose log has become long. `None` at the end.
    pub(super) fn next_due(&self) -> Option<u64> {
        let mut calls = self.calls.lock();
        loop {
            match calls.due.pop_first() {
                _ if calls.stop => return None,
                Some(instance) => return Some(instance),
                None => self.for_checkpoints.wait(&mut calls),
            }
        }
    }
}
