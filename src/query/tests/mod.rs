//! Totals and pages by every strategy, compared with a walk over all chats.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod random;
mod chat_labels;
mod page;
mod quick;
mod totals;
