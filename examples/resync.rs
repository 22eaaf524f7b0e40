//! A full resync while writes go on: async code fetches the network's state page by page, slowly. Meanwhile people
//! label chats here, and the network reports changes that were made there. At the end both sides have the same labels
//! and links, although most pages were out of date when they were used; and the events are exactly the changes.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::ops::Bound;
use std::process::ExitCode;
use std::time::Duration;

use label_index::{Change, ChatId, Delivery, Event, FullState, LabelId, LabelIndex, Result, Subscriber};

const CHATS: u32 = 400;
const PAGE: usize = 25;
const LATENCY: Duration = Duration::from_millis(20);

type Links = BTreeSet<(ChatId, LabelId)>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let (index, network) = (LabelIndex::new(), Network::new()?);
    let mut events = Events::of(&index);

    println!("first sync:  {}", resync(&index, &network).await?);
    events.take_all();
    network.change_unnoticed()?;
    let (second, ()) = tokio::try_join!(resync(&index, &network), live(&index, &network))?;
    println!("second sync: {second}");
    events.take_all();

    events.counts.iter().for_each(|(name, count)| println!("{count:>6}  {name}"));
    let agree = (names_of(&index), links_of(&index)) == network.seen_from(&index);
    let exact = events.wrong == 0 && events.links == links_of(&index);
    println!("{} links; the network {} the same", events.links.len(), if agree { "has" } else { "does NOT have" });
    println!("the events {} what changed", if exact { "tell exactly" } else { "do NOT tell" });
    Ok(if agree && exact { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Fetches everything and commits it. If anything fails on the way, the ticket is dropped and nothing changes.
async fn resync(index: &LabelIndex, network: &Network) -> Result<String> {
    let ticket = index.begin_refresh()?;
    let mut state = FullState::new();
    for (id, name) in network.fetch_labels().await {
        state.label(id, name.as_str())?;
    }
    let mut last = None;
    loop {
        let page = network.fetch_links(last.as_ref()).await;
        for (chat, label) in &page {
            state.link(label, chat)?;
        }
        match page.last() {
            Some(end) => last = Some(end.clone()),
            None => break,
        }
    }
    let done = ticket.commit(state)?;
    let labels = [done.labels_created, done.labels_updated, done.labels_removed];
    Ok(format!("labels created, updated, removed {labels:?}; links +{} -{}", done.linked, done.unlinked))
}

/// The writes while pages are fetched: those made here are sent to the network, those made there are reported.
async fn live(index: &LabelIndex, network: &Network) -> Result<()> {
    let (vip, late, gone) = (LabelId::from(1), LabelId::from(2), LabelId::from(3));
    for round in 0..100 {
        tokio::time::sleep(LATENCY / 8).await;
        let (one, other) = (chat(round * 3 % CHATS)?, chat((round * 7 + 200) % CHATS)?);
        index.link(&vip, &one)?;
        network.link(&one, &vip);
        index.unlink(&vip, &other)?;
        network.unlink(&other, &vip);

        network.link(&other, &late);
        index.ingest(Event::ChatLabelled { label: late.clone(), chat: other })?;
        network.unlink(&one, &late);
        index.ingest(Event::ChatUnlabelled { label: late.clone(), chat: one })?;
    }
    // The network still uses the other ids of these chats, and labels that were fetched earlier change.
    for number in 0..10 {
        let merged = index.merge_chats(lid(number)?, chat(number)?)?;
        debug_assert!(merged.changed());
    }
    network.delete_label(&gone);
    index.ingest(Event::LabelDeleted { label: gone })?;
    for (label, name) in [(LabelId::from(6), "Made here"), (vip, "Very important")] {
        let upserted = index.upsert_label(&label, name)?;
        debug_assert!(upserted.changed());
        network.name_label(label, name);
    }
    Ok(())
}

fn chat(number: u32) -> Result<ChatId> {
    format!("447700900{number:03}@c.us").parse()
}

/// The other id of the same person.
fn lid(number: u32) -> Result<ChatId> {
    format!("9800{number:03}@lid").parse()
}

fn names_of(index: &LabelIndex) -> BTreeMap<LabelId, String> {
    index.labels().iter().filter_map(|label| Some((label.id().clone(), label.name()?.to_string()))).collect()
}

fn links_of(index: &LabelIndex) -> Links {
    let pairs = |row: label_index::LabelledChat| {
        row.labels.into_iter().map(move |label| (row.chat_id.clone(), label.id().clone()))
    };
    index.iter().flat_map(pairs).collect()
}

/// The network, which has a state of its own and answers slowly.
struct Network {
    names: RefCell<BTreeMap<LabelId, String>>,
    links: RefCell<Links>,
}

impl Network {
    fn new() -> Result<Self> {
        let names = ["VIP", "Late", "Obsolete", "Old"].map(str::to_owned);
        let network =
            Self { names: RefCell::new((1..).map(LabelId::from).zip(names).collect()), links: RefCell::default() };
        for number in 0..CHATS {
            network.link(&chat(number)?, &LabelId::from(1 + number % 4));
        }
        for number in 0..10 {
            network.link(&lid(number)?, &LabelId::from(2));
        }
        Ok(network)
    }

    /// Changes that are made there while this host is not connected: chats are relabelled and a label is deleted.
    fn change_unnoticed(&self) -> Result<()> {
        self.delete_label(&LabelId::from(4));
        self.name_label(LabelId::from(5), "New");
        for number in (0..CHATS).step_by(3) {
            self.link(&chat(number)?, &LabelId::from(5));
            self.unlink(&chat(number)?, &LabelId::from(1));
        }
        Ok(())
    }

    fn link(&self, chat: &ChatId, label: &LabelId) {
        self.links.borrow_mut().insert((chat.clone(), label.clone()));
    }

    fn unlink(&self, chat: &ChatId, label: &LabelId) {
        self.links.borrow_mut().remove(&(chat.clone(), label.clone()));
    }

    fn name_label(&self, label: LabelId, name: &str) {
        self.names.borrow_mut().insert(label, name.to_owned());
    }

    fn delete_label(&self, label: &LabelId) {
        self.names.borrow_mut().remove(label);
        self.links.borrow_mut().retain(|(_, other)| other != label);
    }

    async fn fetch_labels(&self) -> BTreeMap<LabelId, String> {
        tokio::time::sleep(LATENCY).await;
        self.names.borrow().clone()
    }

    /// The links after the last one of the previous page; none at the end.
    async fn fetch_links(&self, last: Option<&(ChatId, LabelId)>) -> Vec<(ChatId, LabelId)> {
        tokio::time::sleep(LATENCY).await;
        let behind = (last.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        self.links.borrow().range(behind).take(PAGE).cloned().collect()
    }

    /// The network's labels and links, with the chat ids that the index uses.
    fn seen_from(&self, index: &LabelIndex) -> (BTreeMap<LabelId, String>, Links) {
        let resolved = |(chat, label): &(ChatId, LabelId)| Some((index.resolve(chat)?, label.clone()));
        (self.names.borrow().clone(), self.links.borrow().iter().filter_map(resolved).collect())
    }
}

/// What a host derives from the feed: event names, and the links that result from them.
struct Events {
    feed: Subscriber,
    counts: BTreeMap<&'static str, usize>,
    links: Links,
    /// The number of changes without effect and of missed commits; both must be 0.
    wrong: usize,
}

impl Events {
    fn of(index: &LabelIndex) -> Self {
        Self { feed: index.subscribe(), counts: BTreeMap::new(), links: Links::new(), wrong: 0 }
    }

    fn take_all(&mut self) {
        while let Some(delivery) = self.feed.try_recv() {
            match delivery {
                Delivery::Commit(commit) => commit.changes.iter().for_each(|change| self.take(change)),
                _ => return self.wrong += 1,
            }
        }
    }

    fn take(&mut self, change: &Change) {
        change.events().for_each(|event| *self.counts.entry(event.name()).or_default() += 1);
        let before = self.links.len();
        let is_right = match change {
            Change::ChatLinked { label, chat, .. } => self.links.insert((chat.clone(), label.clone())),
            Change::ChatUnlinked { label, chat } => self.links.remove(&(chat.clone(), label.clone())),
            Change::LabelRemoved { label, links } => {
                self.links.retain(|(_, other)| other != label);
                u64::try_from(before - self.links.len()) == Ok(*links)
            }
            Change::ChatsMerged { from, into, added, .. } => {
                self.links.retain(|(chat, _)| chat != from);
                added.iter().all(|label| self.links.insert((into.clone(), label.clone())))
            }
            _ => true,
        };
        self.wrong += usize::from(!is_right);
    }
}
