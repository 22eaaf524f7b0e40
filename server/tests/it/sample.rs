//! The bundled sample, and the expected answers over it, computed the slow way.

use std::collections::{BTreeMap, BTreeSet};

/// The labels of each chat, by name, from the rows of the sample.
pub(crate) fn labels_by_chat() -> BTreeMap<String, BTreeSet<String>> {
    let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let text = include_str!("../../../examples/data/crm_sample.csv");
    for row in csv::Reader::from_reader(text.as_bytes()).records() {
        let row = row.unwrap();
        let chat: label_index::ChatId = row[0].parse().unwrap();
        labels.entry(chat.to_string()).or_default().insert(row[1].to_owned());
    }
    labels
}

/// Chats, rows and matched rows of the chats that carry a label of one of these names.
pub(crate) fn totals(names: &[&str]) -> (usize, usize, usize) {
    let wanted: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
    let mut totals = (0, 0, 0);
    for labels in labels_by_chat().into_values() {
        let matched = labels.iter().filter(|name| wanted.contains(&name.to_lowercase())).count();
        if matched > 0 {
            totals = (totals.0 + 1, totals.1 + labels.len(), totals.2 + matched);
        }
    }
    totals
}
