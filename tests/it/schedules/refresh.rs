//! Refresh tickets and writers at the same time.

use label_index::{Error, FailedRefresh, FullState, RefreshState, Refreshing};
use shuttle::future::block_on;
use shuttle::thread;

use super::{MANY, assert_same, drain, explore, ids_of, index};
use crate::replica::Folded;

/// The state of the network: the first label on `ana`, and on `77@lid`.
fn fetched() -> FullState {
    let mut state = FullState::new();
    state.label(1, "Open").unwrap();
    state.label(2, "Done").unwrap();
    state.link(1, "ana").unwrap();
    state.link(1, "77@lid").unwrap();
    state
}

#[test]
fn a_write_beside_a_refresh_wins() {
    let body = || {
        let index = index(64);
        let mut feed = index.subscribe();
        let mut copy = Folded::from(&index.snapshot());
        let ticket = index.begin_refresh().unwrap();
        let writer = {
            let index = index.clone();
            thread::spawn(move || {
                assert!(index.unlink(1, "ana").unwrap());
                assert!(!index.unlink(2, "ana").unwrap());
                assert!(index.link(2, "bob").unwrap());
                assert!(index.link(2, "ana").unwrap());
            })
        };
        assert!(ticket.commit(fetched()).unwrap().changed());
        let between = ids_of(&index.snapshot(), "77@lid");
        writer.join().unwrap();
        let snapshot = index.snapshot();
        assert!(between.into_iter().eq([1]) && ids_of(&snapshot, "77@lid").into_iter().eq([1]));
        assert!(ids_of(&snapshot, "ana").into_iter().eq([2]) && ids_of(&snapshot, "bob").into_iter().eq([2]));
        drain(&mut feed, &mut copy, &index);
        assert_same(&copy, &index);
    };
    explore(body, MANY);
}

#[test]
fn an_alias_learnt_beside_a_refresh_is_applied() {
    let body = || {
        let index = index(64);
        let ticket = index.begin_refresh().unwrap();
        let writer = {
            let index = index.clone();
            thread::spawn(move || {
                assert!(index.merge_chats("77@lid", "bob").unwrap().changed());
                assert!(index.link(2, "77@lid").unwrap());
                assert!(index.remove_label(2).unwrap().changed());
            })
        };
        assert!(ticket.commit(fetched()).unwrap().changed());
        writer.join().unwrap();
        let snapshot = index.snapshot();
        assert!(ids_of(&snapshot, "bob").into_iter().eq([1]) && snapshot.label(2).is_none());
        assert_eq!(snapshot.iter().len(), 2, "nothing is left of the alias");
        index.check_invariants().unwrap();
    };
    explore(body, MANY);
}

#[test]
fn a_refresh_is_cancelled_or_done() {
    let body = || {
        let index = index(64);
        let ticket = index.begin_refresh().unwrap();
        let cancelling = {
            let index = index.clone();
            thread::spawn(move || index.cancel_refresh())
        };
        let beginning = {
            let index = index.clone();
            thread::spawn(move || match index.begin_refresh() {
                Ok(ticket) => drop(ticket),
                Err(refused) => assert_eq!(refused, Error::RefreshInProgress),
            })
        };
        let committed = ticket.commit(fetched()).map_err(|refused| refused.cause);
        let is_cancelled = cancelling.join().unwrap();
        beginning.join().unwrap();
        match committed {
            Ok(done) => assert_eq!(index.refresh_state(), RefreshState::Done { revision: done.revision }),
            Err(cause) => {
                assert!(is_cancelled && cause == Error::TicketCancelled);
                assert_eq!((index.refresh_state(), index.revision()), (RefreshState::Never, 1));
            }
        }
        assert!(index.begin_refresh().is_ok(), "none is open");
    };
    explore(body, MANY);
}

/// Each of three threads either has the ticket and ends it in its own way, or gets the outcome. None waits for ever.
#[test]
fn every_thread_that_joins_a_refresh_gets_its_outcome() {
    let body = || {
        let index = index(64);
        let callers: Vec<_> = (0..3)
            .map(|number| {
                let index = index.clone();
                thread::spawn(move || match index.begin_or_join_refresh().unwrap() {
                    Refreshing::Begun(ticket) if number == 0 => {
                        ticket.commit(fetched()).unwrap();
                    }
                    Refreshing::Begun(ticket) if number == 1 => ticket.fail("not connected"),
                    Refreshing::Begun(ticket) => drop(ticket),
                    Refreshing::Joined(joined) => {
                        match joined.wait() {
                            Ok(done) => assert_eq!(done.revision, index.revision()),
                            Err(FailedRefresh::Failed(_) | FailedRefresh::GivenUp) => {}
                            Err(other) => panic!("{other:?}"),
                        }
                        // A thread that has the outcome can begin another refresh: the ticket is closed.
                        drop(index.begin_or_join_refresh().unwrap());
                    }
                })
            })
            .collect();
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert!(index.begin_refresh().is_ok(), "no ticket is left open");
    };
    explore(body, MANY);
}

/// A task awaits the end while a thread cancels: it finds the end, or is woken.
#[test]
fn a_task_beside_the_end_of_a_refresh_finds_it_or_is_woken() {
    let body = || {
        let index = index(64);
        let ticket = index.begin_refresh().unwrap();
        let joined = ticket.joined();
        let canceller = {
            let index = index.clone();
            thread::spawn(move || assert!(index.cancel_refresh()))
        };
        assert!(matches!(block_on(joined), Err(FailedRefresh::Cancelled)));
        canceller.join().unwrap();
        drop(ticket);
    };
    explore(body, MANY);
}
