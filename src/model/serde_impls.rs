//! The JSON of the types that parse or hide their parts.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};

use crate::model::chat_id::ChatId;
use crate::model::cursor::Cursor;
use crate::model::label::{Label, LabelPatch};
use crate::model::label_id::LabelId;
use crate::model::name::LabelName;

/// Takes a text by reference, whatever the format lends.
struct Parsed<T>(PhantomData<T>);

impl<T> Visitor<'_> for Parsed<T>
where
    T: FromStr<Err: fmt::Display>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

/// Makes types serialise as their text, and parse it back.
macro_rules! as_text {
    ($($type:ty),+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Parsed(PhantomData))
            }
        }
    )+};
}

as_text!(LabelId, ChatId, LabelName, Cursor);

/// A label with every field.
impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Label", 4)?;
        fields.serialize_field("id", self.id())?;
        fields.serialize_field("name", &self.name())?;
        fields.serialize_field("color", &self.color())?;
        fields.serialize_field("position", &self.position())?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(rename = "Label")]
        struct Fields {
            id: LabelId,
            #[serde(flatten)]
            attributes: LabelPatch,
        }
        let Fields { id, attributes } = Fields::deserialize(deserializer)?;
        Ok(Self::new(id, attributes))
    }
}

/// A label as an answer lists it: id, name and colour.
struct Listed<'a>(&'a Label);

impl Serialize for Listed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Label", 3)?;
        fields.serialize_field("id", self.0.id())?;
        fields.serialize_field("name", &self.0.name())?;
        fields.serialize_field("color", &self.0.color())?;
        fields.end()
    }
}

pub(crate) fn listed_labels<S: Serializer>(labels: &[Label], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(labels.iter().map(Listed))
}
