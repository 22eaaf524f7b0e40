//! Real data, read from files that are not part of the project.

use std::collections::HashSet;
use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

use crate::workload::Workload;

/// The data sets that are known.
pub(super) const FILES: [&str; 3] = ["census1881", "bitsets1925630", "debtags"];

/// The file of a data set in a folder.
pub(super) fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.{}.gz", if name == "debtags" { "csv" } else { "bin" }))
}

/// Reads a data set.
pub(super) fn read(folder: &Path, name: &str) -> Result<Workload, Box<dyn Error>> {
    let path = path(folder, name);
    let told = |error: &dyn Error| format!("{}: {error}", path.display());
    let mut bytes = Vec::new();
    let file = File::open(&path).map_err(|error| told(&error))?;
    GzDecoder::new(BufReader::new(file)).read_to_end(&mut bytes).map_err(|error| told(&error))?;
    let chats = if name == "debtags" { pairs(&bytes)? } else { chat_sets(&bytes).ok_or("the file ends early")? };
    Ok(workload(name, &chats))
}

/// Chats, each with its labels as numbers or names.
type Chats = Vec<(String, Vec<String>)>;

/// A u32 number of chats; for each a u32 chat, a u16 number of labels and that many u16 labels. Little-endian.
fn chat_sets(mut bytes: &[u8]) -> Option<Chats> {
    let chats = u32::from_le_bytes(take(&mut bytes)?);
    (0..chats)
        .map(|_| {
            let chat = u32::from_le_bytes(take(&mut bytes)?);
            let labels = u16::from_le_bytes(take(&mut bytes)?);
            let labels = (0..labels).map(|_| Some(u16::from_le_bytes(take(&mut bytes)?).to_string()));
            Some((chat.to_string(), labels.collect::<Option<_>>()?))
        })
        .collect()
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

/// Lines `chat,label` behind a header, those of one chat together.
fn pairs(bytes: &[u8]) -> Result<Chats, Box<dyn Error>> {
    let mut chats: Chats = Vec::new();
    for line in std::str::from_utf8(bytes)?.lines().skip(1) {
        let (chat, label) = line.split_once(',').ok_or("a line without a comma")?;
        match chats.last_mut() {
            Some((last, labels)) if last == chat => labels.push(label.to_owned()),
            _ => chats.push((chat.to_owned(), vec![label.to_owned()])),
        }
    }
    Ok(chats)
}

/// Labels are numbered in order of their names, so that ascending positions are label order.
fn workload(name: &str, chats: &Chats) -> Workload {
    let distinct: HashSet<&String> = chats.iter().flat_map(|(_, labels)| labels).collect();
    let mut names: Vec<&String> = distinct.into_iter().collect();
    names.sort_unstable();
    let mut workload = Workload::new(name, Workload::numbered(names.iter().map(|name| (*name).clone())));
    for (key, labels) in chats {
        let position = |label| names.binary_search(&label).expect("each was collected");
        let mut members: Vec<u16> =
            labels.iter().map(|label| u16::try_from(position(label)).expect("few labels")).collect();
        members.sort_unstable();
        members.dedup();
        workload.push(key, &members);
    }
    workload.shrink()
}
