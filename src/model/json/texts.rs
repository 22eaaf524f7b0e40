//! The types that are a text and parse it.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Deserialize, DeserializeSeed, Deserializer, Unexpected, Visitor};
use serde::ser::{Serialize, Serializer};

use crate::model::chat_id::ChatId;
use crate::model::cursor::Cursor;
use crate::model::label_id::LabelId;
use crate::model::name::LabelName;
use crate::model::position::Position;

/// Parses a text, borrowed from the input or not.
struct Text<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Takes a text, or a number that is written as one. Ids of labels are often numbers. A number for a chat is refused,
/// since it could be a phone number or the key of a row.
pub(super) struct TextOrNumber<T>(PhantomData<T>);

impl<T> TextOrNumber<T> {
    pub(super) const TAKEN: Self = Self(PhantomData);
}

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for TextOrNumber<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or a number")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    /// Some formats give every number with a sign.
    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        let unsigned = u64::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))?;
        self.visit_u64(unsigned)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> DeserializeSeed<'de> for TextOrNumber<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(self)
        } else {
            deserializer.deserialize_str(self)
        }
    }
}

/// Makes types serialise as their text.
macro_rules! to_text {
    ($($type:ty),+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}

/// The same without a formatter, which is faster: an answer has hundreds of these.
macro_rules! to_text_quickly {
    ($($type:ty),+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                self.with_text(|text| serializer.serialize_str(text))
            }
        }
    )+};
}

/// Makes types parse their text.
macro_rules! from_text {
    ($($type:ty),+) => {$(
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text(PhantomData))
            }
        }
    )+};
}

to_text!(Cursor, Position);
to_text_quickly!(LabelId, ChatId);
from_text!(ChatId, LabelName, Cursor, Position);

impl Serialize for LabelName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for LabelId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        TextOrNumber::TAKEN.deserialize(deserializer)
    }
}
