//! Our engine.

use std::any::Any;

use label_index::{Filter, LabelIndex, Options, Page};

use crate::engine::{Behind, Engine, Labels, Listed, PAGE, Read, Shared, Totals};
use crate::workload::Part;

pub(super) fn load(part: &Part<'_>) -> Box<dyn Engine> {
    let mut load = Options::new().hash_seed(1).bulk_load();
    for label in part.labels() {
        load.label(&label.id, label.name.as_str()).expect("a good label");
    }
    for (key, labels) in part.chats() {
        let ids = labels.iter().map(|&label| part.labels()[usize::from(label)].id.as_str());
        load.chat(key, ids).expect("good ids");
    }
    Box::new(load.finish())
}

impl Engine for LabelIndex {
    fn totals(&self, filter: &Filter, _way: usize) -> Totals {
        let totals = self.totals(filter).expect("a good filter");
        Totals { chats: totals.total_chats, rows: totals.total_rows, matched_rows: totals.matched_rows }
    }

    fn cursor(&self, after: &Behind<'_>) -> Option<String> {
        let filter = Filter::new().any_of_ids([after.label]);
        let mut left = after.nth + 1;
        let mut page = Page::first(left.min(1_000));
        loop {
            let answer = Self::page(self, &filter, page).expect("a good page");
            left -= answer.chats.len();
            let next = answer.next.expect("chats behind it").to_string();
            if left == 0 {
                return Some(next);
            }
            page = Page::after(left.min(1_000), &next).expect("its own cursor");
        }
    }

    fn page(&self, filter: &Filter, after: Option<&str>) -> Option<Listed<'_>> {
        let page = after.map_or(Page::first(PAGE), |cursor| Page::after(PAGE, cursor).expect("its own cursor"));
        Some(Listed::Index(Self::page(self, filter, page).expect("a good filter")))
    }

    fn page_with_totals(&self, filter: &Filter, _way: usize) -> Option<(Listed<'_>, Totals)> {
        let answer = self.query(filter, Page::first(PAGE)).expect("a good filter");
        let totals = Totals { chats: answer.total_chats, rows: answer.total_rows, matched_rows: answer.matched_rows };
        Some((Listed::Answer(answer), totals))
    }

    fn labels_of(&self, chat: &str) -> Labels<'_> {
        Labels::Index(self.labels_of(chat))
    }

    fn count_named(&self, name: &str) -> usize {
        self.ids_named(name).len()
    }

    fn link(&mut self, label: &str, chat: &str) -> bool {
        Self::link(self, label, chat).expect("a good link")
    }

    fn unlink(&mut self, label: &str, chat: &str) -> bool {
        Self::unlink(self, label, chat).expect("a good link")
    }

    fn snapshot(&self) -> Box<dyn Any> {
        Box::new(Self::snapshot(self))
    }

    fn share(self: Box<Self>) -> Box<dyn Shared> {
        self
    }
}

/// Without a lock around it, since it has its own.
impl Shared for LabelIndex {
    fn read(&self, read: &Read<'_>) {
        read.run(self);
    }

    fn link(&self, label: &str, chat: &str) -> bool {
        self.link(label, chat).expect("a good link")
    }

    fn unlink(&self, label: &str, chat: &str) -> bool {
        self.unlink(label, chat).expect("a good link")
    }
}
