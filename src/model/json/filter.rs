//! Filters: clauses by name, entries in the forms that people write.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::model::filter::{Entry, Filter};
use crate::model::json::texts::TextOrNumber;

const CLAUSES: &[&str] = &["any_of", "all_of", "none_of"];

const ID: &str = "id";
const NAME: &str = "name";

/// Only the clauses that were given: `null` is refused where a clause is read.
impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let clauses = || CLAUSES.iter().zip([&self.any_of, &self.all_of, &self.none_of]);
        let mut fields = serializer.serialize_map(Some(clauses().filter(|(_, clause)| clause.is_some()).count()))?;
        for (name, clause) in clauses() {
            if let Some(entries) = clause {
                fields.serialize_entry(name, entries)?;
            }
        }
        fields.end()
    }
}

/// Reads a map, in every format: so a host that flattens a filter into a struct of its own gets unknown clauses refused
/// too.
impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Clauses)
    }
}

struct Clauses;

impl<'de> Visitor<'de> for Clauses {
    type Value = Filter;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of the clauses any_of, all_of and none_of")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut fields: M) -> Result<Filter, M::Error> {
        let mut filter = Filter::new();
        while let Some(name) = fields.next_key::<String>()? {
            let (field, clause) = match name.as_str() {
                "any_of" => ("any_of", &mut filter.any_of),
                "all_of" => ("all_of", &mut filter.all_of),
                "none_of" => ("none_of", &mut filter.none_of),
                unknown => return Err(de::Error::unknown_field(unknown, CLAUSES)),
            };
            if clause.is_some() {
                return Err(de::Error::duplicate_field(field));
            }
            // Not an `Option`: `null` is refused.
            *clause = Some(fields.next_value::<Vec<Entry>>()?);
        }
        Ok(filter)
    }
}

impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (field, text) = match self {
            Self::Id(id) => (ID, id),
            Self::Name(name) => (NAME, name),
        };
        serializer.collect_map([(field, text)])
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            deserializer.deserialize_any(WrittenEntry)
        } else {
            deserializer.deserialize_map(WrittenEntry)
        }
    }
}

struct WrittenEntry;

impl<'de> Visitor<'de> for WrittenEntry {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id, {\"id\": ..} or {\"name\": ..}")
    }

    fn visit_str<E: de::Error>(self, id: &str) -> Result<Entry, E> {
        TextOrNumber::TAKEN.visit_str(id).map(Entry::Id)
    }

    fn visit_u64<E: de::Error>(self, id: u64) -> Result<Entry, E> {
        TextOrNumber::TAKEN.visit_u64(id).map(Entry::Id)
    }

    fn visit_i64<E: de::Error>(self, id: i64) -> Result<Entry, E> {
        TextOrNumber::TAKEN.visit_i64(id).map(Entry::Id)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut fields: M) -> Result<Entry, M::Error> {
        let entry = match fields.next_key::<String>()?.as_deref() {
            Some(ID) => Entry::Id(fields.next_value_seed(TextOrNumber::TAKEN)?),
            Some(NAME) => Entry::Name(fields.next_value()?),
            Some(unknown) => return Err(de::Error::unknown_field(unknown, &[ID, NAME])),
            None => return Err(de::Error::invalid_length(0, &self)),
        };
        match fields.next_key::<String>()? {
            None => Ok(entry),
            Some(_) => Err(de::Error::custom("an entry is one id or one name")),
        }
    }
}
