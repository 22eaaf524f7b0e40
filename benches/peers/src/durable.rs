//! Stores on disk: ours and SQLite with settings for the same durability, in temporary folders.
//!
//! SQLite: a write-ahead log, `synchronous = FULL`, rows of (instance, label, chat) without rowids, prepared statements, a
//! connection for each caller.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use label_index::{LabelIndex, LabelPatch, Store};
use rusqlite::{Connection, params};

use crate::engines::OURS;
use crate::record::Record;
use crate::timing::Timing;
use crate::workload::Workload;

/// Callers that write at the same time, each to an instance of its own.
const CALLERS: usize = 64;

/// Synced writes of one caller alone; all callers together write four times as many.
const WRITES: usize = 2_000;

/// Chats in one commit of a bulk load.
const BATCH: usize = 10_000;

const SQLITE: &str = "sqlite";

const SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;";

const TABLE: &str = "
    CREATE TABLE IF NOT EXISTS links (
        instance INTEGER NOT NULL, chat TEXT NOT NULL, label INTEGER NOT NULL, PRIMARY KEY (instance, chat, label)
    ) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS by_label ON links (instance, label, chat);
";

const INSERT: &str = "INSERT OR IGNORE INTO links (instance, chat, label) VALUES (?, ?, ?)";

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Measures one workload.
///
/// # Errors
///
/// When a disk is full, or something else fails.
pub(crate) fn measure(workload: &Workload) -> Result<Vec<Record>> {
    let (ours, theirs) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let mut records = Vec::new();
    let mut say = |measure, unit, ours: f64, theirs: f64| {
        for (engine, value) in [(OURS, ours), (SQLITE, theirs)] {
            let (workload, timing) = (workload.name.clone(), Timing::once(value));
            records.push(Record { workload, measure, k: None, labels: None, engine, unit, timing });
        }
    };

    let store = Store::open(ours.path())?;
    let file = theirs.path().join("links.sqlite");
    for (measure, callers, each) in [("synced_write", 1, WRITES), ("synced_write_of_64", CALLERS, WRITES * 4 / CALLERS)]
    {
        let indexes: Vec<LabelIndex> =
            (0..callers).map(|caller| instance(&store, &format!("{caller} of {callers}"))).collect::<Result<_>>()?;
        let connections: Vec<Connection> = (0..callers).map(|_| connect(&file)).collect::<Result<_>>()?;
        let writes = (callers * each) as f64;
        let link = |index: LabelIndex, nth: usize| assert!(index.link(1, chat(nth)).expect("a synced write"));
        let ours = at_once(indexes, each, |index, nth| link(index.clone(), nth));
        let theirs = at_once(connections.into_iter().enumerate().collect(), each, |(caller, connection), nth| {
            let mut insert = connection.prepare_cached(INSERT).expect("a good statement");
            let rows = insert.execute(params![*caller as i64 + callers as i64 * 1_000, chat(nth), 1]);
            assert_eq!(rows.expect("a synced write"), 1);
        });
        say(measure, "us", micros(ours) / writes, micros(theirs) / writes);
    }
    drop(store);

    let (ours, theirs) = (tempfile::tempdir()?, tempfile::tempdir()?);
    let file = theirs.path().join("links.sqlite");
    let pairs = workload.pairs() as f64;
    let loaded = (timed(|| load(ours.path(), workload))?, timed(|| load_rows(&file, workload))?);
    say("durable_bulk_load", "us", micros(loaded.0) / pairs, micros(loaded.1) / pairs);
    let chats = workload.len() as f64;
    let opened = (timed(|| open(ours.path(), workload))?, timed(|| read_rows(&file, workload))?);
    say("open_and_answer", "us per chat", micros(opened.0) / chats, micros(opened.1) / chats);
    let bytes = |file: &Path| -> Result<f64> { Ok(fs::metadata(file)?.len() as f64 / chats) };
    say("bytes_on_disk", "bytes per chat", bytes(&ours.path().join("store.redb"))?, bytes(&file)?);
    Ok(records)
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

fn timed<T>(run: impl FnOnce() -> Result<T>) -> Result<Duration> {
    let began = Instant::now();
    run()?;
    Ok(began.elapsed())
}

fn chat(nth: usize) -> String {
    format!("55{nth:011}@c.us")
}

fn instance(store: &Store, name: &str) -> Result<LabelIndex> {
    let index = store.instance(name)?;
    assert!(index.upsert_label(1, LabelPatch::named("New")?)?.changed());
    Ok(index)
}

fn connect(file: &Path) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.busy_timeout(Duration::from_secs(60))?;
    connection.execute_batch(SETTINGS)?;
    connection.execute_batch(TABLE)?;
    Ok(connection)
}

/// The time in which all callers, at the same time, carry out `each` writes each. Numbers of writes are not repeated.
fn at_once<C: Send>(callers: Vec<C>, each: usize, write: impl Fn(&C, usize) + Sync) -> Duration {
    let begin = Barrier::new(callers.len() + 1);
    let first = callers.len() * 1_000_000;
    thread::scope(|scope| {
        let running: Vec<_> = callers
            .into_iter()
            .map(|caller| {
                let (begin, write) = (&begin, &write);
                scope.spawn(move || {
                    begin.wait();
                    (0..each).for_each(|nth| write(&caller, first + nth));
                })
            })
            .collect();
        begin.wait();
        let began = Instant::now();
        running.into_iter().for_each(|caller| caller.join().expect("no caller fails"));
        began.elapsed()
    })
}

/// Ends with a clean close.
fn load(folder: &Path, workload: &Workload) -> Result<()> {
    let store = Store::open(folder)?;
    fill(
        &store.instance("crm")?,
        workload.whole().chats().map(|(key, labels)| (key.to_owned(), labels.to_vec())),
        workload,
    )
}

fn fill(index: &LabelIndex, mut chats: impl Iterator<Item = (String, Vec<u16>)>, workload: &Workload) -> Result<()> {
    let mut batch = index.batch();
    for label in &workload.labels {
        batch.upsert_label(&label.id, label.name.as_str())?;
    }
    loop {
        for (key, labels) in chats.by_ref().take(BATCH) {
            batch.set_labels(key, labels.iter().map(|&label| workload.labels[usize::from(label)].id.as_str()))?;
        }
        if batch.is_empty() {
            return Ok(());
        }
        assert!(batch.commit()?.changed());
        batch = index.batch();
    }
}

fn load_rows(file: &Path, workload: &Workload) -> Result<()> {
    let mut connection = connect(file)?;
    let mut chats = workload.whole().chats().peekable();
    while chats.peek().is_some() {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for (key, labels) in chats.by_ref().take(BATCH) {
                for &label in labels {
                    insert.execute(params![0, key, label])?;
                }
            }
        }
        transaction.commit()?;
    }
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
    Ok(())
}

fn open(folder: &Path, workload: &Workload) -> Result<()> {
    let store = Store::open(folder)?;
    assert_eq!(store.existing("crm")?.total_chats() as usize, workload.len());
    Ok(())
}

/// The same index as [`open`] has in the end, from rows.
fn read_rows(file: &Path, workload: &Workload) -> Result<()> {
    let connection = connect(file)?;
    let mut select = connection.prepare("SELECT chat, label FROM links WHERE instance = 0 ORDER BY chat, label")?;
    let mut rows = select.query([])?;
    let mut next: Option<(String, u16)> = None;
    let chats = std::iter::from_fn(move || {
        let read = |rows: &mut rusqlite::Rows<'_>| {
            let row = rows.next().expect("a readable file")?;
            Some((row.get(0).expect("a text"), row.get(1).expect("a number")))
        };
        let (key, label) = next.take().or_else(|| read(&mut rows))?;
        let mut labels = vec![label];
        while let Some((other, label)) = read(&mut rows) {
            if other != key {
                next = Some((other, label));
                break;
            }
            labels.push(label);
        }
        Some((key, labels))
    });
    let index = LabelIndex::new();
    fill(&index, chats, workload)?;
    assert_eq!(index.total_chats() as usize, workload.len());
    Ok(())
}
