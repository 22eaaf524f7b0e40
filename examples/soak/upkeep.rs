//! Periodic work of a host: checkpoints, and checks of all invariants.

use std::time::Duration;

use label_index::{LabelIndex, Store};

use crate::scene::Scene;
use crate::trouble::{Trouble, same};

pub(crate) fn checkpoint(scene: &Scene, store: &Store) -> Result<(), Trouble> {
    while scene.goes_on() {
        scene.pause(Duration::from_secs(3));
        store.checkpoint()?;
        scene.counters.checkpoints.add(1);
    }
    Ok(())
}

pub(crate) fn check(scene: &Scene) -> Result<(), Trouble> {
    while scene.goes_on() {
        scene.pause(Duration::from_secs(10));
        check_invariants(&scene.index)?;
        scene.counters.invariant_checks.add(1);
    }
    Ok(())
}

pub(crate) fn check_invariants(index: &LabelIndex) -> Result<(), Trouble> {
    let found = index.check_invariants().map_err(|violation| violation.to_string());
    same(index.revision(), "invariants", &found, &Ok(()))
}
