//! Any bytes as the lines of an export, and as the CSV that the program `label-index` reads.

#![no_main]

#[path = "../../src/bin/label-index/delimiter.rs"]
mod delimiter;
#[path = "../../src/bin/label-index/fields.rs"]
mod fields;
#[allow(dead_code, reason = "the program says more with it")]
#[path = "../../src/bin/label-index/input_error.rs"]
mod input_error;
#[path = "../../src/bin/label-index/lines.rs"]
mod lines;
#[path = "../../src/bin/label-index/rows.rs"]
mod rows;

use std::sync::OnceLock;

use label_index::{Error, Store, StoreOptions};
use libfuzzer_sys::fuzz_target;
use redb::backends::InMemoryBackend;

use crate::delimiter::Delimiter;
use crate::input_error::InputError;
use crate::rows::Rows;

/// Memory that any input may need: pages and buffers of the store, which is in memory itself.
const BYTES: u64 = 8 << 20;

/// Memory that may be needed for each byte of the input.
const BYTES_EACH: u64 = 256;

fuzz_target!(|bytes: &[u8]| {
    let most = BYTES + BYTES_EACH * bytes.len() as u64;
    for read in [import, rows_are_in_order] {
        let needed = allocation_counter::measure(|| read(bytes)).bytes_max;
        assert!(needed <= most, "{needed} bytes of memory for {} bytes", bytes.len());
    }
});

fn rows_are_in_order(bytes: &[u8]) {
    if let Err(error) = read_rows(bytes) {
        assert!(!error.to_string().is_empty());
    }
}

/// A refusal names an existing line, or the one after the last; accepted contents are sound, and the same after another
/// export and import.
fn import(bytes: &[u8]) {
    static STORE: OnceLock<Store> = OnceLock::new();
    let store = STORE.get_or_init(|| StoreOptions::new().open_on(InMemoryBackend::new()).unwrap());
    let lines = bytes.split_inclusive(|&byte| byte == b'\n').count() as u64;
    match store.import(bytes) {
        Ok(names) => assert!(store.instances().iter().all(|name| names.contains(name))),
        Err(Error::ImportRefused { line, .. }) => assert!((1..=lines + 1).contains(&line), "line {line} of {lines}"),
        Err(error) => panic!("{error}"),
    }
    for name in store.instances() {
        store.existing(&name).unwrap().check_invariants().unwrap();
    }
    let first = exported(store);
    clear(store);
    store.import(&first[..]).unwrap();
    assert_eq!(exported(store), first);
    clear(store);
}

fn exported(store: &Store) -> Vec<u8> {
    let mut lines = Vec::new();
    store.export(&mut lines).unwrap();
    lines
}

fn clear(store: &Store) {
    store.instances().iter().for_each(|name| store.remove_instance(name).unwrap());
}

/// Requires that rows are on lines of their own, in order.
fn read_rows(bytes: &[u8]) -> Result<(), InputError> {
    let mut rows = Rows::new(bytes, Delimiter::COMMA)?;
    let mut last = 1;
    while let Some(row) = rows.next()? {
        assert!(row.line > last, "line {} after {last}", row.line);
        assert!(row.chat.len() + row.label.len() <= bytes.len());
        last = row.line;
    }
    Ok(())
}
