//! The limit of the buffer, and subscribers that fall behind.

use label_index::{Delivery, FullState, LabelIndex, Options};

use super::{commits, revisions};
use crate::replica::Replica;

/// An index with one label, whose feed keeps this many changes.
fn bounded(changes: usize) -> LabelIndex {
    let index = Options::new().feed_change_limit(changes).build();
    assert!(index.upsert_label("1", "VIP").unwrap().changed());
    index
}

fn link(index: &LabelIndex, chats: std::ops::Range<u32>) {
    for chat in chats {
        assert!(index.link("1", chat.to_string()).unwrap());
    }
}

const fn missed(after: u64) -> Option<Delivery> {
    Some(Delivery::Missed { after })
}

#[test]
fn a_subscriber_behind_the_buffer_is_told() {
    let index = bounded(4);
    let mut feed = index.subscribe();
    link(&index, 0..4);
    assert_eq!(revisions(&mut feed), [2, 3, 4, 5], "as many as are kept");
    link(&index, 4..9);
    assert_eq!((feed.try_recv(), feed.revision()), (missed(5), 5));
}

#[test]
fn nothing_more_is_delivered_until_the_subscriber_says_where_it_goes_on() {
    let index = bounded(4);
    let mut feed = index.subscribe();
    link(&index, 0..9);
    assert_eq!(feed.try_recv(), missed(1));
    link(&index, 9..10);
    assert_eq!((feed.try_recv(), feed.recv()), (missed(1), missed(1).unwrap()));
    let snapshot = index.snapshot();
    link(&index, 10..12);
    feed.resume_after(snapshot.revision());
    assert_eq!((feed.revision(), revisions(&mut feed)), (11, vec![12, 13]));
}

#[test]
fn a_subscriber_that_resumes_too_early_is_told_again() {
    let index = bounded(4);
    let mut feed = index.subscribe();
    link(&index, 0..9);
    assert_eq!(feed.try_recv(), missed(1));
    feed.resume_after(5);
    assert_eq!(feed.try_recv(), missed(5));
    feed.resume_after(6);
    assert_eq!(revisions(&mut feed), [7, 8, 9, 10]);
    feed.resume_after(7);
    assert_eq!(revisions(&mut feed), [8, 9, 10], "again, since it asked");
}

#[test]
fn a_subscriber_that_keeps_up_misses_nothing() {
    let index = bounded(4);
    let (mut slow, mut fast) = (index.subscribe(), index.subscribe());
    for chat in 0..20 {
        link(&index, chat..chat + 1);
        assert_eq!(revisions(&mut fast), [u64::from(chat) + 2]);
    }
    assert_eq!(slow.try_recv(), missed(1));
}

#[test]
fn a_commit_larger_than_the_buffer_is_delivered_beside_others() {
    let index = bounded(4);
    let (mut feed, mut slow) = (index.subscribe(), index.subscribe());
    link(&index, 0..1);
    assert!(index.link_all("1", (1..6).map(|chat| chat.to_string())).unwrap().changed());
    link(&index, 6..9);
    let commits = commits(&mut feed);
    let sizes: Vec<_> = commits.iter().map(|commit| (commit.revision, commit.changes.len())).collect();
    assert_eq!(sizes, [(2, 1), (3, 5), (4, 1), (5, 1), (6, 1)]);
    link(&index, 9..11);
    assert_eq!(slow.try_recv(), missed(1), "the limit holds for what came before and after it");
}

#[test]
fn a_first_refresh_of_200_000_links_is_delivered() {
    let index = LabelIndex::new();
    let (mut feed, mut late) = (index.subscribe(), index.subscribe());
    index.upsert_label("1", "VIP").unwrap();
    let ticket = index.begin_refresh().unwrap();
    let mut state = FullState::new();
    state.label("1", "VIP").unwrap();
    for chat in 0..200_000 {
        state.link("1", format!("55{chat:011}@c.us")).unwrap();
    }
    assert!(ticket.commit(state).unwrap().changed());
    link(&index, 0..3);
    assert_eq!(revisions(&mut feed), [1, 2, 3, 4, 5]);
    index.link_all("1", (3..60_000).map(|chat| chat.to_string())).unwrap();
    assert_eq!(revisions(&mut late), [1, 2, 3, 4, 5, 6], "also to one that reads much later");
}

#[test]
fn of_two_commits_larger_than_the_buffer_the_newer_one_is_kept() {
    let index = bounded(4);
    let mut feed = index.subscribe();
    assert!(index.link_all("1", (0..5).map(|chat| chat.to_string())).unwrap().changed());
    assert!(index.unlink_all("1", (0..5).map(|chat| chat.to_string())).unwrap().changed());
    assert_eq!(feed.try_recv(), missed(1));
    feed.resume_after(2);
    assert_eq!(revisions(&mut feed), [3]);
}

#[test]
fn a_commit_as_large_as_the_buffer_is_delivered_whole() {
    let index = bounded(4);
    let mut feed = index.subscribe();
    link(&index, 0..1);
    assert!(index.link_all("1", (1..5).map(|chat| chat.to_string())).unwrap().changed());
    assert_eq!(feed.try_recv(), missed(1));
    feed.resume_after(2);
    let commits = commits(&mut feed);
    assert_eq!((commits.len(), commits[0].changes.len()), (1, 4));
}

#[test]
fn without_a_buffer_everything_is_missed() {
    let index = bounded(0);
    let mut feed = index.subscribe();
    assert_eq!(feed.try_recv(), None);
    link(&index, 0..1);
    assert_eq!(feed.try_recv(), missed(1));
}

#[test]
fn a_revision_older_than_what_is_kept_is_missed() {
    let index = bounded(4);
    let first = index.subscribe();
    link(&index, 0..9);
    assert_eq!(index.subscribe_after(5).try_recv(), missed(5));
    assert_eq!(revisions(&mut index.subscribe_after(6)), [7, 8, 9, 10]);
    drop(first);
}

#[test]
fn a_revision_from_before_the_first_subscriber_is_missed() {
    let index = bounded(4);
    link(&index, 0..1);
    assert_eq!(index.subscribe_after(1).try_recv(), missed(1), "nothing was kept");
    assert_eq!(index.subscribe_after(2).try_recv(), None);
}

#[test]
fn a_revision_that_is_still_to_come_is_missed() {
    let index = bounded(4);
    link(&index, 0..2);
    let mut feed = index.subscribe_after(4);
    assert_eq!(feed.try_recv(), missed(4), "that was another life of the index");
    link(&index, 2..5);
    assert_eq!(feed.try_recv(), missed(4));
    feed.resume_after(1_000);
    assert_eq!(feed.try_recv(), missed(1_000));
    feed.resume_after(u64::MAX);
    assert_eq!(feed.try_recv(), missed(u64::MAX));
    feed.resume_after(6);
    assert_eq!(feed.try_recv(), None);
    link(&index, 5..6);
    assert_eq!(revisions(&mut feed), [7]);
}

#[test]
fn a_snapshot_and_a_subscription_have_no_gap() {
    let index = bounded(1_000);
    let mut feed = index.subscribe();
    link(&index, 0..5);
    let snapshot = index.snapshot();
    link(&index, 5..9);
    let mut after = index.subscribe_after(snapshot.revision());
    assert_eq!(revisions(&mut after), [7, 8, 9, 10]);
    feed.resume_after(snapshot.revision());
    assert_eq!(revisions(&mut feed), [7, 8, 9, 10]);
    let seen = Replica::from(&snapshot).links.len();
    assert_eq!(seen + 4, Replica::from(&index.snapshot()).links.len());
}

#[test]
fn when_the_last_subscriber_is_gone_nothing_is_kept() {
    let index = bounded(1_000);
    let mut first = index.subscribe();
    link(&index, 0..5);
    let second = index.subscribe();
    drop(second);
    assert_eq!(revisions(&mut first), [2, 3, 4, 5, 6], "there was another one");
    link(&index, 5..6);
    drop(first);
    let mut late = index.subscribe_after(6);
    assert_eq!(late.try_recv(), missed(6), "revision 7 went with the last subscriber");
    late.resume_after(7);
    link(&index, 6..7);
    assert_eq!(revisions(&mut late), [8]);
}

#[test]
fn a_dropped_subscriber_holds_no_commit() {
    let index = bounded(1_000);
    let mut feed = index.subscribe();
    link(&index, 0..3);
    let Some(Delivery::Commit(commit)) = feed.try_recv() else { panic!("no commit") };
    assert_eq!(std::sync::Arc::strong_count(&commit.changes), 2, "the buffer's and ours");
    drop(feed);
    assert_eq!(std::sync::Arc::strong_count(&commit.changes), 1);
}

#[test]
fn writers_never_wait_for_a_subscriber_that_never_reads() {
    let index = bounded(16);
    let feeds: Vec<_> = (0..100).map(|_| index.subscribe()).collect();
    link(&index, 0..10_000);
    assert_eq!(index.revision(), 10_001);
    for mut feed in feeds {
        assert_eq!(feed.try_recv(), missed(1));
    }
}
