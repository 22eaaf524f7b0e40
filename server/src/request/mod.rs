//! Parsing requests: credentials, instance, parameters and body.

pub(crate) mod access;
pub(crate) mod body;
pub(crate) mod chat;
pub(crate) mod credentials;
pub(crate) mod operator;
pub(crate) mod path;
pub(crate) mod query;
pub(crate) mod session;
