//! The scripts of the reference model on a stored index, which is closed, killed, unloaded and checkpointed between
//! steps.

use label_index::{LabelIndex, Limits, Store, StoreOptions};
use proptest::collection::vec;
use proptest::prelude::*;

use super::power::disk::Disk;
use crate::model::{Difference, Script, Space, Trial};
use crate::properties::{Chunk, cases, mostly, script};

/// What happens to a store after a step. It must have no visible effect.
#[derive(Debug, Clone, Copy)]
enum Turn {
    Checkpoint,
    Unload,
    Reopen,
    Kill,
}

/// A store over a disk in memory, with one instance.
struct Home {
    limits: Limits,
    /// The option `checkpoint_floor`: the bytes of a log from which on a checkpoint is written.
    floor: u64,
    disk: Disk,
    store: Option<Store>,
}

impl Home {
    fn new(limits: Limits, floor: u64) -> Self {
        let mut home = Self { limits, floor, disk: Disk::default(), store: None };
        home.open();
        home
    }

    fn open(&mut self) {
        let options = StoreOptions::new().limits(self.limits).checkpoint_floor(self.floor);
        self.store = Some(options.open_on(self.disk.clone()).unwrap());
    }

    fn store(&self) -> &Store {
        self.store.as_ref().unwrap()
    }

    fn index(&self) -> LabelIndex {
        self.store().instance("shop").unwrap()
    }

    /// Does this to the store, and lets the trial continue.
    fn turn(&mut self, turn: Turn, trial: &mut Trial) -> Result<(), Difference> {
        match turn {
            Turn::Checkpoint => {
                self.store().checkpoint().unwrap();
                Ok(())
            }
            Turn::Unload => trial.go_on_with(|| {
                assert!(self.store().unload("shop").unwrap());
                self.index()
            }),
            Turn::Reopen => trial.go_on_with(|| {
                self.store = None;
                self.open();
                self.index()
            }),
            Turn::Kill => trial.go_on_with(|| {
                // Later writes of the old store do not reach the new disk.
                self.disk = Disk::from(self.disk.bytes());
                self.open();
                self.index()
            }),
        }
    }
}

/// Runs a script, with the given turn after each step, if there is one.
fn run(script: &Script, floor: u64, turns: &[Option<Turn>]) {
    let mut home = Home::new(script.limits(), floor);
    script.run_on(home.index(), |number, trial| match turns.get(number) {
        Some(&Some(turn)) => home.turn(turn, trial),
        _ => Ok(()),
    });
}

fn turns(steps: usize) -> impl Strategy<Value = Vec<Option<Turn>>> {
    let turn = prop_oneof![
        2 => Just(Turn::Checkpoint),
        1 => Just(Turn::Unload),
        1 => Just(Turn::Reopen),
        2 => Just(Turn::Kill),
    ];
    vec(proptest::option::weighted(0.25, turn), steps)
}

/// From checkpoints after every commit to none that are automatic.
fn floors() -> impl Strategy<Value = u64> {
    prop_oneof![Just(1), Just(200), Just(u64::MAX)]
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn everything_is_as_in_the_model(
        script in script(Space::Tiny, 60, mostly(0_u8..50)),
        floor in floors(),
        turns in turns(60),
    ) {
        run(&script, floor, &turns);
    }
}

proptest! {
    #![proptest_config(cases(4))]

    #[test]
    fn everything_is_as_in_the_model_with_many_labels_and_chats(
        script in script(Space::Wide, 40, any::<Chunk>()),
        floor in floors(),
        turns in turns(40),
    ) {
        run(&script, floor, &turns);
    }
}
