//! Queries on one version of an index: resolved filters, exact totals, and pages.

pub(crate) mod resolved_filter;
mod totals;
mod page;
mod answer;
mod among;
#[cfg(feature = "serde")]
mod json;
#[cfg(test)]
mod tests;
