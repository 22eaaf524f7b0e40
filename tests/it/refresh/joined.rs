//! Joined refreshes: all that joined one get its outcome.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;

use label_index::{Error, FailedRefresh, FullState, JoinedRefresh, LabelIndex, RefreshTicket, Refreshing};

use super::{index, pairs, state};

/// The longest time that a test waits for a thread that has to answer.
const LONG: Duration = Duration::from_secs(60);

fn begun(index: &LabelIndex) -> RefreshTicket {
    match index.begin_or_join_refresh().unwrap() {
        Refreshing::Begun(ticket) => ticket,
        Refreshing::Joined(_) => panic!("a refresh goes on"),
    }
}

fn joined(index: &LabelIndex) -> JoinedRefresh {
    match index.begin_or_join_refresh().unwrap() {
        Refreshing::Joined(joined) => joined,
        Refreshing::Begun(_) => panic!("no refresh goes on"),
    }
}

/// The outcome of a refresh, in a form to compare.
fn end(joined: &JoinedRefresh) -> Result<(u64, usize, bool), String> {
    let waited = joined.wait();
    assert!(joined.is_ended());
    let again = joined.wait_timeout(Duration::ZERO).unwrap();
    assert_eq!(waited.as_ref().ok(), again.as_ref().ok());
    waited.map(|done| (done.revision, done.linked, done.changed())).map_err(|failed| format!("{failed:?}"))
}

#[test]
fn all_that_joined_get_the_outcome_of_the_commit() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let ticket = begun(&index);
    let own = ticket.joined();
    let others: Vec<_> = (0..3).map(|_| joined(&index)).collect();
    assert!(!own.is_ended() && own.wait_timeout(Duration::from_millis(1)).is_none());
    assert_eq!(index.begin_refresh().unwrap_err(), Error::RefreshInProgress);
    let waiting: Vec<_> = others.iter().cloned().map(|joined| thread::spawn(move || end(&joined))).collect();
    let done = ticket.commit(state(&[("1", "VIP")], &[("1", "ana"), ("1", "bob")])).unwrap();
    let told = Ok((2, 1, true));
    assert_eq!((done.revision, done.linked), (2, 1));
    assert!(others.iter().chain([&own]).all(|joined| end(joined) == told));
    assert!(waiting.into_iter().all(|thread| thread.join().unwrap() == told));
    assert_eq!(pairs(&index), ["1 ana", "1 bob"]);
    // A commit without a difference is a success too.
    let ticket = begun(&index);
    let other = joined(&index);
    assert!(!ticket.commit(state(&[("1", "VIP")], &[("1", "ana"), ("1", "bob")])).unwrap().changed());
    assert_eq!(end(&other), Ok((2, 0, false)));
}

#[tokio::test]
async fn a_joined_refresh_is_a_future() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let ticket = begun(&index);
    let (other, ended) = (joined(&index), ticket.joined());
    let waiting: Vec<_> = (0..3).map(|_| tokio::spawn(other.clone())).collect();
    let given_up = tokio::time::timeout(Duration::from_millis(1), other.clone()).await;
    assert!(given_up.is_err(), "it goes on, and a task that gives up takes nothing from the others");
    tokio::task::spawn_blocking(|| ticket.commit(state(&[("1", "VIP")], &[("1", "bob")])).unwrap()).await.unwrap();
    for task in waiting {
        let done = task.await.unwrap().unwrap();
        assert_eq!((done.linked, done.unlinked), (1, 1));
    }
    assert_eq!(ended.await.unwrap().revision, 2);
    assert_eq!(other.await.unwrap().revision, 2);
}

#[test]
fn a_refusal_is_told_when_the_ticket_is_not_committed_again() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let ticket = begun(&index);
    let other = joined(&index);
    let refused = ticket.commit(FullState::new()).unwrap_err();
    assert!(!other.is_ended(), "the ticket is open");
    assert!(refused.ticket.commit_even_if_empty(refused.state).unwrap().changed());
    assert_eq!(end(&other), Ok((2, 0, true)));

    index.upsert_label("1", "VIP").unwrap();
    let ticket = begun(&index);
    let other = joined(&index);
    let cause: Error = ticket.commit(FullState::new()).unwrap_err().into();
    assert_eq!(cause, Error::EmptyRefresh { labels: 1, links: 0 });
    let Err(FailedRefresh::Refused(told)) = other.wait() else { panic!("{:?}", other.wait()) };
    assert_eq!(told, cause);
    assert_eq!(Error::from(other.wait().unwrap_err()), cause);
    assert_eq!(index.labels().len(), 1);
    drop(begun(&index));
}

#[test]
fn a_ticket_that_is_dropped_by_a_panic_too_gives_the_refresh_up() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let ticket = begun(&index);
    let other = joined(&index);
    drop(ticket);
    assert_eq!(end(&other), Err("GivenUp".to_owned()));
    let holder = AssertUnwindSafe(|| {
        let _ticket = begun(&index);
        let other = joined(&index);
        std::panic::panic_any(other);
    });
    let other = catch_unwind(holder).unwrap_err().downcast::<JoinedRefresh>().unwrap();
    assert_eq!(end(&other), Err("GivenUp".to_owned()));
    assert_eq!(Error::from(other.wait().unwrap_err()), Error::RefreshGivenUp { cause: None });
    assert_eq!(pairs(&index), ["1 ana"]);
    drop(begun(&index));
}

#[derive(Debug, PartialEq)]
struct NotConnected(u16);

impl fmt::Display for NotConnected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "session {} is not connected", self.0)
    }
}

impl std::error::Error for NotConnected {}

#[test]
fn the_error_of_the_holder_reaches_all_in_its_type() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let ticket = begun(&index);
    let others = [joined(&index), joined(&index)];
    ticket.fail(NotConnected(7));
    for other in others {
        let failed = other.wait().unwrap_err();
        assert_eq!(failed.to_string(), "the refresh failed: session 7 is not connected");
        let FailedRefresh::Failed(why) = &failed else { panic!("{failed:?}") };
        assert_eq!(why.downcast_ref(), Some(&NotConnected(7)));
        let cause = Some("session 7 is not connected".to_owned());
        assert_eq!(Error::from(failed), Error::RefreshGivenUp { cause });
    }
    let ticket = begun(&index);
    let other = ticket.joined();
    ticket.fail(String::from("a text"));
    assert_eq!(other.wait().unwrap_err().to_string(), "the refresh failed: a text");
}

#[test]
fn a_cancelled_refresh_is_told_at_once() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let ticket = begun(&index);
    let other = joined(&index);
    assert!(index.cancel_refresh());
    assert_eq!(end(&other), Err("Cancelled".to_owned()));
    assert_eq!(Error::from(other.wait().unwrap_err()), Error::TicketCancelled);
    // The next refresh is another one, whatever happens to the first ticket.
    let next = begun(&index);
    let of_next = joined(&index);
    let refused = ticket.commit(state(&[("1", "VIP")], &[("1", "bob")])).unwrap_err();
    assert_eq!(refused.cause, Error::TicketCancelled);
    refused.ticket.fail("too late");
    assert_eq!(end(&other), Err("Cancelled".to_owned()));
    assert!(!of_next.is_ended());
    assert!(next.commit(state(&[("1", "VIP")], &[("1", "carl")])).unwrap().changed());
    assert_eq!(end(&of_next).map(|(_, linked, _)| linked), Ok(1));
}

#[test]
fn a_caller_with_the_outcome_can_begin_another_refresh() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    for round in 0..300_u32 {
        let ticket = begun(&index);
        let (other, asked) = (joined(&index), index.clone());
        let next = thread::spawn(move || {
            let _end = other.wait();
            asked.begin_refresh().map(drop)
        });
        match round % 3 {
            0 => {
                ticket.commit(state(&[("1", "VIP")], &[("1", &*round.to_string())])).unwrap();
            }
            1 => ticket.fail("not connected"),
            _ => drop(ticket),
        }
        assert_eq!(next.join().unwrap(), Ok(()));
    }
}

#[test]
fn one_of_many_at_the_same_time_fetches() {
    let index = index(&[("1", "VIP")], &[]);
    let barrier = Barrier::new(8);
    let fetches = thread::scope(|scope| {
        let call = || {
            barrier.wait();
            let ticket = match index.begin_or_join_refresh().unwrap() {
                Refreshing::Joined(joined) => {
                    assert_eq!(joined.wait().unwrap().linked, 1);
                    return 0;
                }
                Refreshing::Begun(ticket) => ticket,
            };
            // A fetch, during which the others join.
            thread::sleep(Duration::from_millis(200));
            assert_eq!(ticket.commit(state(&[("1", "VIP")], &[("1", "ana")])).unwrap().linked, 1);
            1
        };
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(call)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum::<u32>()
    });
    assert_eq!(fetches, 1);
}

struct Call<F>(F);

impl<F: Fn() + Send + Sync> Wake for Call<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

#[test]
fn a_waker_may_panic_block_and_call_back() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let ticket = begun(&index);
    let (told, calls) = mpsc::sync_channel(9);
    let (hold, held) = (Arc::new(Barrier::new(2)), index.clone());
    let wakers = [
        Waker::from(Arc::new(Call(|| panic!("a waker of the host panics")))),
        Waker::from(Arc::new(Call({
            let hold = Arc::clone(&hold);
            move || {
                hold.wait();
            }
        }))),
        Waker::from(Arc::new(Call(move || told.send(held.begin_refresh().map(drop)).unwrap()))),
    ];
    let mut others: Vec<_> = wakers.iter().map(|_| Box::pin(joined(&index))).collect();
    for (other, waker) in others.iter_mut().zip(&wakers) {
        assert!(other.as_mut().poll(&mut Context::from_waker(waker)).is_pending());
    }
    assert!(ticket.commit(state(&[("1", "VIP")], &[("1", "bob")])).unwrap().changed());
    assert_eq!(calls.recv_timeout(LONG).unwrap(), Ok(()));
    hold.wait();
    assert!(others.iter().all(|other| end(other) == Ok((2, 1, true))));
}

#[cfg(feature = "store")]
mod in_a_store {
    use label_index::StoreOptions;

    use super::*;
    use crate::store::Folder;
    use crate::store::power::disk::{Disk, Trouble};

    #[test]
    fn a_failed_disk_is_told_and_a_resumed_store_cancels() {
        let disk = Disk::default();
        let opened = disk.clone();
        let store = StoreOptions::new().open_by(move || Ok(opened.clone())).unwrap();
        let index = store.instance("shop").unwrap();
        let ticket = begun(&index);
        let other = joined(&index);
        disk.trouble_after(0, Trouble::Full);
        let refused = ticket.commit(state(&[("1", "VIP")], &[("1", "ana")])).unwrap_err();
        assert!(matches!(refused.cause, Error::StoreFailed { .. }));
        assert!(index.begin_or_join_refresh().is_err_and(|error| error == refused.cause));
        let cause = refused.cause.clone();
        drop(refused);
        assert!(matches!(other.wait(), Err(FailedRefresh::Refused(told)) if told == cause));
        disk.heal();
        store.resume().unwrap();

        let _ticket = begun(&index);
        let other = joined(&index);
        disk.trouble_after(0, Trouble::Full);
        assert!(index.create_label("VIP").is_err());
        assert!(!other.is_ended(), "the holder still has the ticket");
        disk.heal();
        store.resume().unwrap();
        assert_eq!(end(&other), Err("Cancelled".to_owned()));
    }

    #[test]
    fn a_joined_refresh_ends_once_it_is_on_disk_and_keeps_nothing_loaded() {
        let folder = Folder::new();
        let store = folder.open();
        let index = store.instance("shop").unwrap();
        let ticket = begun(&index);
        let other = joined(&index);
        ticket.commit(state(&[("1", "VIP")], &[("1", "ana")])).unwrap();
        drop(index);
        assert!(store.unload("shop").unwrap());
        assert_eq!(end(&other), Ok((1, 1, true)));
        drop(store);
        assert!(folder.open().existing("shop").unwrap().contains("1", "ana"));
    }
}
