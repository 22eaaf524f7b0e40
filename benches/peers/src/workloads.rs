//! Workloads by name.

mod real;

use std::error::Error;
use std::path::Path;

use crate::crm;
use crate::random::{Random, Zipf};
use crate::workload::Workload;

/// The workloads that need no files, in the order of a run.
const GENERATED: [&str; 6] = ["crm-10k", "crm-100k", "crm-1m", "crm-10m", "tags-1m", MANY_ACCOUNTS];

/// Ten thousand indexes of a thousand chats each.
pub(crate) const MANY_ACCOUNTS: &str = "many-accounts";

/// How many chats each of the many accounts has.
pub(crate) const ACCOUNT_CHATS: usize = 1_000;

/// The names of the workloads of a run.
pub(crate) fn names(quick: bool, data: Option<&Path>) -> Vec<&'static str> {
    let generated = GENERATED.iter().filter(|name| !quick || ["crm-100k", "crm-1m"].contains(name));
    let files = real::FILES.iter().filter(|name| data.is_some_and(|folder| real::path(folder, name).exists()));
    generated.chain(files).copied().collect()
}

/// Makes or reads a workload.
///
/// # Errors
///
/// When there is none of the name, or its file cannot be read.
pub(crate) fn workload(name: &str, data: Option<&Path>) -> Result<Workload, Box<dyn Error>> {
    Ok(match (name, data) {
        ("crm-10k", _) => crm(name, 10_000),
        ("crm-100k", _) => crm(name, 100_000),
        ("crm-1m", _) => crm(name, 1_000_000),
        ("crm-10m", _) => crm(name, 10_000_000),
        ("tags-1m", _) => tags(name, 1_000_000),
        (MANY_ACCOUNTS, _) => crm(name, 10_000_000),
        (name, Some(folder)) if real::FILES.contains(&name) => real::read(folder, name)?,
        (name, None) if real::FILES.contains(&name) => return Err(format!("{name} needs --data").into()),
        _ => return Err(format!("no workload {name}").into()),
    })
}

/// Chats of an account as a CRM has them.
fn crm(name: &str, chats: usize) -> Workload {
    let crm = crm::crm(chats);
    let mut workload = Workload::new(name, Workload::numbered(crm.names));
    let mut labels = Vec::new();
    for chat in crm.chats {
        labels.clear();
        labels.extend(chat.labels.iter().map(|&id| u16::try_from(id - 1).expect("twenty labels")));
        workload.push(&chat.id, &labels);
    }
    workload.shrink()
}

/// A thousand labels by Zipf's law, one to six on each chat, independent of one another: nearly every chat has a label
/// set of its own.
fn tags(name: &str, chats: usize) -> Workload {
    const LABELS: usize = 1_000;
    let mut workload = Workload::new(name, Workload::numbered((1..=LABELS).map(|rank| format!("Tag {rank}"))));
    let (mut random, zipf) = (Random::new(1), Zipf::new(LABELS));
    let mut labels = Vec::new();
    for chat in 0..chats {
        labels.clear();
        let wanted = 1 + random.below(6);
        while labels.len() < wanted {
            let label = u16::try_from(zipf.rank(&mut random)).expect("a thousand labels");
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        labels.sort_unstable();
        // The factor has no divisor in common with 10^8, so no two of the first 10^8 are the same.
        workload.push(&format!("55119{:08}@c.us", chat * 61_803_399 % 100_000_000), &labels);
    }
    workload.shrink()
}
