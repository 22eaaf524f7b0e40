//! Any bytes opened as a store, and a small store with changed bytes: it is damaged, or it has what was written.

#![no_main]

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/store/power/disk.rs"]
mod disk;
mod panics;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/store/power/random.rs"]
mod random;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../tests/it/replica.rs"]
mod replica;

use std::sync::LazyLock;

use disk::Disk;
use label_index::{Error, LabelIndex, StoreOptions};
use libfuzzer_sys::fuzz_target;
use replica::Replica;

const NAMES: [&str; 2] = ["a", "b"];

/// A closed store: one instance with a checkpoint and a log, one with a log alone.
struct Sound {
    bytes: Vec<u8>,
    /// The positions of the bytes that are not zero; most are zero.
    used: Vec<usize>,
    instances: [Replica; 2],
}

static SOUND: LazyLock<Sound> = LazyLock::new(|| sound().expect("a disk without trouble"));

fn sound() -> Result<Sound, Error> {
    let disk = Disk::default();
    let store = StoreOptions::new().open_on(disk.clone())?;
    let [a, b] = [store.instance(NAMES[0])?, store.instance(NAMES[1])?];
    fill(&a)?;
    store.checkpoint()?;
    fill(&b)?;
    a.link("1", "late@c.us")?;
    let instances = [&a, &b].map(|index| Replica::from(&index.snapshot()));
    drop((a, b, store));
    let bytes = disk.bytes();
    let used = (0..bytes.len()).filter(|&at| bytes[at] != 0).collect();
    Ok(Sound { bytes, used, instances })
}

fn fill(index: &LabelIndex) -> Result<(), Error> {
    let (vip, next) = (index.create_label("VIP")?, index.create_label("Suporte")?);
    drop(index.link_all(&vip, (0..20).map(|n| format!("551199990{n:04}@c.us")))?);
    drop(index.link_all(&next, ["row 7", "98765@lid"])?);
    drop(index.merge_chats("98765@lid", "5511999900001@c.us")?);
    drop(index.remove_label(&next)?);
    Ok(())
}

fn is_damage(error: &Error) -> bool {
    matches!(error, Error::Damaged { .. } | Error::UnknownFormat { .. })
}

/// Opens the bytes as a store, and every instance in it. Returns their names, and their contents unless they are
/// damaged. Everything readable is checked, and writing must not panic.
fn open(bytes: Vec<u8>) -> Result<Vec<(String, Option<Replica>)>, Error> {
    let store = StoreOptions::new().open_on(Disk::from(bytes))?;
    let mut found = Vec::new();
    for name in store.instances() {
        let shown = match store.existing(&name) {
            Ok(index) => {
                index.check_invariants().expect("what was loaded is sound");
                let shown = Replica::from(&index.snapshot());
                let written = index.upsert_label("7", "Written");
                assert!(written.as_ref().is_ok() || matches!(written, Err(Error::StoreFailed { .. })), "{written:?}");
                Some(shown)
            }
            Err(error) => {
                assert!(is_damage(&error), "{error}");
                None
            }
        };
        found.push((name, shown));
    }
    Ok(found)
}

/// Each change is four bytes: the position, among all bytes or those that are not zero, and the new value.
fn changed(changes: &[u8]) -> Vec<u8> {
    let Sound { bytes, used, .. } = &*SOUND;
    let mut bytes = bytes.clone();
    for change in changes.chunks_exact(4) {
        let at = usize::from(change[0]) << 8 | usize::from(change[1]);
        let at = if change[2] % 4 == 0 { at % bytes.len() } else { used[at % used.len()] };
        bytes[at] = change[3];
    }
    bytes
}

fuzz_target!(
    init: panics::may_be_caught(),
    |input: &[u8]| {
        let Some((kind, rest)) = input.split_first() else { return };
        let (bytes, is_changed) = if kind % 8 == 0 { (rest.to_vec(), false) } else { (changed(rest), true) };
        match open(bytes) {
            Err(error) => assert!(is_damage(&error), "{error}"),
            Ok(found) if is_changed => {
                assert!(found.iter().map(|(name, _)| name).eq(&NAMES), "an instance is missing");
                for ((_, shown), right) in found.into_iter().zip(&SOUND.instances) {
                    assert!(shown.is_none_or(|shown| shown == *right), "not what was written");
                }
            }
            Ok(_) => {}
        }
    }
);
