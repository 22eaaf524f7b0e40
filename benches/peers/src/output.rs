//! The output of a run.

pub(crate) mod bar;
pub(crate) mod numbers;
pub(crate) mod plot;
pub(crate) mod report;
pub(crate) mod table;
