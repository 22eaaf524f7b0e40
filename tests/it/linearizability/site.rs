//! The index that a thread of a history reads and writes: one of this process, or one of another process.

use std::collections::BTreeSet;

use label_index::{Answer, Delivery, Filter, LabelIndex, LabelledChat, Page, Subscriber};

use super::CHATS;
use super::history::{What, Written, chat_id, chat_number};
use crate::store::Image;

/// The store could not be reached: whether a write was carried out is unknown.
#[derive(Debug)]
pub(crate) struct Away;

/// An index as one thread uses it.
pub(crate) trait Site: Send {
    /// Links, or unlinks if not `linked`. Returns whether it changed something.
    fn write(&mut self, label: u32, chat: u32, linked: bool) -> Result<bool, Away>;

    /// As [`write`](Self::write), with the revision.
    fn write_in_a_batch(&mut self, label: u32, chat: u32, linked: bool) -> Result<(u64, bool), Away>;

    /// The answer about the chats with any of some labels, and the revision.
    fn ask(&mut self, labels: &BTreeSet<u32>) -> Result<(u64, What), Away>;

    /// As [`ask`](Self::ask), of a snapshot that is taken before `taken` returns.
    fn hold_and_ask(&mut self, labels: &BTreeSet<u32>, taken: &mut dyn FnMut()) -> Result<(u64, What), Away>;

    fn labels_of(&mut self, chat: u32) -> Result<BTreeSet<u32>, Away>;

    fn catch_up(&mut self) -> Result<(), Away>;

    /// Keeps the commits from a revision on, for [`commits`](Self::commits).
    fn follow(&mut self, after: u64);

    /// The commits that [`follow`](Self::follow) keeps, up to a revision.
    fn commits(&mut self, up_to: u64) -> Result<Vec<Written>, Away>;

    /// Everything that the index shows, after checks, and the revision.
    fn image(&mut self) -> Result<(u64, String), Away>;
}

/// The stores of a history.
pub(crate) trait Home: Sync {
    fn stores(&self) -> usize;

    /// The index at one of them, for one thread.
    fn site(&self, store: usize) -> Box<dyn Site>;

    /// Whether every store can always be reached.
    fn is_steady(&self) -> bool;
}

/// Indexes of this process, each of a store of its own, and whether every store can always be reached.
pub(crate) struct Indexes(pub(crate) Vec<LabelIndex>, pub(crate) bool);

impl Home for Indexes {
    fn stores(&self) -> usize {
        self.0.len()
    }

    fn site(&self, store: usize) -> Box<dyn Site> {
        Box::new(Local { index: self.0[store].clone(), feed: None })
    }

    fn is_steady(&self) -> bool {
        self.1
    }
}

/// An index of this process.
pub(crate) struct Local {
    pub(crate) index: LabelIndex,
    pub(crate) feed: Option<Subscriber>,
}

/// The answer of an index, unless its database could not be reached.
fn there<T>(answer: label_index::Result<T>) -> Result<T, Away> {
    match answer {
        Ok(answer) => Ok(answer),
        Err(label_index::Error::Unavailable { .. }) => Err(Away),
        Err(other) => panic!("{other}"),
    }
}

impl Site for Local {
    fn write(&mut self, label: u32, chat: u32, linked: bool) -> Result<bool, Away> {
        let id = chat_id(chat);
        there(if linked { self.index.link(label, &id) } else { self.index.unlink(label, &id) })
    }

    fn write_in_a_batch(&mut self, label: u32, chat: u32, linked: bool) -> Result<(u64, bool), Away> {
        let (id, mut batch) = (chat_id(chat), self.index.batch());
        if linked { batch.link(label, &id) } else { batch.unlink(label, &id) }.unwrap();
        let done = there(batch.commit())?;
        Ok((done.revision, done.changed()))
    }

    fn ask(&mut self, labels: &BTreeSet<u32>) -> Result<(u64, What), Away> {
        Ok(told(&self.index.query(&any_of(labels), page()).unwrap(), labels))
    }

    fn hold_and_ask(&mut self, labels: &BTreeSet<u32>, taken: &mut dyn FnMut()) -> Result<(u64, What), Away> {
        let snapshot = self.index.snapshot();
        taken();
        std::thread::yield_now();
        Ok(told(&snapshot.query(&any_of(labels), page()).unwrap(), labels))
    }

    fn labels_of(&mut self, chat: u32) -> Result<BTreeSet<u32>, Away> {
        let labels = self.index.labels_of(chat_id(chat));
        Ok(labels.iter().filter_map(|label| label.id().decimal()).collect())
    }

    fn catch_up(&mut self) -> Result<(), Away> {
        there(self.index.catch_up())
    }

    fn follow(&mut self, after: u64) {
        self.feed = Some(self.index.subscribe_after(after));
    }

    fn commits(&mut self, up_to: u64) -> Result<Vec<Written>, Away> {
        Ok(receive(self.feed.as_mut().expect("it was followed"), up_to))
    }

    fn image(&mut self) -> Result<(u64, String), Away> {
        self.index.check_invariants().unwrap();
        Ok((self.index.revision(), format!("{:?}", Image::from(&self.index))))
    }
}

/// Receives up to a revision.
fn receive(feed: &mut Subscriber, up_to: u64) -> Vec<Written> {
    let mut commits = Vec::new();
    while feed.revision() < up_to {
        match feed.recv() {
            Delivery::Commit(commit) => commits.push(Written::from(&commit)),
            Delivery::Failed(label_index::Error::Unavailable { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    commits
}

fn any_of(labels: &BTreeSet<u32>) -> Filter {
    Filter::new().any_of_ids(labels.iter().map(u32::to_string))
}

/// All chats at once.
fn page() -> Page {
    Page::first(CHATS as usize)
}

fn told(answer: &Answer, labels: &BTreeSet<u32>) -> (u64, What) {
    let ids = |chat: &LabelledChat| chat.labels.iter().filter_map(|label| label.id().decimal()).collect();
    let chats = answer.chats.iter().map(|chat| (chat_number(&chat.chat_id), ids(chat))).collect();
    let totals = [answer.total_chats, answer.total_rows, answer.matched_rows];
    (answer.revision, What::AnyOf { labels: labels.clone(), chats, totals })
}
