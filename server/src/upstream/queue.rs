//! Queues of links that were made here and are sent to the gateway.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use label_index::{Change, ChatId, Commit, LabelId, Position};
use serde_json::json;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::follow::{
    Bookmark, DeadLetters, Deliverer, DeliveryRecord, Ending, FeedReader, Progress, Terms, Verdict, make_folder,
};
use crate::upstream::Upstream;
use crate::upstream::options::Options;
use crate::upstream::reported::{Report, Reported};
use crate::upstream::trouble::Trouble;

/// The most commits that are sent together: of several changes of one pair only the last is sent.
const COMMITS: usize = 256;
/// The most chats of one instance that are sent at the same time.
const CHATS: usize = 4;

/// The queue of an instance, as requests see it.
#[derive(Debug)]
pub(crate) struct Lane {
    progress: Arc<Progress>,
    reported: Arc<Reported>,
}

/// The commits of one instance, in order. At most one task at a time sends each chat, so that no change of a chat
/// overtakes another.
#[derive(Debug)]
struct Queue {
    reader: FeedReader,
    upstream: Arc<Upstream>,
    reported: Arc<Reported>,
}

/// The final state of pairs: whether the chat has the label.
type Writes = HashMap<ChatId, BTreeMap<LabelId, bool>>;

/// Starts the queues of all instances.
///
/// # Errors
///
/// Why they cannot be started.
pub(super) fn start(
    upstream: &Arc<Upstream>,
    options: &Options,
    folder: &Path,
    app: &App,
    tasks: &TaskTracker,
) -> Result<HashMap<String, Lane>, String> {
    make_folder(folder)?;
    let letters = DeadLetters::new(folder.join("dead-letters.jsonl"), upstream.meter.dead_letters.clone());
    let give_up = Duration::from_secs(options.give_up);
    let terms = Terms { dead_letters: letters.into(), give_up, ending: app.ending.clone() };
    let mut lanes = HashMap::new();
    for instance in app.store.instances() {
        let index = app.store.existing(&instance).map_err(|error| format!("{instance}: {error}"))?;
        let bookmark = Bookmark::new(folder, upstream.waha.base(), &instance);
        let (file, identity) = (bookmark.sibling("reported"), index.identity());
        let reader = FeedReader::open(&instance, index, bookmark, &upstream.meter.followed, terms.clone())?;
        let reported = Arc::new(Reported::open(&file, identity, reader.progress.revision())?);
        lanes.insert(instance, Lane { progress: Arc::clone(&reader.progress), reported: Arc::clone(&reported) });
        tasks.spawn(Queue { reader, upstream: Arc::clone(upstream), reported }.run());
    }
    Ok(lanes)
}

impl Lane {
    /// Begins a report of the gateway, which is not sent back to it.
    pub(crate) async fn report(&self) -> Report<'_> {
        self.reported.begin().await
    }

    /// Waits until the gateway has every commit up to a revision.
    ///
    /// # Errors
    ///
    /// [`Trouble::NotConnected`] once the gateway does not accept a change.
    pub(super) async fn told(&self, revision: u64) -> Result<(), Trouble> {
        let behind = |_| Trouble::NotConnected("it does not take the links that are queued".to_owned());
        self.progress.wait_for(revision).await.map_err(behind)
    }
}

impl Deliverer for Queue {
    fn reader(&mut self) -> &mut FeedReader {
        &mut self.reader
    }

    /// Sends the changes of chats in a commit, together with those in later commits that are ready.
    async fn deliver_commits(&mut self, first: Commit) -> Result<(), Ending> {
        let mut position = first.position;
        let mut commits = vec![first];
        while commits.len() < COMMITS
            && let Some(next) = self.reader.next_commit()
        {
            position = next.position;
            commits.push(next);
        }
        self.reported.settle().await;
        let mut writes = Writes::new();
        for commit in commits.iter().filter(|commit| !self.is_from_upstream(commit)) {
            note(commit, &mut writes);
        }
        let told = stream::iter(writes).map(|(chat, labels)| self.tell(position, chat, labels)).buffer_unordered(CHATS);
        told.try_collect::<()>().await?;
        self.done(position).await;
        Ok(())
    }

    /// Adds a dead letter which says that links were made that can no longer be sent.
    async fn deliver_missed(&mut self, after: u64) -> Result<(), Ending> {
        let position = self.reader.skip();
        let fields = json!({
            "upstream": self.upstream.waha.address(),
            "session": self.reader.instance,
            "missed": { "after": after, "until": position.revision() },
        });
        let record = DeliveryRecord { id: &position.to_string(), to: self.upstream.waha.origin(), fields };
        let cause = "more was queued than is kept";
        self.reader.deliver(&record, || async { Verdict::Refused(cause.to_owned()) }).await?;
        self.done(position).await;
        Ok(())
    }
}

impl Queue {
    /// Whether the commit came from the gateway, by a report or a refresh.
    fn is_from_upstream(&self, commit: &Commit) -> bool {
        commit.changes.contains(&Change::Refreshed) || self.reported.has(commit.revision)
    }

    /// Sends one chat until the gateway accepts it, or it is among the dead letters.
    async fn tell(&self, position: Position, chat: ChatId, labels: BTreeMap<LabelId, bool>) -> Result<(), Ending> {
        let id = position.to_string();
        let (upstream, session) = (self.upstream.waha.address(), &self.reader.instance);
        let of = |wanted| labels.iter().filter(move |(_, has)| **has == wanted).map(|(id, _)| id).collect::<Vec<_>>();
        let (add, remove) = (of(true), of(false));
        let fields = json!({ "upstream": upstream, "session": session, "chat": &chat, "add": add, "remove": remove });
        let record = DeliveryRecord { id: &id, to: self.upstream.waha.origin(), fields };
        self.reader.deliver(&record, || self.attempt(&chat, &labels)).await
    }

    async fn attempt(&self, chat: &ChatId, labels: &BTreeMap<LabelId, bool>) -> Verdict {
        // A label that was deleted here is deleted at the gateway: it was deleted there first, or the gateway reported
        // its deletion.
        let labels = labels.iter().filter(|(label, _)| self.reader.index.label(*label).is_some());
        let labels: BTreeMap<&LabelId, bool> = labels.map(|(label, has)| (label, *has)).collect();
        if labels.is_empty() {
            return Verdict::Taken;
        }
        let _permit = self.upstream.waha.write_permit().await;
        let outcome = self.change(chat, &labels).await;
        self.upstream.meter.wrote(outcome.as_ref().map_or_else(Trouble::name, |()| "done"));
        match outcome {
            Ok(()) => Verdict::Taken,
            Err(refused @ Trouble::Refused { .. }) => Verdict::Refused(refused.to_string()),
            Err(trouble) => Verdict::NotNow(trouble.to_string()),
        }
    }

    /// Changes some labels of a chat at the gateway. The gateway takes all labels of a chat at once, so its present
    /// labels are read first, and labels that are not known here stay.
    async fn change(&self, chat: &ChatId, labels: &BTreeMap<&LabelId, bool>) -> Result<(), Trouble> {
        let (waha, session) = (&self.upstream.waha, &self.reader.instance);
        let there: BTreeSet<LabelId> = waha.labels_of(session, chat).await?.into_iter().collect();
        let mut wanted = there.clone();
        for (&label, has) in labels {
            if *has {
                wanted.insert(label.clone());
            } else {
                wanted.remove(label);
            }
        }
        if wanted == there {
            return Ok(());
        }
        waha.set_labels(session, chat, &wanted.into_iter().collect::<Vec<_>>()).await
    }

    async fn done(&self, position: Position) {
        self.reader.advance(position).await;
        self.reported.forget(position.revision());
    }
}

/// Adds the changes of a commit. Merged chats are one chat at the gateway, under any of their ids.
fn note(commit: &Commit, writes: &mut Writes) {
    for change in &*commit.changes {
        let (chat, label, has) = match change {
            Change::ChatLinked { chat, label, .. } => (chat, label, true),
            Change::ChatUnlinked { chat, label } => (chat, label, false),
            _ => continue,
        };
        writes.entry(chat.clone()).or_default().insert(label.clone(), has);
    }
}
