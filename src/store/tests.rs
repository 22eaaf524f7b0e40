//! Values that are sealed, and lie: whoever makes a file can seal what they like.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use allocation_counter::measure;

use crate::store::backend::InMemoryBackend;
use crate::store::backend::database::Database;
use crate::store::load::load;
use crate::store::tables::{MANIFESTS, fields, instance_key};
use crate::store::write_batch::WriteBatch;

/// A header whose fourteen numbers are these, behind the identity 7.
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

/// What is said of a database with nothing but this manifest, and the most bytes that loading it took.
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
    // Places, sets, aliases, deleted ids or slots in their millions, with a row for every so many of them.
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
