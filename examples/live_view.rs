//! A view that stays up to date: the number of chats with each label, as an inbox shows it in its side bar. It takes a
//! snapshot once and follows the feed; when it missed commits because it was away for too long, it takes a snapshot
//! again.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use label_index::{Change, ChatId, Delivery, LabelId, LabelIndex, LabelledChat, Options, Result, Snapshot, Subscriber};

const STAGES: [&str; 4] = ["Novo", "Em conversa", "Proposta", "Fechado"];
const CHATS: u32 = 200;
const BUSY: Duration = Duration::from_millis(1_000);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    // A small buffer, so that the view misses commits in this example.
    let index = Options::new().feed_change_limit(256).build();
    let is_over = AtomicBool::new(false);
    let (written, view) = thread::scope(|scope| {
        let watching = scope.spawn(|| watch(&index, &is_over));
        let written = write(&index);
        is_over.store(true, Ordering::Release);
        (written, watching.join())
    });
    let (written, view) = (written?, view.map_err(|_| "the view panicked")?);

    println!("{written} commits were written, {} of them came to the view", view.commits);
    println!("{} snapshots were taken, the first to begin with, others when commits were missed", view.rebuilt);
    for (label, name) in &view.names {
        println!("{:>6}  {name}", view.count(label));
    }
    let is_right = view.shows(&index.snapshot());
    println!("the view {} the index", if is_right { "is" } else { "is NOT" });
    Ok(if is_right && view.rebuilt > 1 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The counts that are shown, and the subscriber that keeps them up to date.
struct View {
    names: BTreeMap<LabelId, String>,
    chats: BTreeMap<ChatId, BTreeSet<LabelId>>,
    feed: Subscriber,
    commits: usize,
    rebuilt: usize,
}

impl View {
    /// Subscribes first and takes the snapshot then: a commit in between is in the feed, in the snapshot, or in both;
    /// the feed then continues after the revision of the snapshot.
    fn new(index: &LabelIndex) -> Self {
        let feed = index.subscribe();
        let mut view = Self { names: BTreeMap::new(), chats: BTreeMap::new(), feed, commits: 0, rebuilt: 0 };
        view.rebuild(&index.snapshot());
        view
    }

    fn rebuild(&mut self, snapshot: &Snapshot) {
        self.names = snapshot.labels().iter().map(|label| (label.id().clone(), text(label))).collect();
        let ids = |row: &LabelledChat| row.labels.iter().map(|label| label.id().clone()).collect();
        self.chats = snapshot.iter().map(|row| (row.chat_id.clone(), ids(&row))).collect();
        self.feed.resume_after(snapshot.revision());
        self.rebuilt += 1;
    }

    fn take(&mut self, delivery: Delivery, index: &LabelIndex) {
        match delivery {
            Delivery::Commit(commit) => {
                commit.changes.iter().for_each(|change| self.change(change));
                self.commits += 1;
            }
            // Nothing more is delivered until the view says where it continues.
            Delivery::Missed { .. } => self.rebuild(&index.snapshot()),
            // Only an index in a store reads its older commits from somewhere.
            Delivery::Failed(_) | Delivery::Closed => {}
        }
    }

    fn change(&mut self, change: &Change) {
        match change {
            Change::LabelCreated { label } | Change::LabelUpdated { label } => {
                self.names.insert(label.id().clone(), text(label));
            }
            // The links that were removed with the label are not reported one by one.
            Change::LabelRemoved { label, .. } => {
                self.names.remove(label);
                self.chats.retain(|_, labels| {
                    labels.remove(label);
                    !labels.is_empty()
                });
            }
            Change::ChatLinked { label, chat, .. } => {
                self.chats.entry(chat.clone()).or_default().insert(label.clone());
            }
            Change::ChatUnlinked { label, chat } => {
                let left = self.chats.get_mut(chat).map(|labels| {
                    labels.remove(label);
                    labels.len()
                });
                if left == Some(0) {
                    self.chats.remove(chat);
                }
            }
            // `from` disappears from answers; an alias that was only re-pointed adds no label.
            Change::ChatsMerged { from, into, added, .. } => {
                self.chats.remove(from);
                if !added.is_empty() {
                    self.chats.entry(into.clone()).or_default().extend(added.iter().cloned());
                }
            }
            _ => {}
        }
    }

    fn count(&self, label: &LabelId) -> usize {
        self.chats.values().filter(|labels| labels.contains(label)).count()
    }

    fn shows(&self, snapshot: &Snapshot) -> bool {
        let counts = snapshot.labels().iter().all(|label| {
            u64::try_from(self.count(label.id())) == Ok(snapshot.count(label.id()))
                && self.names.get(label.id()) == Some(&text(label))
        });
        counts && self.names.len() == snapshot.labels().len() && self.feed.revision() == snapshot.revision()
    }
}

fn text(label: &label_index::Label) -> String {
    label.name().map_or_else(|| "(no name yet)".to_owned(), ToString::to_string)
}

/// Follows the index until the feed is closed. Once, it stops reading for a while.
fn watch(index: &LabelIndex, is_over: &AtomicBool) -> View {
    let mut view = View::new(index);
    let mut away = Some(Instant::now() + BUSY / 3);
    loop {
        let was_over = is_over.load(Ordering::Acquire);
        match view.feed.recv_timeout(Duration::from_millis(10)) {
            Some(delivery) => view.take(delivery, index),
            None if was_over => return view,
            None => {}
        }
        if away.take_if(|away| *away < Instant::now()).is_some() {
            thread::sleep(BUSY / 3);
        }
    }
}

/// Moves chats through the stages, creates and removes campaign labels, and merges chats. Returns the last revision.
fn write(index: &LabelIndex) -> Result<u64> {
    let stages = STAGES.iter().map(|&name| Ok(index.create_label(name)?.outcome)).collect::<Result<Vec<_>>>()?;
    let until = Instant::now() + BUSY;
    for round in (0..).take_while(|_| Instant::now() < until) {
        let stage = stages.iter().cycle().nth(round % 7);
        for chat in (0..CHATS).skip(round % 10).step_by(10) {
            let moved = index.set_labels(format!("447700900{chat:03}@c.us"), stage)?;
            debug_assert!(moved.revision <= index.revision());
        }
        let campaign = index.create_label(format!("Campaign {round}").as_str())?;
        index.link(&campaign, format!("{round}@lid"))?;
        let merged = index.merge_chats(format!("{round}@lid"), "447700900000@c.us")?;
        let removed = index.remove_label(&campaign)?;
        debug_assert!(merged.changed() && removed.links == 1);
        thread::sleep(Duration::from_millis(2));
    }
    Ok(index.upsert_label(4, "Ganho")?.revision)
}
