//! Power cuts: a disk that forgets what was not synced, and histories of stores on it.
//!
//! A [`History`](history::History) is a list of steps made of bytes, on several instances, with outages among them. All
//! answers are recorded. After each outage the store is opened again, and every instance has to be as it was after one
//! of the commits between the last acknowledged one and the last attempted one. Tests and the fuzz target `crash` share
//! it.

mod account;
mod consumer;
pub(crate) mod disk;
pub(crate) mod history;
mod op;
pub(crate) mod random;
pub(crate) mod run;
