//! Sets on a Redis server, through pipelines. The server named by `REDIS_URL` must be empty, and is emptied again.

use std::any::Any;

use label_index::{Entry, Filter};
use parking_lot::Mutex;
use redis::{Client, Connection, Pipeline, pipe};

use super::label_table::LabelTable;
use crate::engine::{Engine, Labels, Read, Shared, Totals};
use crate::workload::Part;

/// Keys: `l:ID` is the set of a label's chats, `c:CHAT` that of a chat's labels, `all` that of labelled chats, `n:NAME`
/// that of the labels of a name, `u` the union that is being counted.
struct Redis {
    table: LabelTable,
    reader: Mutex<Connection>,
    writer: Mutex<Connection>,
}

fn connect() -> Option<Connection> {
    Client::open(std::env::var("REDIS_URL").ok()?).ok()?.get_connection().ok()
}

/// Whether there is an empty server.
pub(super) fn reachable() -> bool {
    let Some(mut connection) = connect() else { return false };
    let keys: u64 = redis::cmd("DBSIZE").query(&mut connection).unwrap_or(1);
    if keys > 0 {
        eprintln!("the redis server is not empty, so it is left alone");
    }
    keys == 0
}

pub(super) fn load(part: &Part<'_>) -> Box<dyn Engine> {
    /// Chats in one pipeline.
    const BATCH: usize = 5_000;
    let [mut reader, writer] = [(); 2].map(|()| connect().expect("a server that answered before"));
    let mut names = pipe();
    for label in part.labels() {
        names.sadd(format!("n:{}", label.name.to_lowercase()), &label.id).ignore();
    }
    run::<()>(&names, &mut reader);
    let mut chats = part.chats().peekable();
    while chats.peek().is_some() {
        let mut pipeline = pipe();
        let batch: Vec<_> = chats.by_ref().take(BATCH).collect();
        let mut of_labels = vec![Vec::new(); part.labels().len()];
        pipeline.sadd("all", batch.iter().map(|(key, _)| *key).collect::<Vec<_>>()).ignore();
        for &(key, labels) in &batch {
            let ids: Vec<&str> = labels.iter().map(|&label| part.labels()[usize::from(label)].id.as_str()).collect();
            pipeline.sadd(format!("c:{key}"), ids).ignore();
            labels.iter().for_each(|&label| of_labels[usize::from(label)].push(key));
        }
        for (label, chats) in part.labels().iter().zip(of_labels).filter(|(_, chats)| !chats.is_empty()) {
            pipeline.sadd(format!("l:{}", label.id), chats).ignore();
        }
        run::<()>(&pipeline, &mut reader);
    }
    Box::new(Redis { table: LabelTable::new(part.labels()), reader: Mutex::new(reader), writer: Mutex::new(writer) })
}

fn run<T: redis::FromRedisValue>(pipeline: &Pipeline, connection: &mut Connection) -> T {
    pipeline.query(connection).expect("the server does what it is told")
}

/// The set of the chats of each entry.
fn keys(entries: Option<&Vec<Entry>>) -> Vec<String> {
    let texts = entries.into_iter().flatten().map(|entry| match entry {
        Entry::Id(text) | Entry::Name(text) => text,
    });
    texts.map(|id| format!("l:{id}")).collect()
}

impl Engine for Redis {
    fn totals(&self, filter: &Filter, _way: usize) -> Totals {
        let any_of = keys(filter.any_of.as_ref());
        let mut pipeline = pipe();
        if !any_of.is_empty() {
            pipeline.sunionstore("u", &any_of);
        } else if filter.all_of.is_some() {
            pipeline.sinterstore("u", keys(filter.all_of.as_ref()));
        } else {
            let mut sets = keys(filter.none_of.as_ref());
            sets.insert(0, "all".to_owned());
            pipeline.sdiffstore("u", sets);
        }
        for key in &any_of {
            pipeline.scard(key);
        }
        for slot in self.table.slots() {
            pipeline.cmd("SINTERCARD").arg(2).arg("u").arg(format!("l:{}", self.table.label(slot).0));
        }
        let counts: Vec<u64> = run(&pipeline, &mut self.reader.lock());
        let (chats, counts) = counts.split_first().expect("a count");
        let (matched, rows) = counts.split_at(any_of.len());
        let rows = rows.iter().sum();
        let matched_rows = if any_of.is_empty() { rows } else { matched.iter().sum() };
        Totals { chats: *chats, rows, matched_rows }
    }

    fn labels_of(&self, chat: &str) -> Labels<'_> {
        let ids: Vec<String> = redis::cmd("SMEMBERS")
            .arg(format!("c:{chat}"))
            .query(&mut *self.reader.lock())
            .expect("the server does what it is told");
        let mut slots: Vec<u16> = ids.iter().filter_map(|id| self.table.slot(id)).collect();
        slots.sort_unstable();
        Labels::Named(slots.into_iter().map(|slot| self.table.label(slot)).collect())
    }

    fn count_named(&self, name: &str) -> usize {
        let ids: Vec<String> = redis::cmd("SMEMBERS")
            .arg(format!("n:{}", name.to_lowercase()))
            .query(&mut *self.reader.lock())
            .expect("the server does what it is told");
        ids.len()
    }

    fn link(&mut self, label: &str, chat: &str) -> bool {
        Shared::link(self, label, chat)
    }

    fn unlink(&mut self, label: &str, chat: &str) -> bool {
        Shared::unlink(self, label, chat)
    }

    fn has_snapshots(&self) -> bool {
        false
    }

    /// Redis has none.
    fn snapshot(&self) -> Box<dyn Any> {
        Box::new(())
    }

    /// The memory of the server.
    fn uncounted_bytes(&self) -> u64 {
        let info: String = redis::cmd("INFO").arg("memory").query(&mut *self.reader.lock()).expect("it tells");
        let used = info.lines().find_map(|line| line.strip_prefix("used_memory:"));
        used.and_then(|bytes| bytes.trim().parse().ok()).expect("a number of bytes")
    }

    fn share(self: Box<Self>) -> Box<dyn Shared> {
        self
    }
}

impl Shared for Redis {
    fn read(&self, read: &Read<'_>) {
        read.run(self);
    }

    fn link(&self, label: &str, chat: &str) -> bool {
        let mut pipeline = pipe();
        pipeline.sadd(format!("l:{label}"), chat).sadd(format!("c:{chat}"), label).ignore().sadd("all", chat).ignore();
        let [added]: [u64; 1] = run(&pipeline, &mut self.writer.lock());
        added == 1
    }

    fn unlink(&self, label: &str, chat: &str) -> bool {
        let mut pipeline = pipe();
        pipeline.srem(format!("l:{label}"), chat).srem(format!("c:{chat}"), label).ignore().scard(format!("c:{chat}"));
        let mut writer = self.writer.lock();
        let (removed, left): (u64, u64) = run(&pipeline, &mut writer);
        if left == 0 {
            run::<()>(pipe().srem("all", chat).ignore(), &mut writer);
        }
        removed == 1
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        run::<()>(pipe().cmd("FLUSHDB").ignore(), &mut self.writer.lock());
    }
}
