//! The bundled sample: an invented account, written by the example `make_sample`.

/// What errors call it.
pub(crate) const NAME: &str = "crm_sample.csv";

/// Its CSV text.
pub(crate) const TEXT: &str = include_str!("../data/crm_sample.csv");
