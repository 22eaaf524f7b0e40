//! The scripts of the reference model, whose steps are taken in turns at two stores.

use label_index::{LabelIndex, Store};
use proptest::collection::vec;
use proptest::prelude::*;

use super::server::{new_schema, shared};
use super::{connect, options};
use crate::model::{Script, Space};
use crate::properties::{cases, mostly, script};
use crate::store::Image;

/// Runs a script, and changes to the other store after each step for which `changes` is true.
fn run(script: &Script, changes: &[bool]) {
    let Some(server) = shared() else { return };
    let schema = new_schema();
    let store = || options(&schema).limits(script.limits()).checkpoint_floor(300).connect(server.url()).unwrap();
    let stores: [Store; 2] = [store(), store()];
    let index = |number: usize| -> LabelIndex {
        let index = stores[number].instance("shop").unwrap();
        index.catch_up().unwrap();
        index
    };
    // The store that is not used follows the other one too.
    let _both: [LabelIndex; 2] = [index(0), index(1)];
    let mut at = 0;
    script.run_on(index(at), |number, trial| {
        if !changes.get(number).is_some_and(|&changes| changes) {
            return Ok(());
        }
        at = 1 - at;
        trial.go_on_with(|| index(at))
    });
    // Loaded from a checkpoint and the log after it.
    let anew = connect(server, &schema);
    let loaded = Image::from(&anew.existing("shop").unwrap());
    assert!([0, 1].iter().all(|&number| Image::from(&index(number)) == loaded));
}

proptest! {
    #![proptest_config(cases(12))]

    #[test]
    fn everything_is_as_in_the_model_at_two_stores(
        script in script(Space::Tiny, 60, mostly(0_u8..50)),
        changes in vec(proptest::bool::weighted(0.4), 60),
    ) {
        run(&script, &changes);
    }
}
