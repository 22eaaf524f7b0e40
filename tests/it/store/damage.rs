//! A closed file with one wrong bit or a missing end gives an error or the right state, and never a wrong answer.
//!
//! Of the header every bit is flipped, of everything else one bit of every eighth byte; of every byte as many bits as
//! `LABEL_INDEX_DAMAGE_BITS` says, up to 8. `Store::verify`, which needs a file, looks at one of sixteen of these, or at all
//! if they are all bits.

use std::fmt::Debug;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use label_index::{Error, Store, StoreOptions};

use super::power::disk::Disk;
use super::{Folder, Image, fill};
use crate::amounts::amount;

/// The bytes in which the database says where everything else is; it uses 320.
const HEADER: usize = 512;

/// `Store::verify` checks one of this many damaged files.
const VERIFIED: usize = 16;

/// The contents of a sound file.
#[derive(Debug, PartialEq)]
struct Everything(Vec<(String, Image)>);

impl Everything {
    /// Loads all instances.
    fn load(bytes: &[u8]) -> Result<Self, Error> {
        let store = StoreOptions::new().open_on(Disk::from(bytes.to_vec()))?;
        let load = |name: String| Ok((name.clone(), Image::from(&store.existing(&name)?)));
        store.instances().into_iter().map(load).collect::<Result<_, _>>().map(Self)
    }
}

/// A closed file with two instances: one with a checkpoint and a log, and a smaller one with a log alone.
fn closed_file() -> Vec<u8> {
    let folder = Folder::new();
    let store = folder.open();
    fill(&store.instance("shop").unwrap());
    store.checkpoint().unwrap();
    assert!(store.existing("shop").unwrap().link("1", "after the checkpoint").unwrap());
    store.instance("other").unwrap().upsert_label("1", "VIP").unwrap();
    drop(store);
    fs::read(folder.file()).unwrap()
}

/// The fault in the answer to a damaged file; `None` if it is right.
fn wrong(bytes: &[u8], right: &Everything) -> Option<String> {
    match catch_unwind(AssertUnwindSafe(|| Everything::load(bytes))) {
        Ok(Ok(found)) if found == *right => None,
        Ok(Ok(found)) => {
            Some(format!("a wrong answer: {:?}", found.0.iter().map(|(name, _)| name).collect::<Vec<_>>()))
        }
        Ok(Err(Error::Damaged { .. } | Error::UnknownFormat { .. })) => None,
        Ok(Err(other)) => Some(format!("another error: {other}")),
        Err(_) => Some("a panic".to_owned()),
    }
}

/// The same for `Store::verify`: if it finds no damage, opening gives the right answer; and it changes nothing.
fn wrongly_verified(bytes: &[u8], right: &Everything, folder: &Folder) -> Option<String> {
    fs::write(folder.file(), bytes).unwrap();
    let report = catch_unwind(|| Store::verify(folder.path()));
    if fs::read(folder.file()).unwrap() != bytes {
        return Some("verifying changed the file".to_owned());
    }
    match report {
        Ok(Ok(report)) if !report.is_sound() => None,
        Ok(Ok(_)) => match Everything::load(bytes) {
            Ok(found) if found == *right => None,
            other => Some(format!("verified, but opening gives {:?}", other.map(drop))),
        },
        Ok(Err(Error::Damaged { .. } | Error::UnknownFormat { .. })) => None,
        Ok(Err(other)) => Some(format!("another error of verify: {other}")),
        Err(_) => Some("a panic of verify".to_owned()),
    }
}

/// Checks each of these files on all processors. Returns the faults, with the number of the file.
fn check<T: Sync + Debug>(
    damages: &[T],
    file: impl Fn(&T) -> Vec<u8> + Sync,
    right: &Everything,
    verified: usize,
) -> Vec<String> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let check = |first: usize| {
        let folder = Folder::new();
        let mut found = Vec::new();
        for (number, damage) in damages.iter().enumerate().skip(first).step_by(threads) {
            let bytes = file(damage);
            let verdict = wrong(&bytes, right).or_else(|| {
                number.is_multiple_of(verified).then(|| wrongly_verified(&bytes, right, &folder)).flatten()
            });
            found.extend(verdict.map(|verdict| format!("{damage:?}: {verdict}")));
        }
        found
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|first| scope.spawn(move || check(first))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

fn assert_none(wrong: &[String]) {
    assert!(wrong.is_empty(), "{} times wrong, such as\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

#[test]
fn a_flipped_bit_is_found_or_means_nothing() {
    let bytes = closed_file();
    let right = Everything::load(&bytes).unwrap();
    let bits = usize::try_from(amount("LABEL_INDEX_DAMAGE_BITS", 0)).unwrap();
    let flips = |at: usize| {
        let bits = match bits {
            _ if at < HEADER => 8,
            0 => usize::from(at.is_multiple_of(8)),
            bits => bits.min(8),
        };
        // The first bit differs from byte to byte.
        (0..bits).map(move |bit| (at, (bit + at / 8 + at) % 8))
    };
    let flips: Vec<(usize, usize)> = (0..bytes.len()).flat_map(flips).collect();
    let flipped = |&(at, bit): &(usize, usize)| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << bit;
        bytes
    };
    assert_none(&check(&flips, flipped, &right, if bits >= 8 { 1 } else { VERIFIED }));
}

#[test]
fn an_end_that_is_missing_is_found() {
    let bytes = closed_file();
    let right = Everything::load(&bytes).unwrap();
    let lens: Vec<usize> = (1..bytes.len()).step_by(211).chain([bytes.len() - 4_096, bytes.len() - 1]).collect();
    assert_none(&check(&lens, |&len| bytes[..len].to_vec(), &right, 1));
}
