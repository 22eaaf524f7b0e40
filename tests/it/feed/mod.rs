//! The change feed.

mod awaiting;
mod bounds;
mod order;
mod positions;
mod retained;
mod waiting;

use label_index::{Change, Commit, Delivery, Subscriber};

/// The next delivery, which has to be a commit that was already published.
#[track_caller]
fn commit(feed: &mut Subscriber) -> Commit {
    match feed.try_recv() {
        Some(Delivery::Commit(commit)) => commit,
        other => panic!("no commit: {other:?}"),
    }
}

/// Every commit that was already published, up to the first other delivery.
fn commits(feed: &mut Subscriber) -> Vec<Commit> {
    let mut commits = Vec::new();
    while let Some(Delivery::Commit(commit)) = feed.try_recv() {
        commits.push(commit);
    }
    commits
}

fn revisions(feed: &mut Subscriber) -> Vec<u64> {
    commits(feed).iter().map(|commit| commit.revision).collect()
}

/// Changes as short texts.
fn texts(changes: &[Change]) -> Vec<String> {
    changes.iter().map(text).collect()
}

fn text(change: &Change) -> String {
    let listed = |ids: &[label_index::LabelId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>().join("+");
    match change {
        Change::LabelCreated { label } => format!("created {}", label.id()),
        Change::LabelUpdated { label } => format!("updated {}", label.id()),
        Change::LabelRemoved { label, links } => format!("removed {label} with {links}"),
        Change::ChatLinked { label, chat, .. } => format!("linked {label} {chat}"),
        Change::ChatUnlinked { label, chat } => format!("unlinked {label} {chat}"),
        Change::ChatsMerged { from, into, removed, added } => {
            format!("merged {from} into {into}: {} of {}", listed(added), listed(removed))
        }
        Change::AliasRemoved { from } => format!("alias {from} removed"),
        Change::Refreshed => "refreshed".into(),
        other => format!("{other:?}"),
    }
}
