//! Scripts: the steps that the bytes of a property test or a fuzzer mean.

use std::fmt;

use label_index::{LabelIndex, Limits, Options};

use super::action::Action;
use super::bytes::Bytes;
use super::compare::Difference;
use super::keys::Space;
use super::step::{Step, step};
use super::trial::Trial;

/// A list of steps, and the options of the index on which they are taken.
#[derive(Clone)]
pub(crate) struct Script {
    space: Space,
    limits: Limits,
    beginning: Vec<Action>,
    steps: Vec<Step>,
}

impl Script {
    /// The bytes of one step. A test case that shrinks by whole portions loses whole steps.
    pub(crate) const CHUNK: usize = 24;

    /// The limits that the index has to have.
    pub(crate) fn limits(&self) -> Limits {
        self.limits
    }

    /// Reads the options from the first chunk, and a step from each other one.
    pub(crate) fn decode(space: Space, bytes: &[u8]) -> Self {
        let mut chunks = bytes.chunks(Self::CHUNK);
        let options = &mut Bytes::new(chunks.next().unwrap_or_default());
        let beginning = space.beginning(options.byte());
        let limits = limits(options);
        let mut steps = Vec::new();
        while let Some(chunk) = chunks.next() {
            steps.push(step(space, chunk, &mut chunks));
        }
        Self { space, limits, beginning, steps }
    }

    /// Carries out only the operations among the steps, and compares nothing.
    #[cfg(feature = "store")]
    pub(crate) fn act(&self, index: &LabelIndex) {
        let operations = self.steps.iter().flat_map(|step| match step {
            Step::Do(action) => std::slice::from_ref(action),
            Step::Batch(actions) => actions,
            _ => &[],
        });
        // An operation that is refused here is refused by the model too.
        self.beginning.iter().chain(operations).for_each(|action| drop(action.perform(index)));
    }

    /// Takes the steps on an index in memory and on the model.
    ///
    /// # Panics
    ///
    /// If they ever differ.
    pub(crate) fn run(&self) {
        let retain = self.limits.feed_changes;
        let index = Options::new().limits(self.limits).identity(7).hash_seed(1).retain(retain).build();
        self.run_on(index, |_, _| Ok(()));
    }

    /// Takes the steps on this index and on the model. After each step, `after` may do something to the index that has
    /// no visible effect.
    ///
    /// # Panics
    ///
    /// If they ever differ.
    pub(crate) fn run_on(&self, index: LabelIndex, mut after: impl FnMut(usize, &mut Trial) -> Result<(), Difference>) {
        let mut trial = Trial::new(self.space, self.limits, index);
        if let Err(difference) = trial.batch(&self.beginning) {
            panic!("the beginning differs: {difference}\n{self:?}");
        }
        for (number, step) in self.steps.iter().enumerate() {
            if let Err(difference) = trial.take(number, step).and_then(|()| after(number, &mut trial)) {
                panic!("step {number} differs: {difference}\n{self:?}");
            }
        }
        if let Err(difference) = trial.finish() {
            panic!("the end differs: {difference}\n{self:?}");
        }
    }
}

/// Mostly the defaults, sometimes small ones.
fn limits(bytes: &mut Bytes<'_>) -> Limits {
    let defaults = Limits::default();
    let mut small = |default: usize, smallest: u8| match bytes.byte() {
        choice @ 192.. => usize::from(smallest + choice % 4),
        _ => default,
    };
    let (page, filter_entries) = (small(defaults.page, 1), small(defaults.filter_entries, 1));
    let (labels, batch_operations) = (small(defaults.labels, 2), small(defaults.batch_operations, 2));
    let feed_changes = small(defaults.feed_changes, 8);
    let mut limits = defaults;
    limits.removal_unlinks = match bytes.byte() {
        0..=99 => 0,
        choice @ 100..=199 => usize::from(1 + choice % 4),
        _ => 100_000,
    };
    (limits.page, limits.filter_entries) = (page, filter_entries);
    (limits.labels, limits.batch_operations, limits.feed_changes) = (labels, batch_operations, feed_changes);
    limits
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:?}, {:?}, a beginning of {} operations", self.space, self.limits, self.beginning.len())?;
        self.steps.iter().enumerate().try_for_each(|(number, step)| writeln!(f, "{number:>4}: {step:?}"))
    }
}
