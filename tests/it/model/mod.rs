//! The reference model: the contract written in the slow and obvious way, and the scripts that compare the crate with
//! it. Property tests and the fuzz targets `ops` and `ops_wide` share it.
//!
//! A [`Script`] is a list of steps made of bytes. A [`Trial`](trial::Trial) takes each step on the index and on the
//! [`Model`](reference::Model), and compares every answer. Two [`Follower`](follower::Follower)s keep copies of the
//! index by its feed alone.
//!
//! An [`Inquiry`] is an index made of bytes and queries to it, each answered in several ways: by the model, page by
//! page, and from the answers to other queries. A property test and the fuzz target `query` share it.

pub(crate) mod action;
mod answer_laws;
mod answered;
mod beginning;
pub(crate) mod bytes;
mod compare;
mod cursor_laws;
pub(crate) mod effect;
mod follower;
mod grounds;
mod inquiry;
mod joins;
mod keys;
mod labels;
mod list_laws;
mod operation;
mod perform;
mod places;
mod question;
mod reference;
mod refresh;
mod refreshing;
mod script;
pub(crate) mod step;
mod told;
pub(crate) mod trial;
mod view;
mod written;

pub(crate) use compare::Difference;
pub(crate) use inquiry::Inquiry;
pub(crate) use keys::Space;
pub(crate) use script::Script;
pub(crate) use trial::Trial;
