//! The bundled sample: an invented account, which the example `make_sample` writes.

/// Its name in errors.
pub(crate) const NAME: &str = "crm_sample.csv";

/// Its CSV text.
pub(crate) const TEXT: &str = include_str!("../../../examples/data/crm_sample.csv");
