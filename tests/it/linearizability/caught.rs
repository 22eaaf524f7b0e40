//! The check finds the fault in each of these impossible histories.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{Broken, check};
use super::history::{Event, What, Written, locate};

fn at(begin: u64, end: u64, revision: impl Into<Option<u64>>, what: What) -> Event {
    Event { begin, end, store: 0, revision: revision.into(), what }
}

/// As [`at`], at another store.
fn there(begin: u64, end: u64, revision: impl Into<Option<u64>>, what: What) -> Event {
    Event { store: 1, ..at(begin, end, revision, what) }
}

fn link(label: u32, chat: u32) -> What {
    What::written(label, chat, true, true)
}

fn unlink(label: u32, chat: u32) -> What {
    What::written(label, chat, false, true)
}

fn labels_of<const N: usize>(chat: u32, labels: [u32; N]) -> What {
    What::LabelsOf { chat, labels: BTreeSet::from(labels) }
}

/// The answer that these chats have the label 1 and no other.
fn with_1<const N: usize>(chats: [u32; N]) -> What {
    let chats: BTreeMap<_, _> = chats.into_iter().map(|chat| (chat, BTreeSet::from([1]))).collect();
    What::AnyOf { labels: BTreeSet::from([1, 9]), chats, totals: [u64::try_from(N).unwrap(); 3] }
}

/// Chat 7 gets the label 1 from 10 to 20, chat 8 from 30 to 40; chat 7 loses it from 50 to 60.
fn writes() -> Vec<Event> {
    vec![at(10, 20, 2, link(1, 7)), at(30, 40, 3, link(1, 8)), at(50, 60, 4, unlink(1, 7))]
}

fn with(more: impl IntoIterator<Item = Event>) -> Result<usize, Broken> {
    check(1, &writes().into_iter().chain(more).collect::<Vec<_>>())
}

#[track_caller]
fn assert_stale(event: Event) {
    assert_eq!(with([event.clone()]), Err(Broken::Stale(event)));
}

#[track_caller]
fn assert_torn(event: Event) {
    assert_eq!(with([event.clone()]), Err(Broken::Torn(event)));
}

#[track_caller]
fn assert_early(event: Event) {
    assert_eq!(with([event.clone()]), Err(Broken::Early(event)));
}

#[test]
fn a_possible_history_is_accepted() {
    let sound = [
        at(1, 2, 1, with_1([])),
        at(3, 4, None, labels_of(7, [])),
        // At the same time as the first write: before it or after it.
        at(11, 18, 1, with_1([])),
        at(12, 19, 2, with_1([7])),
        at(13, 17, None, labels_of(7, [1])),
        at(14, 35, None, What::written(1, 7, true, false)),
        at(31, 61, 4, with_1([8])),
        at(45, 55, None, labels_of(7, [])),
        at(62, 63, 4, What::written(1, 7, false, false)),
    ];
    assert!(with(sound).unwrap() > 4);
}

#[test]
fn a_gap_between_revisions_is_caught() {
    let mut events = writes();
    events.remove(1);
    assert_eq!(check(1, &events), Err(Broken::Gap(3)));
    assert_eq!(check(0, &writes()), Err(Broken::Gap(1)));
}

#[test]
fn a_revision_of_two_writes_is_caught() {
    assert_eq!(with([at(30, 41, 3, link(2, 8))]), Err(Broken::Twice(3)));
}

#[test]
fn a_read_older_than_a_returned_write_is_caught() {
    assert_stale(at(21, 22, 1, with_1([])));
    assert_stale(at(21, 22, None, labels_of(7, [])));
    assert_stale(at(61, 62, None, labels_of(7, [1])));
    assert_stale(at(61, 62, 3, What::written(1, 7, true, false)));
}

#[test]
fn a_read_older_than_an_earlier_read_is_caught() {
    for later in [at(17, 18, None, labels_of(7, [])), at(17, 18, 1, with_1([]))] {
        for earlier in [at(11, 15, None, labels_of(7, [1])), at(11, 15, 2, with_1([7]))] {
            assert_eq!(with([earlier, later.clone()]), Err(Broken::Stale(later.clone())));
        }
    }
}

#[test]
fn a_read_at_another_store_may_be_older_until_it_caught_up() {
    let behind =
        [there(21, 22, 1, with_1([])), there(61, 62, None, labels_of(7, [1])), there(63, 64, 3, with_1([7, 8]))];
    with(behind).unwrap();
    assert_eq!(with([there(21, 22, 2, with_1([7])), there(23, 24, 1, with_1([]))]), {
        Err(Broken::Stale(there(23, 24, 1, with_1([]))))
    });
    let stale = there(63, 64, 3, with_1([7, 8]));
    assert_eq!(with([there(61, 62, None, What::CaughtUp), stale.clone()]), Err(Broken::Stale(stale)));
    // It began before the last write returned, and may have happened before that write.
    with([there(45, 62, None, What::CaughtUp), there(63, 64, 3, with_1([7, 8]))]).unwrap();
}

#[test]
fn an_answer_to_a_write_is_true_of_all_stores() {
    assert_stale(there(61, 62, None, What::written(1, 7, true, false)));
    with([there(61, 62, None, What::written(1, 7, false, false))]).unwrap();
}

#[test]
fn an_attempt_counts_once_or_not_at_all() {
    let attempt = |begin| at(begin, u64::MAX, None, What::Attempted { label: 2, chat: 7, linked: true });
    let written = |revision, label, linked| Written { revision, label, chat: 7 + u32::from(revision == 3), linked };
    let log = [written(2, 1, true), written(3, 1, true), written(4, 1, false), written(5, 2, true)];
    let located = |attempts: &[u64], log: &[Written]| {
        let mut events = writes();
        events.extend(attempts.iter().map(|&begin| attempt(begin)));
        locate(&mut events, log);
        events
    };
    assert_eq!(located(&[5, 55], &log[..3]), writes());
    let once = located(&[5, 55], &log);
    check(1, &once).unwrap();
    assert_eq!(once.len(), 4);
    // A commit at a revision that no write can have made belongs to no write.
    assert!(std::panic::catch_unwind(|| located(&[], &log)).is_err());
    assert!(std::panic::catch_unwind(|| located(&[5], &log[..2])).is_err(), "one was acknowledged and lost");
}

#[test]
fn a_read_of_a_write_that_had_not_begun_is_caught() {
    assert_early(at(11, 29, 3, with_1([7, 8])));
    assert_early(at(11, 29, None, labels_of(8, [1])));
    assert_early(at(3, 4, None, What::written(1, 7, true, false)));
}

#[test]
fn a_read_of_no_revision_is_caught() {
    // Half of the second write and half of the third.
    assert_torn(at(30, 62, 3, with_1([8])));
    assert_torn(at(30, 62, 4, with_1([])));
    assert_torn(at(30, 62, None, labels_of(7, [1, 2])));
    let What::AnyOf { labels, chats, .. } = with_1([7, 8]) else { unreachable!() };
    assert_torn(at(41, 42, 3, What::AnyOf { labels, chats, totals: [2, 2, 1] }));
}

#[test]
fn a_write_with_a_wrong_answer_is_caught() {
    let again = at(70, 80, 5, link(1, 8));
    assert_eq!(with([again.clone()]), Err(Broken::Torn(again)));
    let never = at(70, 80, 4, What::written(2, 8, true, false));
    assert_eq!(with([never.clone()]), Err(Broken::Torn(never)));
}

#[test]
fn writes_with_revisions_in_another_order_are_caught() {
    let mut events = writes();
    events.push(at(61, 62, 5, link(1, 9)));
    events.push(at(63, 64, 6, link(2, 9)));
    assert!(check(1, &events).is_ok());
    (events[3].revision, events[4].revision) = (Some(6), Some(5));
    assert_eq!(check(1, &events), Err(Broken::Early(events[3].clone())));
}
