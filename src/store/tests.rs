//! Tests that need the rows of a file, and tests of sealed values with wrong contents: an attacker can seal any value.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::fs;

use allocation_counter::measure;

use crate::index::label_index::LabelIndex;
use crate::index::subscriber::Delivery;
use crate::store::backend::InMemoryBackend;
use crate::store::backend::database::Database;
use crate::store::load::load;
use crate::store::tables::{CHUNKS, LOG, MANIFESTS, RECORD_PART, UNFINISHED, fields, instance_key};
use crate::store::write_batch::WriteBatch;
use crate::store::{Store, StoreOptions};

/// A header with these fourteen numbers, after the identity 7.
fn header(numbers: [u64; 14]) -> Vec<u8> {
    let mut bytes = vec![7, 0, 0, 0, 0, 0, 0, 0];
    for mut number in numbers {
        while number > 0x7f {
            bytes.push(number.to_le_bytes()[0] | 0x80);
            number >>= 7;
        }
        bytes.push(number.to_le_bytes()[0]);
    }
    bytes
}

/// The error of loading a database with only this manifest, and the most bytes that loading took.
fn loaded(manifest: &[u8]) -> (String, u64) {
    let first = || {
        let mut batch = WriteBatch::default();
        batch.put(MANIFESTS, instance_key(1), manifest);
        batch
    };
    let database = Database::open(InMemoryBackend::new(), 1 << 20, first).unwrap();
    let mut told = String::new();
    let allocated = measure(|| told = format!("{:?}", load(&database, 1, 7, 3).unwrap_err()));
    (told, allocated.bytes_max)
}

#[test]
fn a_manifest_that_names_more_rows_than_there_are_takes_no_memory_for_them() {
    // Millions of places, sets, aliases, deleted ids or slots, and the rows for them.
    for (numbers, rows) in [
        ([1, 0, 0, 0, 0, 90_000_000, 0, 0, 0, 0, 0, 0, 0, 90_000_000], 9_766 + 2_093),
        ([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 900_000_000, 0], 878_907),
        ([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 900_000_000, 0, 0], 2_097_152),
        ([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 900_000_000, 0, 0, 0], 2_097_152),
        ([1, 0, 0, 0, 0, 0, 0, 0, 0, 90_000_000, 0, 0, 0, 0], 1_406_250),
    ] {
        for runs in [&[(1, rows)][..], &[(1, u64::MAX)], &[(1, 1), (2, rows - 1)], &[]] {
            let mut manifest = fields(&[1, 0, u64::try_from(runs.len()).unwrap()]);
            runs.iter().for_each(|&(checkpoint, rows)| manifest.extend(fields(&[checkpoint, rows])));
            manifest.extend(header(numbers));
            let (told, bytes) = loaded(&manifest);
            assert!(told.contains("missing") || told.contains("does not name"), "{told}");
            assert!(bytes < 256 * 1024, "{bytes} bytes for {rows} rows: {told}");
        }
    }
}

/// Every row of the log of an instance, by key.
fn log_rows(store: &Store, instance: u64) -> Vec<(Vec<u8>, Vec<u8>)> {
    let rows = |database: &Database| {
        let tables = database.begin_read().unwrap();
        tables.rows(LOG, &instance_key(instance)).unwrap().map(Result::unwrap).collect()
    };
    store.shared().database.with(rows).unwrap()
}

#[test]
fn a_record_of_many_parts_is_read_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    // Records of every length around that of a part, and one of many parts.
    for len in 1..=200 {
        let mut batch = index.batch();
        batch.upsert_label("1", "VIP").unwrap();
        batch.link("1", "x".repeat(len)).unwrap();
        batch.commit().unwrap();
    }
    index.link_all("1", (0..100).map(|n| format!("chat {n}"))).unwrap();
    let chats = |index: &LabelIndex| index.iter().map(|chat| chat.chat_id.to_string()).collect::<Vec<_>>();
    let before = chats(&index);
    drop((index, store));

    let store = Store::open(folder.path()).unwrap();
    assert_eq!(chats(&store.existing("shop").unwrap()), before);
    let entry = store.shared().find("shop").unwrap().entry;
    let rows = log_rows(&store, entry.number);
    let parts = rows.iter().filter(|(key, _)| key.len() > 16).count();
    assert!(parts > 200, "{parts} parts behind the first of a record");
    assert!(rows.iter().all(|(_, payload)| payload.len() <= RECORD_PART));
    let is_first = |key: &[u8]| key.len() == 16;
    let pairs = rows.iter().zip(rows.iter().skip(1));
    let mut ends = pairs.filter(|(_, (next, _))| is_first(next)).map(|((_, part), _)| part.len());
    assert!(ends.any(|len| len == RECORD_PART), "a record that ends with a full part");

    let try_without_each = |database: &Database| {
        for (key, payload) in rows {
            let mut batch = WriteBatch::default();
            batch.remove(LOG, &*key);
            database.write(&batch, false).unwrap();
            let loaded = load(database, entry.number, entry.identity, 3).map(drop);
            assert!(loaded.is_err(), "without {key:02x?}");
            let mut batch = WriteBatch::default();
            batch.put(LOG, key, &payload);
            database.write(&batch, false).unwrap();
        }
        assert!(load(database, entry.number, entry.identity, 3).is_ok());
    };
    store.shared().database.with(try_without_each).unwrap();

    // After a checkpoint too, for subscribers.
    store.checkpoint().unwrap();
    drop(store);
    let store = Store::open(folder.path()).unwrap();
    let mut feed = store.existing("shop").unwrap().subscribe_after(0);
    for revision in 1..=201 {
        assert!(matches!(feed.try_recv(), Some(Delivery::Commit(commit)) if commit.revision == revision));
    }
    drop((feed, store));
    assert!(Store::verify(folder.path()).unwrap().is_sound());

    let store = StoreOptions::new().retain_changes(0).open(folder.path()).unwrap();
    store.existing("shop").unwrap().unlink("1", "chat 1").unwrap();
    store.checkpoint().unwrap();
    assert_eq!(log_rows(&store, entry.number).len(), 1, "the tail alone");
    drop(store);
    assert!(Store::verify(folder.path()).unwrap().is_sound());
}

/// Format 2 wrote a record of up to 256 MiB as one row.
#[test]
fn a_long_record_in_one_row_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let index = store.instance("shop").unwrap();
    index.upsert_label("1", "VIP").unwrap();
    for len in [1, 63, 64, 65, 128, 200] {
        index.link("1", "x".repeat(len)).unwrap();
    }
    drop(index);
    let entry = store.shared().find("shop").unwrap().entry;
    let mut records: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
    for (key, payload) in log_rows(&store, entry.number) {
        match records.last_mut() {
            Some((_, record)) if key.len() > 16 => record.extend(payload),
            _ => records.push((key, payload)),
        }
    }
    let rewrite = |database: &Database| {
        let mut batch = WriteBatch::default();
        batch.remove_all(LOG, instance_key(entry.number));
        for (key, record) in records {
            batch.put(LOG, key, &record);
        }
        database.write(&batch, false).unwrap();
        load(database, entry.number, entry.identity, 3).unwrap().0.total_chats()
    };
    assert_eq!(store.shared().database.with(rewrite).unwrap(), 6);
    store.checkpoint().unwrap();
    drop(store);
    assert!(Store::verify(folder.path()).unwrap().is_sound());
    let store = Store::open(folder.path()).unwrap();
    let mut feed = store.existing("shop").unwrap().subscribe_after(0);
    for revision in 1..=7 {
        assert!(matches!(feed.try_recv(), Some(Delivery::Commit(commit)) if commit.revision == revision));
    }
}

#[test]
fn what_is_cleaned_up_at_opening_makes_the_file_shorter_at_closing() {
    let folder = tempfile::tempdir().unwrap();
    let len = || fs::metadata(folder.path().join("store.redb")).unwrap().len();
    let store = Store::open(folder.path()).unwrap();
    // As an import leaves it if its process is killed.
    let mut batch = WriteBatch::default();
    batch.put(UNFINISHED, instance_key(7), &fields(&[1]));
    for row in 0..64_u64 {
        batch.put(CHUNKS, fields(&[7, 1, row]), &[1; 60_000]);
    }
    store.shared().database.with(|database| database.write(&batch, false)).unwrap().unwrap();
    // Something after them, since free pages at the end are removed without being counted.
    let mut batch = WriteBatch::default();
    for row in 0..8_u64 {
        batch.put(CHUNKS, fields(&[8, 1, row]), &[2; 60_000]);
    }
    store.shared().database.with(|database| database.write(&batch, false)).unwrap().unwrap();
    drop(store);
    let before = len();
    drop(Store::open(folder.path()).unwrap());
    assert!(len() < before / 2, "{} instead of {before}", len());
}
