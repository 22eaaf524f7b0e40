//! **label-index** answers, in the process, *which chats carry any of these labels* and *which labels does this chat
//! carry*. It keeps the set of chats of each label, the distinct label sets with their counts, and a case-insensitive
//! index of names. Totals are exact, pages are stable, and a question over ten million chats takes microseconds.
//!
//! # What it is not
//!
//! - No database server: an index lives in the memory of the process. A [`Store`](_design#the-store) keeps it on disk.
//! - No full-text search: a name is found whole, in any case.
//! - No query language: one [`Filter`] of three clauses, since that is what inboxes ask.
//!
//! # Overview
//!
//! - [`LabelIndex`]: the labels and links of one account. Cheap to clone, shared between threads.
//! - [`LabelId`], [`ChatId`], [`LabelName`]: parsed texts. Methods take plain texts too; see [`Arg`].
//! - [`Filter`] and [`Page`]: the question. [`Answer`]: the chats asked for, and exact totals.
//! - [`Batch`]: many operations as one commit, all or nothing.
//! - [`Snapshot`]: the whole index as it was at one revision.
//! - [`RefreshTicket`] and [`FullState`]: taking over a network's state without losing a write. [`JoinedRefresh`]: the outcome
//!   of a refresh that goes on.
//! - [`Subscriber`]: every commit, in order. [`Position`]: where a stopped consumer resumes. [`PublicEvent`]: what it
//!   publishes.
//! - `Store`: the indexes of many accounts in one file (feature `store`).
//!
//! # A whole program
//!
//! ```
//! use label_index::{Filter, LabelIndex, Page};
//!
//! # fn main() -> label_index::Result<()> {
//! let index = LabelIndex::new();
//! let vip = index.create_label("VIP")?;
//! let support = index.create_label("Support")?;
//!
//! // The same chat under two spellings: the second call changes nothing.
//! assert!(index.link(&vip, "5511999990001@s.whatsapp.net")?);
//! assert!(!index.link(&vip, "5511999990001:3@c.us")?);
//! index.link(&support, "5511999990001@c.us")?;
//! index.link(&support, "120363000000000001@g.us")?;
//!
//! let answer = index.query(&Filter::new().any_of_names(["vip", "support"]), Page::first(50))?;
//! assert_eq!((answer.total_chats, answer.total_rows), (2, 3));
//! for chat in &answer.chats {
//!     let names: Vec<&str> = chat.labels.iter().filter_map(|label| Some(label.name()?.as_str())).collect();
//!     println!("{}: {}", chat.chat_id, names.join(", "));
//! }
//!
//! // Moves the chat from one label to the other: no reader sees it without a label.
//! let mut batch = index.batch();
//! batch.link(&vip, "120363000000000001@g.us")?;
//! batch.unlink(&support, "120363000000000001@g.us")?;
//! assert!(batch.commit()?.changed());
//! assert_eq!(index.labels_of("120363000000000001@g.us"), [index.label(&vip).unwrap()]);
//! # Ok(())
//! # }
//! ```
//!
//! # Consistency
//!
//! Writers of one index go one after the other. Each read uses one version, so totals, page and labels agree. Once a
//! write has returned, every later read on any thread shows it. Readers wait for at most one short change; batches,
//! refreshes and other long writes are prepared on a copy beside the visible version. Writers never wait for
//! subscribers or for snapshots.
//!
//! # Durability
//!
//! An index made by [`LabelIndex::new`] lives as long as its last handle. One from a `Store` is on disk:
//!
//! - `Durability::Synced`, the default: a write returns when its commit is on disk, and no reader sees it earlier. An
//!   answer that depends on an earlier commit, such as "unchanged" or a refusal, also waits until that commit is on
//!   disk.
//! - `Durability::Within` a time: a write returns and is visible at once, and is on disk after at most that time, or
//!   when `Store::flush` returns. A crash may lose whole commits from the end.
//! - The feed shows a commit only once it is durable, so no revision that a subscriber saw is ever used again.
//! - The first write to disk that fails makes the store read-only; reads go on.
//! - A damaged file is an error that says which instance is affected, never an answer.
//!
//! # Features
//!
//! - `store` (on): `Store`, and with it the embedded database that it is built on, and the JSON of its exports.
//! - `tracing` (off): spans for opening, loading, checkpoints and refreshes, and events for failures, damage, missed commits
//!   and unloading; see [the guide](_guide#traces-and-logs). An instance's name is in them, and no chat and no label.
//! - `serde` (off): JSON and other formats for answers, labels, ids, filters, events and changes.
//!
//! # Minimum Rust version
//!
//! 1.95. Raising it is a minor release.
//!
//! [`_guide`] shows how to build a server on it, [`_design`] how it works inside, [`_format`] the bytes of a file.

mod model;
mod collections;
mod state;
mod query;
#[cfg(feature = "store")]
mod codec;
mod index;
mod refresh;
#[cfg(feature = "store")]
mod store;

pub use index::batch::Batch;
pub use index::bulk_load::BulkLoad;

pub use index::joined_refresh::JoinedRefresh;
pub use index::label_index::LabelIndex;
pub use index::matching::Matching;
pub use index::receipt::Receipt;
pub use index::snapshot::{Chats, Snapshot};
pub use index::stats::IndexStats;
pub use index::subscriber::{Delivery, Recv, Subscriber};
#[cfg(label_index_shuttle)]
pub use index::sync::{Race, plant_race};
pub use model::arg::Arg;
pub use model::change::{Change, Commit, Place, Revision};
pub use model::chat_id::ChatId;
pub use model::cursor::Cursor;
pub use model::error::{Error, Limit, Reason, Result};
pub use model::error_kind::ErrorKind;
pub use model::failed_refresh::FailedRefresh;
pub use model::filter::{Entry, Filter, Page};
pub use model::full_state::FullState;
pub use model::label::{Label, LabelPatch, NewLabel};
pub use model::label_id::LabelId;
pub use model::label_ref::{LabelRef, LabelToken};
pub use model::memory::IndexBytes;
pub use model::name::LabelName;
pub use model::op::{
    BatchCommit, ChangedChats, Committed, Ensured, Event, Merged, Outcome, RefreshState, Refreshed, RemovedLabel,
    SetDifference, Updated, Upserted,
};
pub use model::options::{Limits, Options};
pub use model::position::Position;
pub use model::public_event::PublicEvent;
pub use query::answer::{Answer, ChatPage, FilterTotals, LabelledChat, Unresolved};
pub use query::chat_labels::{ChatLabels, ChatLabelsIter};
pub use refresh::{RefreshTicket, Refreshing, RefusedRefresh};
pub use state::check::Violation;
#[cfg(feature = "store")]
pub use store::{Contents, Durability, InstanceReport, Loading, Report, Store, StoreOptions, StoreStats};

/// The types that most programs use, for `use label_index::prelude::*`.
///
/// None of its names is one of the standard library's: the error of the crate is
/// [`LabelIndexError`](prelude::LabelIndexError) here, and [`label_index::Result`](crate::Result) is not in it.
///
/// # Examples
///
/// ```
/// use std::io::{Error, Result};
///
/// use label_index::prelude::*;
///
/// fn linked(index: &LabelIndex, chat: &str) -> Result<bool> {
///     index.link("1", chat).map_err(Error::other)
/// }
///
/// let index = LabelIndex::new();
/// assert!(linked(&index, "ana@c.us").is_err(), "there is no such label yet");
/// ```
pub mod prelude {
    pub use crate::{
        Answer, Batch, ChatId, Delivery, Error as LabelIndexError, Filter, FullState, Label, LabelId, LabelIndex,
        LabelName, LabelPatch, NewLabel, Page, Snapshot, Subscriber,
    };
    #[cfg(feature = "store")]
    pub use crate::{Durability, Store, StoreOptions};
}

#[doc = include_str!("../docs/guide.md")]
pub mod _guide {}

#[doc = include_str!("../docs/design.md")]
pub mod _design {}

#[doc = include_str!("../docs/format.md")]
pub mod _format {}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
