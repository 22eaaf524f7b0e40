//! Which chats carry any of these labels, and which labels does this chat carry.

mod answer;
mod arg;
mod batch;
mod change;
mod chat_id;
mod cursor;
mod error;
mod feed;
mod filter;
mod full_state;
mod gate;
mod horizon;
mod index;
mod label;
mod label_id;
mod name;
mod op;
mod options;
mod read;
mod refresh;
#[cfg(feature = "serde")]
mod serde_impls;
mod snapshot;
mod state;
mod sync;
mod tickets;
mod touched;
mod write;

pub use answer::{Answer, LabelledChat, Unresolved};
pub use arg::Arg;
pub use batch::{Batch, BatchCommit};
pub use change::{Change, Commit, Place, Revision};
pub use chat_id::ChatId;
pub use cursor::Cursor;
pub use error::{Error, Limit, Reason, Result};
pub use feed::{Delivery, Recv, Subscriber};
pub use filter::{Entry, Filter, Page};
pub use full_state::FullState;
pub use index::LabelIndex;
pub use label::{Label, LabelPatch, NewLabel};
pub use label_id::LabelId;
pub use name::LabelName;
pub use op::{
    ChangedChats, Committed, Ensured, Event, LabelRef, LabelToken, Merged, Outcome, RefreshState, Refreshed,
    RemovedLabel, SetDifference, Upserted,
};
pub use options::{Limits, Options};
pub use refresh::{RefreshTicket, RefusedRefresh};
pub use snapshot::{Chats, Snapshot};
pub use state::check::Violation;
#[cfg(label_index_shuttle)]
pub use sync::plant_race;
