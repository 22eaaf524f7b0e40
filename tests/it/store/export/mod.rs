//! Exports: what an import restores, and which lines it refuses.

mod refused;
mod trips;

use label_index::{Error, LabelIndex, Store, StoreOptions};
use redb::backends::InMemoryBackend;

use super::fill;

/// A store without a file.
fn store() -> Store {
    StoreOptions::new().open_on(InMemoryBackend::new()).unwrap()
}

fn exported(store: &Store) -> String {
    let mut lines = Vec::new();
    store.export(&mut lines).unwrap();
    String::from_utf8(lines).unwrap()
}

/// An export of one instance with everything.
fn sample() -> String {
    let store = store();
    fill(&store.instance("shop").unwrap());
    exported(&store)
}

fn import(store: &Store, lines: &str) -> Result<LabelIndex, Error> {
    let names = store.import(lines.as_bytes())?;
    store.existing(&names[0])
}

/// The line and the cause of a refused import, after which an instance is there only if it ended before that line.
#[track_caller]
fn refused(lines: &[u8]) -> (u64, Error) {
    let store = store();
    let Err(Error::ImportRefused { line, cause }) = store.import(lines) else {
        panic!("taken: {}", String::from_utf8_lossy(lines))
    };
    let mut before = lines.split(|&byte| byte == b'\n').take(usize::try_from(line).unwrap() - 1);
    let ended = before.any(|line| line.starts_with(b"{\"instance_end\""));
    assert_eq!(!store.instances().is_empty(), ended, "{cause}");
    (line, *cause)
}
