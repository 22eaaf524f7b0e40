//! A consumer that posts every event to a webhook, and loses none: it stores the position of the last commit that was
//! taken, and resumes from there whatever ended in between, itself or the store.
//!
//! The webhook here is a list that refuses what it has seen before, by the position, which serves as the id of a delivery.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs, process};

use label_index::{Commit, Delivery, LabelIndex, Store, Subscriber};

const CHATS: u32 = 40;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("label-index-webhook-{}", process::id()));
    let result = run(&folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn run(folder: &Path) -> Result<ExitCode, Box<dyn Error>> {
    let mut webhook = Webhook::default();
    let mut written = 0;
    for process in 0..4 {
        // For the consumer, each round is like a process of its own.
        let store = Store::open(folder)?;
        let index = store.instance("shop")?;
        write(&index, process)?;
        written = index.revision();
        let consumer = Consumer { bookmark: folder.join("webhook.position") };
        // All but the last process end before everything is posted.
        let most = if process < 3 { 7 } else { usize::MAX };
        let posted = consumer.post_events(&index, &mut webhook, most)?;
        println!("process {process} posted {posted} commits of {written}");
    }
    println!("{} deliveries were taken, {} came again and were not", webhook.taken.len(), webhook.repeated);
    let is_complete = webhook.revisions == (1..=written).collect::<Vec<_>>();
    println!("the webhook {} every commit once, in order", if is_complete { "has" } else { "does NOT have" });
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn write(index: &LabelIndex, process: u32) -> label_index::Result<()> {
    let vip = index.ensure_label("VIP")?;
    let chats = process * CHATS / 4..(process + 1) * CHATS / 4;
    chats.map(|chat| index.link(vip.id(), format!("55119{chat:08}@c.us"))).try_for_each(|linked| linked.map(drop))
}

struct Consumer {
    /// The file that has the position of the last commit whose events the webhook took.
    bookmark: PathBuf,
}

impl Consumer {
    fn subscribe(&self, index: &LabelIndex) -> Result<Subscriber, Box<dyn Error>> {
        match fs::read_to_string(&self.bookmark) {
            Ok(position) => Ok(index.subscribe_from(position)?),
            // The first time: everything that is retained.
            Err(_) => Ok(index.subscribe_after(0)),
        }
    }

    /// Replaces the file as a whole, so that it always has one position or the other.
    fn store(&self, position: &str) -> Result<(), Box<dyn Error>> {
        let new = self.bookmark.with_extension("new");
        fs::write(&new, position)?;
        Ok(fs::rename(new, &self.bookmark)?)
    }

    /// Posts the events of at most `most` commits. Returns how many commits it posted.
    fn post_events(&self, index: &LabelIndex, webhook: &mut Webhook, most: usize) -> Result<usize, Box<dyn Error>> {
        let mut feed = self.subscribe(index)?;
        let mut posted = 0;
        while posted < most {
            // A server waits here with `recv`, or `recv_async` in async code.
            match feed.try_recv() {
                Some(Delivery::Commit(commit)) => {
                    webhook.post(&commit)?;
                    posted += 1;
                    if posted == most {
                        // Killed before it stored its position: this commit is posted again.
                        break;
                    }
                    self.store(&commit.position.to_string())?;
                }
                // Commits are missing that are no longer retained: the receiver of the webhook needs the whole state.
                Some(Delivery::Missed { .. }) => {
                    let snapshot = index.snapshot();
                    self.store(&snapshot.position().to_string())?;
                    feed.resume_after(snapshot.revision());
                }
                Some(Delivery::Failed(error)) => return Err(error.into()),
                Some(Delivery::Closed) | None => break,
            }
        }
        Ok(posted)
    }
}

/// Takes each delivery once.
#[derive(Default)]
struct Webhook {
    taken: BTreeSet<String>,
    revisions: Vec<u64>,
    repeated: usize,
}

impl Webhook {
    fn post(&mut self, commit: &Commit) -> Result<(), Box<dyn Error>> {
        let id = commit.position.to_string();
        let events: Vec<_> = commit.events().collect();
        let body = serde_json::json!({ "id": id, "events": events });
        if self.taken.insert(id) {
            self.revisions.push(commit.revision);
            println!("{body}");
        } else {
            self.repeated += 1;
        }
        Ok(())
    }
}
