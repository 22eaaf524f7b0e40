//! Arguments: how methods take ids and names.

use crate::model::error::{Error, Result};

/// An argument that is a `T`, or a text that may be one.
///
/// Methods that take an `impl Arg<LabelId>` can be called with a `LabelId`, a `&LabelId`, a `&str`, a `&String` or a
/// number; those that take an `impl Arg<ChatId>` with a `ChatId`, a `&ChatId` or a text; and so on for every type with
/// a conversion. If a text is refused, the call returns that error and does nothing.
pub trait Arg<T> {
    /// Makes the value.
    ///
    /// # Errors
    ///
    /// The error of the conversion: [`Error::InvalidLabelId`], [`Error::InvalidChatId`], [`Error::InvalidLabelName`]
    /// ...
    fn parse_arg(self) -> Result<T>;
}

/// Implements conversions to a type that parses, from every form of text.
macro_rules! parsed_argument {
    ($type:ty) => {
        parsed_argument!($type: &str, &&str, &String, String);
    };
    ($type:ty: $($text:ty),+) => {$(
        impl TryFrom<$text> for $type {
            type Error = Error;

            fn try_from(text: $text) -> Result<Self> {
                text.parse()
            }
        }
    )+};
}
pub(crate) use parsed_argument;

impl<A, T> Arg<T> for A
where
    A: TryInto<T>,
    Error: From<A::Error>,
{
    fn parse_arg(self) -> Result<T> {
        self.try_into().map_err(Error::from)
    }
}
