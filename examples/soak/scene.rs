//! The state that all threads of a run share.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{LabelId, LabelIndex};

use crate::arguments::Arguments;
use crate::random::Random;
use crate::trouble::{Trouble, same};

/// Counts of what has been done so far.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) writes: Counter,
    pub(crate) reads: Counter,
    pub(crate) pages: Counter,
    pub(crate) fed: Counter,
    pub(crate) missed: Counter,
    pub(crate) checkpoints: Counter,
    pub(crate) refreshes: Counter,
    pub(crate) invariant_checks: Counter,
    pub(crate) copies_compared: Counter,
    pub(crate) mismatches: Counter,
    /// Counts of what exists now.
    pub(crate) held: Counter,
}

#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn set(&self, now: usize) {
        self.0.store(u64::try_from(now).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

pub(crate) struct Scene {
    pub(crate) index: LabelIndex,
    pub(crate) arguments: Arguments,
    pub(crate) counters: Counters,
    /// When the preparation was finished and the load began.
    began: OnceLock<Instant>,
    failed: AtomicBool,
    troubles: Mutex<Vec<Trouble>>,
}

impl Scene {
    /// Creates the labels that exist for the whole run.
    pub(crate) fn new(index: LabelIndex, arguments: Arguments) -> Result<Self, Trouble> {
        let mut batch = index.batch();
        for label in 1..=arguments.labels {
            batch.upsert_label(label, first_name(label).as_str())?;
        }
        let made = batch.commit()?;
        same(made.revision, "made all labels", &made.changed(), &true)?;
        let (counters, failed, troubles) = (Counters::default(), AtomicBool::new(false), Mutex::default());
        Ok(Self { index, arguments, counters, began: OnceLock::new(), failed, troubles })
    }

    /// Starts the clock of the run.
    pub(crate) fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.began.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    pub(crate) fn goes_on(&self) -> bool {
        self.elapsed() < self.arguments.duration() && !self.has_failed()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Sleeps, but not past the end of the run.
    pub(crate) fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        while self.goes_on() && Instant::now() < until {
            thread::sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)));
        }
    }

    /// Ends the run.
    pub(crate) fn fail(&self, trouble: Trouble) {
        if matches!(trouble, Trouble::Mismatch { .. }) {
            self.counters.mismatches.add(1);
        }
        self.troubles.lock().unwrap_or_else(PoisonError::into_inner).push(trouble);
        self.failed.store(true, Ordering::Relaxed);
    }

    pub(crate) fn troubles(&self) -> Vec<Trouble> {
        std::mem::take(&mut *self.troubles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// One of the labels that exist for the whole run.
    pub(crate) fn label(&self, random: &mut Random) -> LabelId {
        LabelId::from(1 + random.below(self.arguments.labels))
    }
}

/// The first name of such a label.
pub(crate) fn first_name(label: u32) -> String {
    format!("Label {label}")
}
