//! SQLite in memory: integers for chats and labels, both directions covered by an index, statements prepared once,
//! indexes made after a bulk load.

mod text;

use std::any::Any;
use std::borrow::Cow;
use std::ops::Range;

use label_index::{Entry, Filter};
use parking_lot::Mutex;
use rusqlite::backup::Backup;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::label_table::LabelTable;
use super::lock::OneUser;
use crate::engine::{Behind, Engine, Labels, Listed, NamedRef, Shared, Totals};
use crate::memory;
use crate::workload::Part;

struct Sqlite {
    connection: Connection,
    /// Numbers of labels are their positions, so that ascending numbers are label order.
    table: LabelTable,
    /// The number of chats of each label when it was loaded, which a host knows roughly when it writes a query.
    counts: Vec<u64>,
}

pub(super) fn load(part: &Part<'_>) -> Box<dyn Engine> {
    let table = LabelTable::new(part.labels());
    let connection = filled(part, &table).expect("SQLite takes what others take");
    let mut counts = vec![0; part.labels().len()];
    part.chats().for_each(|(_, labels)| labels.iter().for_each(|&label| counts[usize::from(label)] += 1));
    Box::new(Sqlite { connection, table, counts })
}

fn filled(part: &Part<'_>, table: &LabelTable) -> rusqlite::Result<Connection> {
    /// Chats in one transaction.
    const BATCH: usize = 100_000;
    let mut connection = Connection::open_in_memory()?;
    connection.set_prepared_statement_cache_capacity(256);
    connection.execute_batch(text::SETTINGS)?;
    connection.execute_batch(text::TABLES)?;
    for (number, label) in part.labels().iter().enumerate() {
        let insert = "INSERT INTO labels (id, name, name_key) VALUES (?, ?, ?)";
        connection.execute(insert, params![number as i64, label.name, label.name.to_lowercase()])?;
    }
    let (mut chats, mut next) = (part.chats().peekable(), 1_i64);
    while chats.peek().is_some() {
        let transaction = connection.transaction()?;
        {
            let mut chat = transaction.prepare_cached("INSERT INTO chats (id, key) VALUES (?, ?)")?;
            let mut link = transaction.prepare_cached("INSERT INTO links (chat, label) VALUES (?, ?)")?;
            for (key, labels) in chats.by_ref().take(BATCH) {
                chat.execute(params![next, key])?;
                for &label in labels {
                    let id = &part.labels()[usize::from(label)].id;
                    link.execute(params![next, table.slot(id).expect("a known label")])?;
                }
                next += 1;
            }
        }
        transaction.commit()?;
    }
    connection.execute_batch(text::INDEXES)?;
    Ok(connection)
}

impl Sqlite {
    fn number(&self, entry: &Entry) -> Option<u16> {
        match entry {
            Entry::Id(id) => self.table.slot(id),
            Entry::Name(name) => self.table.named(name).first().copied(),
        }
    }

    fn numbers(&self, entries: Option<&Vec<Entry>>) -> Vec<u16> {
        entries.into_iter().flatten().filter_map(|entry| self.number(entry)).collect()
    }

    fn count(&self, sql: &str, numbers: &[u16]) -> Totals {
        let mut statement = self.connection.prepare_cached(sql).expect("good SQL");
        statement.query_row(params_from_iter(numbers), totals).expect("one row")
    }

    fn chat(&self, key: &str) -> Option<i64> {
        let mut find = self.connection.prepare_cached("SELECT id FROM chats WHERE key = ?").expect("good SQL");
        find.query_row([key], |row| row.get(0)).optional().expect("at most one row")
    }

    fn change(&self, sql: &str, values: &[&dyn ToSql]) -> bool {
        let mut change = self.connection.prepare_cached(sql).expect("good SQL");
        change.execute(values).expect("a change that can be made") > 0
    }

    fn labels(&self, numbers: impl Iterator<Item = u16>) -> Vec<NamedRef<'_>> {
        numbers.map(|number| self.table.label(number)).collect()
    }
}

fn totals(row: &Row<'_>) -> rusqlite::Result<Totals> {
    let [chats, rows, matched_rows] = [row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?].map(i64::cast_unsigned);
    Ok(Totals { chats, rows, matched_rows })
}

impl Engine for Sqlite {
    /// The two ways: look up the chats of each label, or go through all links. A link that is looked up costs three to
    /// five times as much as one in a scan, so both are tried only if their costs are similar.
    fn ways(&self, filter: &Filter) -> Range<usize> {
        let labels = [&filter.any_of, &filter.none_of].into_iter().flat_map(|clause| self.numbers(clause.as_ref()));
        let found: u64 = labels.map(|label| self.counts[usize::from(label)]).sum();
        match found * 100 / self.counts.iter().sum::<u64>().max(1) {
            0..10 => 0..1,
            10..50 => 0..2,
            _ => 1..2,
        }
    }

    fn totals(&self, filter: &Filter, way: usize) -> Totals {
        let (any_of, mut all_of) = (self.numbers(filter.any_of.as_ref()), self.numbers(filter.all_of.as_ref()));
        all_of.sort_by_key(|&label| self.counts[usize::from(label)]);
        let none_of = self.numbers(filter.none_of.as_ref());
        let few = self.table.len() <= text::MASK_BITS;
        match (way, any_of.is_empty(), all_of.is_empty()) {
            (0, false, _) => self.count(&text::any_looked_up(any_of.len()), &any_of),
            (_, false, _) => self.count(&text::scan(&any_of, few, "m > 0"), &[]),
            (0, _, false) => self.count(&text::all_looked_up(all_of.len()), &all_of),
            (_, _, false) => by_rows(self.count(&text::scan(&all_of, few, &format!("m = {}", all_of.len())), &[])),
            (0, ..) => {
                let (all, any) =
                    (self.count(text::ALL, &[]), self.count(&text::any_looked_up(none_of.len()), &none_of));
                let rows = all.rows - any.rows;
                Totals { chats: all.chats - any.chats, rows, matched_rows: rows }
            }
            _ => by_rows(self.count(&text::scan(&none_of, few, "m = 0"), &[])),
        }
    }

    fn cursor(&self, after: &Behind<'_>) -> Option<String> {
        Some((after.chat + 1).to_string())
    }

    fn page(&self, filter: &Filter, after: Option<&str>) -> Option<Listed<'_>> {
        let numbers = self.numbers(filter.any_of.as_ref());
        let after: i64 = after.map_or(0, |cursor| cursor.parse().expect("its own cursor"));
        let mut statement = self.connection.prepare_cached(&text::page(numbers.len())).expect("good SQL");
        let numbers = numbers.into_iter().map(i64::from);
        let mut found =
            statement.query(params_from_iter(std::iter::once(after).chain(numbers))).expect("good parameters");
        let mut rows: Vec<(Cow<'_, str>, Vec<NamedRef<'_>>)> = Vec::new();
        let mut last = 0_i64;
        while let Some(row) = found.next().expect("a row") {
            let (chat, label) = (row.get(0).expect("a chat"), row.get(1).expect("a label"));
            if chat != last {
                last = chat;
                rows.push((Cow::Owned(row.get(2).expect("a key")), Vec::new()));
            }
            if let Some((_, labels)) = rows.last_mut() {
                labels.push(self.table.label(label));
            }
        }
        Some(Listed::Rows(rows))
    }

    fn labels_of(&self, chat: &str) -> Labels<'_> {
        let mut statement = self.connection.prepare_cached(text::LABELS_OF).expect("good SQL");
        let numbers = statement.query_map([chat], |row| row.get::<_, u16>(0)).expect("good parameters");
        Labels::Named(self.labels(numbers.map(|number| number.expect("a number"))))
    }

    fn count_named(&self, name: &str) -> usize {
        let sql = "SELECT id FROM labels WHERE name_key = ?";
        let mut statement = self.connection.prepare_cached(sql).expect("good SQL");
        let found = statement.query_map([name.to_lowercase()], |row| row.get::<_, u16>(0)).expect("good parameters");
        self.labels(found.map(|number| number.expect("a number"))).len()
    }

    fn link(&mut self, label: &str, chat: &str) -> bool {
        let Some(number) = self.table.slot(label) else { return false };
        let chat = self.chat(chat).unwrap_or_else(|| {
            self.change("INSERT INTO chats (key) VALUES (?)", &[&chat]);
            self.connection.last_insert_rowid()
        });
        self.change("INSERT OR IGNORE INTO links (chat, label) VALUES (?, ?)", &[&chat, &number])
    }

    fn unlink(&mut self, label: &str, chat: &str) -> bool {
        let (Some(number), Some(chat)) = (self.table.slot(label), self.chat(chat)) else { return false };
        self.change("DELETE FROM links WHERE chat = ? AND label = ?", &[&chat, &number])
    }

    fn snapshot(&self) -> Box<dyn Any> {
        let mut copy = Connection::open_in_memory().expect("a second database");
        let copied = Backup::new(&self.connection, &mut copy).and_then(|backup| backup.step(-1));
        copied.expect("a copy");
        Box::new(copy)
    }

    fn uncounted_bytes(&self) -> u64 {
        memory::held_by_sqlite()
    }

    fn share(self: Box<Self>) -> Box<dyn Shared> {
        Box::new(OneUser(Mutex::new(*self)))
    }
}

/// For clauses without an any-of.
fn by_rows(totals: Totals) -> Totals {
    Totals { matched_rows: totals.rows, ..totals }
}
