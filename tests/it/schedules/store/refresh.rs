//! Refresh tickets at the same time as commits that wait for the disk.

use label_index::{Error, FullState};
use shuttle::thread;

use super::{close, either, explore, has, open, options};
use crate::schedules::link;

#[test]
fn a_ticket_is_dropped_beside_commits() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let index = store.existing("shop").unwrap();
        let writer = link(&index, 1, &["bob", "carl"]);
        let ticket = index.begin_refresh().unwrap();
        let dropping = thread::spawn(move || drop(ticket));
        let beginning = {
            let index = index.clone();
            thread::spawn(move || match index.begin_refresh() {
                Ok(ticket) => drop(ticket),
                Err(refused) => assert_eq!(refused, Error::RefreshInProgress),
            })
        };
        for thread in [writer, dropping, beginning] {
            thread.join().unwrap();
        }
        assert!(index.begin_refresh().is_ok(), "none is open");
        assert_eq!(close(store, &index, &disk).revision, 3);
    };
    explore(body);
}

/// The state that was fetched while the ticket was open does not have the writes, and undoes none of them.
#[test]
fn a_write_beside_a_refresh_wins_on_disk_too() {
    let body = || {
        let (store, disk) = open(options().durability(either()));
        let index = store.existing("shop").unwrap();
        let ticket = index.begin_refresh().unwrap();
        let writer = link(&index, 2, &["bob", "ana"]);
        let mut fetched = FullState::new();
        fetched.label(1, "Open").unwrap();
        fetched.label(2, "Done").unwrap();
        fetched.link(1, "77@lid").unwrap();
        assert!(ticket.commit(fetched).unwrap().changed());
        assert!(index.contains(1, "77@lid") && !index.contains(1, "ana"));
        writer.join().unwrap();
        let shown = close(store, &index, &disk);
        assert!(has(&shown, 2, "bob") && has(&shown, 2, "ana") && has(&shown, 1, "77@lid") && !has(&shown, 1, "ana"));
    };
    explore(body);
}
