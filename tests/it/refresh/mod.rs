//! Refresh by ticket.

mod full_state;
mod joined;
mod meanwhile;
mod removed;
mod tickets;

use label_index::{Change, Committed, Delivery, FullState, LabelIndex, LabelPatch, Refreshed, Subscriber};

/// An index with these labels and links, refreshed once before.
fn index(labels: &[(&str, &str)], links: &[(&str, &str)]) -> LabelIndex {
    let index = LabelIndex::new();
    assert!(refresh(&index, state(labels, links)).changed());
    index
}

fn state(labels: &[(&str, &str)], links: &[(&str, &str)]) -> FullState {
    let mut state = FullState::new();
    labels.iter().for_each(|&(id, name)| state.label(id, name).unwrap());
    links.iter().for_each(|&(label, chat)| state.link(label, chat).unwrap());
    state
}

fn refresh(index: &LabelIndex, state: FullState) -> Committed<Refreshed> {
    index.begin_refresh().unwrap().commit(state).unwrap()
}

/// Every pair as a text.
fn pairs(index: &LabelIndex) -> Vec<String> {
    index.check_invariants().unwrap();
    let mut pairs: Vec<_> = index
        .iter()
        .flat_map(|row| row.labels.into_iter().map(move |label| format!("{} {}", label.id(), row.chat_id)))
        .collect();
    pairs.sort();
    pairs
}

/// Every label as a text: id, name, colour, position.
fn labels(index: &LabelIndex) -> Vec<String> {
    let text = |label: label_index::Label| {
        let name = label.name().map_or("-", |name| name.as_str()).to_owned();
        let number = |number: Option<i32>| number.map_or(String::new(), |number| format!(" {number}"));
        format!("{} {name}{}{}", label.id(), number(label.color()), number(label.position()))
    };
    index.labels().into_iter().map(text).collect()
}

/// The changes of the next commit as texts.
fn next_changes(feed: &mut Subscriber) -> Vec<String> {
    let Some(Delivery::Commit(commit)) = feed.try_recv() else { panic!("no commit") };
    commit.changes.iter().map(text).collect()
}

fn text(change: &Change) -> String {
    match change {
        Change::LabelCreated { label } => format!("created {}", label.id()),
        Change::LabelUpdated { label } => format!("updated {}", label.id()),
        Change::LabelRemoved { label, links } => format!("removed {label} {links}"),
        Change::ChatLinked { label, chat, .. } => format!("linked {label} {chat}"),
        Change::ChatUnlinked { label, chat } => format!("unlinked {label} {chat}"),
        Change::Refreshed => "refreshed".into(),
        other => format!("{other:?}"),
    }
}

fn colored(name: &str, color: i32) -> LabelPatch {
    LabelPatch::named(name).unwrap().color(color)
}
