//! The two phases of a refresh, its ticket, and its commit as a whole.

use std::sync::mpsc;
use std::thread;

use label_index::{Error, FullState, LabelIndex, Limit, Options, RefreshState};

use super::{colored, index, labels, next_changes, pairs, refresh, state};

#[test]
fn the_old_state_answers_until_the_commit() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let ticket = index.begin_refresh().unwrap();
    let fetched = state(&[("2", "Late")], &[("2", "bob")]);
    assert_eq!((labels(&index), pairs(&index)), (vec!["1 VIP".into()], vec!["1 ana".into()]));
    let snapshot = index.snapshot();
    assert!(ticket.commit(fetched).unwrap().changed());
    assert_eq!((labels(&index), pairs(&index)), (vec!["2 Late".into()], vec!["2 bob".into()]));
    assert!(snapshot.contains("1", "ana") && snapshot.refresh_state() == RefreshState::Done { revision: 1 });
}

#[test]
fn dropping_the_ticket_changes_nothing() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let revision = index.revision();
    drop(index.begin_refresh().unwrap());
    assert_eq!((pairs(&index), index.revision()), (vec!["1 ana".into()], revision));
    assert!(index.begin_refresh().is_ok(), "another can be opened");
}

#[test]
fn failing_half_way_changes_nothing() {
    fn fetch(index: &LabelIndex) -> Result<(), Error> {
        let ticket = index.begin_refresh()?;
        let mut state = FullState::new();
        state.label("1", "VIP")?;
        state.link("1", "a damaged id@c.us\n")?;
        assert!(ticket.commit(state)?.changed());
        Ok(())
    }
    let index = LabelIndex::new();
    assert!(matches!(fetch(&index), Err(Error::InvalidChatId { .. })));
    assert_eq!((index.revision(), index.refresh_state()), (0, RefreshState::Never));
    assert!(index.begin_refresh().is_ok());
}

#[test]
fn there_is_one_ticket_at_a_time() {
    let index = LabelIndex::new();
    let ticket = index.begin_refresh().unwrap();
    assert_eq!(index.begin_refresh().unwrap_err(), Error::RefreshInProgress);
    assert_eq!(index.begin_refresh().unwrap_err(), Error::RefreshInProgress);
    assert!(LabelIndex::new().begin_refresh().is_ok(), "each index has its own");
    assert!(ticket.commit(FullState::new()).unwrap().changed());
    assert!(index.begin_refresh().is_ok());
}

#[test]
fn a_cancelled_ticket_is_void() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    assert!(!index.cancel_refresh(), "none is open");
    let hanging = index.begin_refresh().unwrap();
    assert!(index.cancel_refresh());
    assert!(!index.cancel_refresh());
    let other = index.begin_refresh().unwrap();

    let refused = hanging.commit(state(&[("2", "Late")], &[("2", "bob")])).unwrap_err();
    assert_eq!(refused.cause, Error::TicketCancelled);
    let refused = refused.ticket.commit_even_if_empty(refused.state).unwrap_err();
    assert_eq!((refused.cause.clone(), pairs(&index)), (Error::TicketCancelled, vec!["1 ana".into()]));

    drop(refused);
    assert_eq!(index.begin_refresh().unwrap_err(), Error::RefreshInProgress, "dropping it does not void the other");
    assert!(other.commit(state(&[("2", "Late")], &[("2", "bob")])).unwrap().changed());
}

#[test]
fn writes_beside_a_cancelled_ticket_are_not_those_of_the_next() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let hanging = index.begin_refresh().unwrap();
    assert!(index.link("1", "bob").unwrap());
    assert!(index.cancel_refresh());
    let done = index.begin_refresh().unwrap().commit(state(&[("1", "VIP")], &[("1", "ana")])).unwrap();
    assert_eq!((done.unlinked, pairs(&index)), (1, vec!["1 ana".into()]));
    drop(hanging);
}

#[test]
fn an_empty_sync_wipes_nothing() {
    let index = index(&[("1", "VIP")], &[("1", "ana"), ("1", "bob")]);
    let refused = index.begin_refresh().unwrap().commit(FullState::new()).unwrap_err();
    assert_eq!(refused.cause, Error::EmptyRefresh { labels: 1, links: 2 });
    assert_eq!((index.revision(), pairs(&index).len()), (1, 2));
    let said = "a refresh by records of 0 labels and 0 links was refused: the full state would empty an index of 1 labels \
                and 2 links";
    assert_eq!(refused.to_string(), said);
    assert!(std::error::Error::source(&refused).is_none(), "the cause is told once");
}

#[test]
fn a_state_without_links_or_without_live_labels_is_empty() {
    let (one_label, one_link) = (state(&[("1", "VIP")], &[]), state(&[], &[("1", "ana")]));
    let mut only_deleted = one_link.clone();
    only_deleted.deleted_label("1").unwrap();
    let cause = |state: &FullState, labels: &[_], links: &[_]| {
        let index = index(labels, links);
        index.begin_refresh().unwrap().commit(state.clone()).err().map(|refused| refused.cause)
    };
    let empty = |labels, links| Some(Error::EmptyRefresh { labels, links });
    let both = (&[("1", "VIP")][..], &[("1", "ana")][..]);
    assert_eq!(cause(&one_label, both.0, both.1), empty(1, 1), "no link");
    assert_eq!(cause(&only_deleted, both.0, both.1), empty(1, 1), "the link is dropped, and makes no label");
    assert_eq!(cause(&only_deleted, both.0, &[]), empty(1, 0), "no live label");
    assert_eq!(cause(&one_link, both.0, both.1), None, "a label without a record is live by its link");
    assert_eq!(cause(&one_link, &[("2", "Late")], &[]), None, "the link makes a provisional label");
    assert_eq!(cause(&one_label, &[("1", "VIP")], &[]), None, "there was no link");
    assert_eq!(cause(&one_link, &[], &[]), None, "there was no label");
    assert_eq!(cause(&FullState::new(), &[], &[]), None);
    assert_eq!(cause(&state(both.0, both.1), both.0, both.1), None);
}

#[test]
fn a_network_that_tells_of_links_alone_refreshes_again_and_again() {
    let index = LabelIndex::new();
    assert_eq!(refresh(&index, state(&[], &[("9", "ana")])).labels_created, 1);
    let again = refresh(&index, state(&[], &[("9", "ana"), ("9", "bob")]));
    assert_eq!((again.linked, pairs(&index)), (1, vec!["9 ana".into(), "9 bob".into()]));
    assert!(index.label("9").unwrap().is_provisional());
    let moved = refresh(&index, state(&[], &[("10", "ana")]));
    assert_eq!((moved.labels_created, moved.labels_removed, labels(&index)), (1, 1, vec!["10 -".into()]));
}

/// Such a state would remove all links and add none.
#[test]
fn a_state_whose_links_are_all_dropped_is_empty() {
    let chats: Vec<String> = (0..1_000).map(|number| format!("chat {number}")).collect();
    let links: Vec<_> = chats.iter().map(|chat| ("1", chat.as_str())).collect();
    let index = index(&[("1", "VIP"), ("2", "Late")], &links);
    assert!(index.remove_label("2").unwrap().changed());
    let refused = |state| index.begin_refresh().unwrap().commit(state).unwrap_err().cause;
    let here = state(&[("1", "VIP")], &[("2", "ana")]);
    assert_eq!(refused(here.clone()), Error::EmptyRefresh { labels: 1, links: 1_000 }, "deleted here");
    let mut there = state(&[("1", "VIP")], &[("3", "ana")]);
    there.deleted_label("3").unwrap();
    assert_eq!(refused(there), Error::EmptyRefresh { labels: 1, links: 1_000 }, "deleted there");
    assert_eq!(refused(state(&[], &[("2", "ana")])), Error::EmptyRefresh { labels: 1, links: 1_000 }, "no label");
    assert_eq!((index.total_rows(), index.revision()), (1_000, 2));
    assert_eq!(index.begin_refresh().unwrap().commit_even_if_empty(here).unwrap().unlinked, 1_000);
}

#[test]
fn an_empty_state_is_taken_when_the_caller_means_it() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let refused = index.begin_refresh().unwrap().commit(FullState::new()).unwrap_err();
    assert!(index.upsert_label("2", "Late").unwrap().changed());
    let done = refused.ticket.commit_even_if_empty(refused.state).unwrap();
    assert_eq!((done.labels_removed, done.unlinked), (1, 0));
    assert_eq!((labels(&index), pairs(&index)), (vec!["2 Late".into()], vec![]), "the ticket was open all along");
}

#[test]
fn a_refused_refresh_gives_back_state_and_ticket() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let fetched = state(&[("1", "VIP")], &[]);
    let refused = index.begin_refresh().unwrap().commit(fetched.clone()).unwrap_err();
    assert_eq!(refused.state, fetched);
    assert_eq!(index.begin_refresh().unwrap_err(), Error::RefreshInProgress);
    assert!(index.link("1", "bob").unwrap());
    let mut complete = refused.state;
    complete.link("1", "carl").unwrap();
    assert!(refused.ticket.commit(complete).unwrap().changed());
    assert_eq!(pairs(&index), ["1 bob", "1 carl"]);
}

#[test]
fn more_labels_than_allowed_are_refused() {
    let index = Options::new().label_limit(2).build();
    let exceeded = |given| Error::LimitExceeded { what: Limit::Labels, limit: 2, given };
    let three = state(&[("1", "a"), ("2", "b"), ("3", "c")], &[]);
    let refused = index.begin_refresh().unwrap().commit(three).unwrap_err();
    assert_eq!((refused.cause, index.revision()), (exceeded(3), 0));
    assert!(refused.ticket.commit(state(&[("1", "a"), ("2", "b")], &[])).unwrap().changed());
    let others = refresh(&index, state(&[("3", "c"), ("4", "d")], &[]));
    assert_eq!((others.labels_created, others.labels_removed), (2, 2), "never more than two at once");
}

#[test]
fn more_deleted_labels_than_allowed_are_refused() {
    let index = Options::new().label_limit(2).build();
    let mut fetched = FullState::new();
    ["7", "8", "9"].iter().for_each(|&id| fetched.deleted_label(id).unwrap());
    let refused = index.begin_refresh().unwrap().commit(fetched).unwrap_err();
    assert_eq!(refused.cause, Error::LimitExceeded { what: Limit::Labels, limit: 2, given: 3 });
    drop(refused);
    for ids in [["1", "2"], ["3", "4"], ["5", "6"]] {
        let done = refresh(&index, state(&ids.map(|id| (id, "a")), &[]));
        assert_eq!(done.labels_created, 2, "labels that were live can always go");
    }
    assert_eq!(refresh(&index, state(&[("1", "a"), ("2", "a")], &[])).labels_created, 2);
}

/// A label that is created again makes room for one that is deleted, whichever of them is first in the commit.
#[test]
fn as_many_deleted_labels_as_allowed_may_change() {
    let index = Options::new().label_limit(2).build();
    let mut fetched = FullState::new();
    ["7", "8"].iter().for_each(|&id| fetched.deleted_label(id).unwrap());
    assert!(index.begin_refresh().unwrap().commit(fetched).unwrap().changed());
    let mut fetched = state(&[("8", "back")], &[]);
    fetched.deleted_label("3").unwrap();
    let done = refresh(&index, fetched);
    assert_eq!((done.labels_created, done.labels_removed), (1, 1));
    index.check_invariants().unwrap();
    let mut fetched = state(&[("8", "back")], &[]);
    fetched.deleted_label("9").unwrap();
    let refused = index.begin_refresh().unwrap().commit(fetched).unwrap_err();
    assert_eq!(refused.cause, Error::LimitExceeded { what: Limit::Labels, limit: 2, given: 3 });
}

#[test]
fn a_refresh_is_one_commit_of_what_really_changed() {
    let index = index(&[("1", "VIP"), ("2", "Late"), ("3", "New")], &[("1", "ana"), ("1", "bob"), ("3", "bob")]);
    let mut feed = index.subscribe();
    let done = refresh(&index, state(&[("1", "VIP"), ("2", "Later"), ("4", "Won")], &[("1", "bob"), ("4", "ana")]));
    assert_eq!(done.revision, 2);
    let counts = (done.labels_created, done.labels_updated, done.labels_removed, done.linked, done.unlinked);
    assert_eq!(counts, (1, 1, 1, 1, 1));
    let mut changes = next_changes(&mut feed);
    assert_eq!(changes.pop().as_deref(), Some("refreshed"));
    changes.sort();
    assert_eq!(changes, ["created 4", "linked 4 ana", "removed 3 1", "unlinked 1 ana", "updated 2"]);
    assert_eq!(feed.try_recv(), None);
}

#[test]
fn chats_keep_their_places() {
    let chats = ["ana", "bob", "carl", "dora"];
    let index = index(&[("1", "VIP"), ("2", "Late")], &chats.map(|chat| ("1", chat)));
    let order: Vec<_> = index.iter().map(|row| row.chat_id.to_string()).collect();
    let moved = chats.iter().rev().map(|&chat| ("2", chat)).chain([("2", "eve")]).collect::<Vec<_>>();
    assert_eq!(refresh(&index, state(&[("2", "Late")], &moved)).linked, 5);
    let after: Vec<_> = index.iter().map(|row| row.chat_id.to_string()).filter(|chat| chat != "eve").collect();
    assert_eq!(after, order);
}

#[test]
fn the_first_refresh_is_always_a_change() {
    let index = LabelIndex::new();
    let mut feed = index.subscribe();
    assert_eq!(index.refresh_state(), RefreshState::Never);
    let first = refresh(&index, FullState::new());
    assert!(first.changed() && first.revision == 1);
    assert_eq!(next_changes(&mut feed), ["refreshed"]);
    assert_eq!(index.refresh_state(), RefreshState::Done { revision: 1 });
}

#[test]
fn a_later_refresh_without_a_difference_is_no_change() {
    let fetched = state(&[("1", "VIP")], &[("1", "ana")]);
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let mut feed = index.subscribe();
    let again = refresh(&index, fetched);
    assert!(!again.changed() && again.revision == 1 && index.revision() == 1);
    assert_eq!((feed.try_recv(), index.refresh_state()), (None, RefreshState::Done { revision: 1 }));
    assert!(index.begin_refresh().is_ok(), "the ticket is used up all the same");
}

#[test]
fn refresh_state_names_the_last_refresh_that_was_a_commit() {
    let index = index(&[("1", "VIP")], &[]);
    assert!(index.upsert_label("1", colored("VIP", 3)).unwrap().changed());
    assert_eq!(index.refresh_state(), RefreshState::Done { revision: 1 });
    assert!(refresh(&index, state(&[("1", "VVIP")], &[])).changed());
    assert_eq!(index.refresh_state(), RefreshState::Done { revision: 3 });
    assert_eq!(index.snapshot().refresh_state(), RefreshState::Done { revision: 3 });
}

#[test]
fn the_two_phases_need_no_common_thread() {
    let index = index(&[("1", "VIP")], &[("1", "ana")]);
    let (send, receive) = mpsc::channel();
    let ticket = index.begin_refresh().unwrap();
    let fetching = thread::spawn(move || {
        let fetched: FullState = receive.recv().unwrap();
        ticket.commit(fetched).unwrap()
    });
    send.send(state(&[("1", "VIP")], &[("1", "bob")])).unwrap();
    assert!(fetching.join().unwrap().changed());
    assert_eq!(pairs(&index), ["1 bob"]);
}
