//! How an operation of a batch names a label.

use std::str::FromStr;

use crate::model::arg::parsed_argument;
use crate::model::error::{Error, Result};
use crate::model::label::Label;
use crate::model::label_id::LabelId;
use crate::model::op::{Committed, Ensured};

/// A label named in a batch: an id, or the label that an earlier operation of the same batch gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LabelRef {
    /// A label by id.
    Id(LabelId),
    /// The label of an earlier operation.
    Token(LabelToken),
}

/// Stands for the label that an operation of a batch will have made or found.
///
/// Given by [`Batch::create_label`](crate::Batch::create_label) and
/// [`Batch::ensure_label`](crate::Batch::ensure_label); of use in the same batch only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LabelToken {
    pub(crate) batch: u64,
    pub(crate) position: usize,
}

impl FromStr for LabelRef {
    type Err = Error;

    /// The label of an id.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLabelId`].
    fn from_str(id: &str) -> Result<Self> {
        Ok(Self::Id(id.parse()?))
    }
}

parsed_argument!(LabelRef);

impl From<LabelId> for LabelRef {
    fn from(id: LabelId) -> Self {
        Self::Id(id)
    }
}

impl From<&LabelId> for LabelRef {
    fn from(id: &LabelId) -> Self {
        Self::Id(id.clone())
    }
}

impl From<u32> for LabelRef {
    fn from(number: u32) -> Self {
        Self::Id(number.into())
    }
}

impl From<LabelToken> for LabelRef {
    fn from(token: LabelToken) -> Self {
        Self::Token(token)
    }
}

impl From<&LabelRef> for LabelRef {
    fn from(label: &LabelRef) -> Self {
        label.clone()
    }
}

impl From<&LabelToken> for LabelRef {
    fn from(token: &LabelToken) -> Self {
        Self::Token(*token)
    }
}

/// Makes a value that has a label's id stand for the label wherever an id is taken.
macro_rules! names_a_label {
    ($($type:ty: $id:expr;)+) => {$(
        impl From<&$type> for LabelId {
            fn from(value: &$type) -> Self {
                let id: fn(&$type) -> &LabelId = $id;
                id(value).clone()
            }
        }

        impl From<&$type> for LabelRef {
            fn from(value: &$type) -> Self {
                Self::Id(value.into())
            }
        }
    )+};
}

names_a_label! {
    Label: |label| label.id();
    Ensured: |ensured| ensured.id();
    Committed<LabelId>: |created| &created.outcome;
    Committed<Ensured>: |ensured| ensured.id();
}
