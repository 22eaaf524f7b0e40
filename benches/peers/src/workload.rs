//! The data of a run: labels, and chats in the order in which engines get them.

use std::ops::Range;

/// A label as every engine gets it.
#[derive(Debug, Clone)]
pub(crate) struct NamedLabel {
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Labels and labelled chats under a name.
#[derive(Debug, Default)]
pub(crate) struct Workload {
    pub(crate) name: String,
    pub(crate) labels: Vec<NamedLabel>,
    /// The keys of all chats, one after the other; `key_ends` has their ends.
    keys: String,
    key_ends: Vec<u32>,
    /// The positions of the labels of all chats, one chat after the other; those of a chat ascending.
    members: Vec<u16>,
    member_ends: Vec<u32>,
}

impl Workload {
    pub(crate) fn new(name: impl Into<String>, labels: Vec<NamedLabel>) -> Self {
        Self { name: name.into(), labels, ..Self::default() }
    }

    /// Labels whose ids are 1, 2, 3 ...
    pub(crate) fn numbered(names: impl IntoIterator<Item = String>) -> Vec<NamedLabel> {
        names.into_iter().enumerate().map(|(at, name)| NamedLabel { id: (at + 1).to_string(), name }).collect()
    }

    /// Adds a chat with its labels, ascending. Each chat comes once.
    pub(crate) fn push(&mut self, key: &str, labels: &[u16]) {
        self.keys.push_str(key);
        self.key_ends.push(u32::try_from(self.keys.len()).expect("below 4 GiB of keys"));
        self.members.extend_from_slice(labels);
        self.member_ends.push(u32::try_from(self.members.len()).expect("below 2^32 pairs"));
    }

    pub(crate) fn shrink(mut self) -> Self {
        self.keys.shrink_to_fit();
        self.key_ends.shrink_to_fit();
        self.members.shrink_to_fit();
        self.member_ends.shrink_to_fit();
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.key_ends.len()
    }

    pub(crate) fn pairs(&self) -> usize {
        self.members.len()
    }

    pub(crate) fn key(&self, chat: usize) -> &str {
        &self.keys[extent(&self.key_ends, chat)]
    }

    /// The labels of a chat by position.
    pub(crate) fn members(&self, chat: usize) -> &[u16] {
        &self.members[extent(&self.member_ends, chat)]
    }

    pub(crate) fn whole(&self) -> Part<'_> {
        Part { workload: self, chats: 0..self.len() }
    }

    /// The number of chats of each label.
    pub(crate) fn counts(&self) -> Vec<usize> {
        let mut counts = vec![0; self.labels.len()];
        self.members.iter().for_each(|&label| counts[usize::from(label)] += 1);
        counts
    }
}

fn extent(ends: &[u32], at: usize) -> Range<usize> {
    let start = at.checked_sub(1).map_or(0, |before| ends[before]);
    start as usize..ends[at] as usize
}

/// The content of one index: some consecutive chats of a workload, and all its labels.
#[derive(Debug, Clone)]
pub(crate) struct Part<'a> {
    pub(crate) workload: &'a Workload,
    pub(crate) chats: Range<usize>,
}

impl<'a> Part<'a> {
    pub(crate) fn labels(&self) -> &'a [NamedLabel] {
        &self.workload.labels
    }

    pub(crate) fn len(&self) -> usize {
        self.chats.len()
    }

    /// Each chat's key, and its labels by position.
    pub(crate) fn chats(&self) -> impl Iterator<Item = (&'a str, &'a [u16])> + use<'a> {
        let workload = self.workload;
        self.chats.clone().map(|chat| (workload.key(chat), workload.members(chat)))
    }
}
