//! Positions, which a consumer stores and resumes from.

use label_index::{Delivery, Error, LabelIndex, Options, Position};

use super::{commits, revisions};
use crate::model::trial::damaged;

fn index(identity: u64) -> LabelIndex {
    let index = Options::new().identity(identity).retain(100).build();
    for name in ["VIP", "Support", "Late"] {
        assert!(index.create_label(name).unwrap().revision > 0);
    }
    index
}

#[test]
fn every_commit_and_subscriber_and_snapshot_has_its_position() {
    let index = index(7);
    let mut feed = index.subscribe_after(0);
    assert_eq!((feed.position().revision(), index.identity()), (0, 7));
    for commit in commits(&mut index.subscribe_after(0)) {
        assert_eq!((commit.position.revision(), feed.revision()), (commit.revision, commit.revision - 1));
        assert_eq!(feed.try_recv(), Some(Delivery::Commit(commit.clone())));
        assert_eq!(feed.position(), commit.position);
    }
    assert_eq!(feed.position(), index.snapshot().position());
}

#[test]
fn a_subscriber_resumes_from_a_stored_text() {
    let index = index(u64::MAX);
    for commit in commits(&mut index.subscribe_after(0)) {
        let text = commit.position.to_string();
        let expected: Vec<u64> = (commit.revision + 1..=3).collect();
        assert_eq!(revisions(&mut index.subscribe_from(&text).unwrap()), expected);
        assert_eq!(revisions(&mut index.subscribe_from(text).unwrap()), expected);
        assert_eq!(revisions(&mut index.subscribe_from(commit.position).unwrap()), expected);
    }
}

#[test]
fn a_position_of_another_index_is_missed() {
    let (index, other) = (index(7), index(8));
    for commit in commits(&mut other.subscribe_after(0)) {
        let mut feed = index.subscribe_from(commit.position).unwrap();
        let missed = Some(Delivery::Missed { after: commit.revision });
        assert_eq!((feed.try_recv(), feed.try_recv()), (missed.clone(), missed));
        let snapshot = index.snapshot();
        feed.resume_after(snapshot.revision());
        assert_eq!((feed.try_recv(), feed.position()), (None, snapshot.position()));
    }
}

#[test]
fn a_position_that_is_still_to_come_is_missed() {
    let (index, other) = (index(7), index(7));
    other.create_label("More").unwrap();
    let mut feed = index.subscribe_from(other.snapshot().position()).unwrap();
    assert_eq!(feed.try_recv(), Some(Delivery::Missed { after: 4 }));
}

#[test]
fn positions_parse_from_their_text() {
    for (identity, revisions) in [(0, 0), (1, 3), (u64::MAX, 3)] {
        let index = Options::new().identity(identity).build();
        (0..revisions).for_each(|name| drop(index.create_label(name.to_string()).unwrap()));
        let position = index.snapshot().position();
        assert_eq!(position.to_string().parse::<Position>(), Ok(position));
        assert_eq!(position.to_string().len(), 40);
    }
}

#[test]
fn a_damaged_position_is_refused() {
    let index = index(7);
    let text = index.snapshot().position().to_string();
    let cursor_like = &text[..32];
    let long = "0".repeat(1_000);
    let others: Vec<String> = (0..40).map(|digit| damaged(&text, digit)).collect();
    let others = others.iter().map(String::as_str);
    for bad in
        ["", "5", cursor_like, &text.to_uppercase(), &text.replace('0', " "), &long, "ação"].into_iter().chain(others)
    {
        let refused = index.subscribe_from(bad).err();
        assert!(matches!(refused, Some(Error::BadPosition { value }) if bad.starts_with(value.trim_end_matches('…'))));
    }
    assert!("0".repeat(40).parse::<Position>().is_err());
}

#[test]
fn positions_are_texts_in_json() {
    let position = index(7).snapshot().position();
    let json = serde_json::to_string(&position).unwrap();
    assert_eq!(json, format!("\"{position}\""));
    assert_eq!(serde_json::from_str::<Position>(&json).unwrap(), position);
    assert!(serde_json::from_str::<Position>("\"5\"").is_err());
}
