//! Queries on one version of an index: resolved filters, exact totals, pages, and answers.

pub(crate) mod chat_labels;
pub(crate) mod answer;
pub(crate) mod resolved_filter;
mod totals;
mod page;
mod ask;
mod among;
#[cfg(feature = "serde")]
mod json;
#[cfg(test)]
mod tests;
