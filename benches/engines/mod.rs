//! The interface of a measured engine, so that every engine does the same work and gives the same answers.

pub mod naive;

use label_index::{Answer, ChatLabels, Cursor, Filter, LabelIndex, Options, Page};

use crate::workload::Workload;

/// A label in the form that all engines can give.
pub type PlainLabel = (u32, String);

/// An index of labels on chats.
pub trait Engine {
    const NAME: &'static str;

    /// The result of `labels_of` in the engine's own types, so that no conversion is timed.
    type Labels;
    type Listed;

    /// The index of a workload, its chats in that order.
    fn load(workload: &Workload) -> Self;

    /// Both return whether anything changed.
    fn link(&self, label: u32, chat: &str) -> bool;
    fn unlink(&self, label: u32, chat: &str) -> bool;

    /// Makes a chat's labels exactly these; returns how many were added and removed.
    fn set_labels(&self, chat: &str, labels: &[u32]) -> (usize, usize);

    fn labels_of(&self, chat: &str) -> Self::Labels;
    fn plain(labels: Self::Labels) -> Vec<PlainLabel>;

    fn ids_named(&self, name: &str) -> Vec<u32>;

    /// The number of chats, and that of their labels.
    fn totals(&self, question: &Question) -> (u64, u64);

    /// The chats of one page, each with all its labels, and the totals.
    fn page(&self, question: &Question) -> (Self::Listed, (u64, u64));
    fn plain_page(listed: Self::Listed) -> Vec<(String, Vec<PlainLabel>)>;
}

/// A query for the chats with any of some labels, in a form that all engines understand.
pub struct Question {
    pub any_of: Vec<u32>,
    pub filter: Filter,
    /// The number of the first chat of the page.
    pub start: usize,
    pub after: Option<Cursor>,
    /// The most chats on the page.
    pub limit: usize,
}

impl Question {
    pub fn first(any_of: Vec<u32>, limit: usize) -> Self {
        let filter = Filter::new().any_of_ids(any_of.iter().map(u32::to_string));
        Self { any_of, filter, start: 0, after: None, limit }
    }

    fn of(&self, limit: usize) -> Page {
        self.after.map_or(Page::first(limit), |cursor| Page::after(limit, cursor).unwrap())
    }
}

impl Engine for LabelIndex {
    const NAME: &'static str = "label-index";

    type Labels = ChatLabels;
    type Listed = Answer;

    fn load(workload: &Workload) -> Self {
        /// Chats in one commit.
        const BATCH: usize = 100_000;
        let index = Options::new().page_limit(workload.chats.len()).hash_seed(1).build();
        for name in &workload.names {
            let _ = index.create_label(name).unwrap();
        }
        for chats in workload.chats.chunks(BATCH) {
            let mut batch = index.batch();
            for chat in chats {
                batch.set_labels(&chat.id, chat.labels.iter().copied()).unwrap();
            }
            let _ = batch.commit().unwrap();
        }
        index
    }

    fn link(&self, label: u32, chat: &str) -> bool {
        self.link(label, chat).unwrap()
    }

    fn unlink(&self, label: u32, chat: &str) -> bool {
        self.unlink(label, chat).unwrap()
    }

    fn set_labels(&self, chat: &str, labels: &[u32]) -> (usize, usize) {
        let set = self.set_labels(chat, labels.iter().copied()).unwrap();
        (set.added.len(), set.removed.len())
    }

    fn labels_of(&self, chat: &str) -> ChatLabels {
        self.labels_of(chat)
    }

    fn plain(labels: ChatLabels) -> Vec<PlainLabel> {
        labels.iter().map(|label| (label.id().decimal().unwrap(), label.name().unwrap().to_string())).collect()
    }

    fn ids_named(&self, name: &str) -> Vec<u32> {
        self.ids_named(name).iter().map(|id| id.decimal().unwrap()).collect()
    }

    fn totals(&self, question: &Question) -> (u64, u64) {
        let answer = self.query(&question.filter, Page::first(0)).unwrap();
        (answer.total_chats, answer.total_rows)
    }

    fn page(&self, question: &Question) -> (Answer, (u64, u64)) {
        let answer = self.query(&question.filter, question.of(question.limit)).unwrap();
        let totals = (answer.total_chats, answer.total_rows);
        (answer, totals)
    }

    fn plain_page(listed: Answer) -> Vec<(String, Vec<PlainLabel>)> {
        listed.chats.into_iter().map(|chat| (chat.chat_id.to_string(), Self::plain(chat.labels))).collect()
    }
}
