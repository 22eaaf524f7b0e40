//! Two subscribers: one keeps a copy of the index, the other never reads.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use label_index::{Change, Commit, Delivery, LabelId, LabelledChat, Revision, Snapshot, Subscriber};

use crate::scene::Scene;
use crate::trouble::{Trouble, same};
use crate::writer::Carried;

/// The longest time that a commit may take to reach a subscriber.
const PATIENCE: Duration = Duration::from_secs(30);

/// The copy that a host keeps of an index.
#[derive(Debug, Default, PartialEq, Eq)]
struct Copy {
    revision: Revision,
    names: BTreeMap<LabelId, Option<String>>,
    carried: Carried,
}

pub(crate) fn carried_by(rows: impl Iterator<Item = LabelledChat>) -> Carried {
    let ids = |row: &LabelledChat| row.labels.iter().map(|label| label.id().clone()).collect::<BTreeSet<_>>();
    rows.map(|row| (row.chat_id.clone(), ids(&row))).collect()
}

/// Maintains a copy from the feed and compares it with snapshots.
pub(crate) fn follow(scene: &Scene) -> Result<(), Trouble> {
    let mut feed = scene.index.subscribe();
    let mut copy = Copy::default();
    copy.begin_again(&scene.index.snapshot(), &mut feed);
    while scene.goes_on() {
        let snapshot = scene.index.snapshot();
        reach(scene, &mut feed, &mut copy, &snapshot)?;
        let until = Instant::now() + Duration::from_millis(800);
        while scene.goes_on() && Instant::now() < until {
            if let Some(delivery) = feed.recv_timeout(Duration::from_millis(50)) {
                copy.take(scene, &mut feed, delivery)?;
            }
        }
    }
    Ok(())
}

/// Reads up to the revision of a snapshot and compares. If commits were missed on the way, the copy starts again from a
/// newer snapshot.
fn reach(scene: &Scene, feed: &mut Subscriber, copy: &mut Copy, snapshot: &Snapshot) -> Result<(), Trouble> {
    let until = Instant::now() + PATIENCE;
    while copy.revision < snapshot.revision() {
        match feed.recv_timeout(Duration::from_millis(100)) {
            Some(delivery) => copy.take(scene, feed, delivery)?,
            None if Instant::now() < until => {}
            None => same(snapshot.revision(), "a commit that is shown is in the feed", &false, &true)?,
        }
    }
    if copy.revision == snapshot.revision() {
        let mut expected = Copy::default();
        expected.show(snapshot);
        same(copy.revision, "the copy kept by the feed", &(*copy == expected), &true)?;
        scene.counters.copies_compared.add(1);
    }
    Ok(())
}

impl Copy {
    fn show(&mut self, snapshot: &Snapshot) {
        let name = |label: &label_index::Label| label.name().map(ToString::to_string);
        self.names = snapshot.labels().iter().map(|label| (label.id().clone(), name(label))).collect();
        self.carried = carried_by(snapshot.iter());
        self.revision = snapshot.revision();
    }

    fn begin_again(&mut self, snapshot: &Snapshot, feed: &mut Subscriber) {
        self.show(snapshot);
        feed.resume_after(self.revision);
    }

    fn take(&mut self, scene: &Scene, feed: &mut Subscriber, delivery: Delivery) -> Result<(), Trouble> {
        match delivery {
            Delivery::Commit(commit) => {
                scene.counters.fed.add(1);
                same(commit.revision, "the commit after the last one", &commit.revision, &(self.revision + 1))?;
                self.apply(&commit);
            }
            Delivery::Missed { after } => {
                scene.counters.missed.add(1);
                same(after, "missed after the last commit", &after, &self.revision)?;
                self.begin_again(&scene.index.snapshot(), feed);
            }
            other => same(self.revision, "the feed is open", &Some(other), &None)?,
        }
        Ok(())
    }

    fn apply(&mut self, commit: &Commit) {
        self.revision = commit.revision;
        for change in commit.changes.iter() {
            match change {
                Change::LabelCreated { label } | Change::LabelUpdated { label } => {
                    self.names.insert(label.id().clone(), label.name().map(ToString::to_string));
                }
                Change::LabelRemoved { label, .. } => {
                    self.names.remove(label);
                    self.carried.retain(|_, labels| !(labels.remove(label) && labels.is_empty()));
                }
                Change::ChatLinked { label, chat, .. } => {
                    self.carried.entry(chat.clone()).or_default().insert(label.clone());
                }
                Change::ChatUnlinked { label, chat } => {
                    let left = self.carried.get_mut(chat).map(|labels| (labels.remove(label), labels.len()));
                    if matches!(left, Some((_, 0))) {
                        self.carried.remove(chat);
                    }
                }
                Change::ChatsMerged { from, into, added, .. } => {
                    self.carried.remove(from);
                    if !added.is_empty() {
                        self.carried.entry(into.clone()).or_default().extend(added.iter().cloned());
                    }
                }
                _ => {}
            }
        }
    }
}

/// Reads nothing until the end; then it must receive either `Missed` or every commit.
pub(crate) fn sleep(scene: &Scene) -> Result<(), Trouble> {
    let mut feed = scene.index.subscribe();
    let began = feed.revision();
    while scene.goes_on() {
        scene.pause(Duration::from_secs(1));
    }
    let what = "what a subscriber is told that never read";
    match feed.recv_timeout(Duration::ZERO) {
        Some(Delivery::Commit(commit)) => same(commit.revision, what, &commit.revision, &(began + 1)),
        Some(Delivery::Missed { after }) => same(began, what, &after, &began),
        Some(other) => same(began, what, &Some(other), &None),
        None => same(began, what, &scene.index.revision(), &began),
    }
}
