//! The embedded database under a store.

pub(crate) mod fault;
pub(crate) mod database;
pub(crate) mod tables;
pub(crate) mod overlay;
