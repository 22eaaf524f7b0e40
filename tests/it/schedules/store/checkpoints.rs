//! Checkpoints beside everything else.

use label_index::{Delivery, Limits, Store, StoreOptions};

use super::{at_once, close, either, explore, open, options};
use crate::replica::Replica;
use crate::schedules::link;

/// A checkpoint is due after every commit.
fn eager() -> StoreOptions {
    options().checkpoint_floor(0).checkpoint_percent(0)
}

#[test]
fn a_checkpoint_waits_for_no_snapshot_and_no_subscriber() {
    let body = || {
        let mut limits = Limits::default();
        limits.feed_changes = 1;
        let (store, disk) = open(eager().durability(either()).limits(limits));
        let index = store.existing("shop").unwrap();
        let (held, mut slow) = (index.snapshot(), index.subscribe());
        let was = Replica::from(&held);
        let writers = [link(&index, 1, &["bob", "carl"]), link(&index, 2, &["ana"])];
        store.checkpoint().unwrap();
        writers.into_iter().for_each(|writer| writer.join().unwrap());
        assert_eq!(Replica::from(&held), was);
        assert_eq!(close(store, &index, &disk).revision, 4);
        assert_eq!(slow.try_recv(), Some(Delivery::Missed { after: 1 }));
    };
    explore(body);
}

#[test]
fn checkpoints_asked_for_at_once_go_one_after_the_other() {
    let body = || {
        let (store, disk) = open(eager());
        let index = store.existing("shop").unwrap();
        let writer = link(&index, 1, &["bob"]);
        let (store, _) = at_once(store, [|store| store.checkpoint().unwrap(); 2]);
        writer.join().unwrap();
        assert_eq!(close(store, &index, &disk).revision, 2);
    };
    explore(body);
}

/// A checkpoint on its way is given up with its instance, and may begin again under the same number.
#[test]
fn an_instance_is_unloaded_beside_its_checkpoint() {
    let body = || {
        let (store, disk) = open(eager());
        assert!(store.existing("shop").unwrap().link(1, "bob").unwrap());
        let go_on = |store: &Store| {
            let _was_loaded = store.unload("shop").unwrap();
            assert!(store.existing("shop").unwrap().link(1, "carl").unwrap());
        };
        let (store, _) = at_once(store, [|store| store.checkpoint().unwrap(), go_on]);
        let index = store.existing("shop").unwrap();
        assert_eq!(close(store, &index, &disk).revision, 3);
    };
    explore(body);
}
