//! Ids and labels as bytes. A text is parsed again when it is read, and refused unless parsing leaves it unchanged.

use std::sync::Arc;

use crate::codec::bytes::{Reader, len_of, put_signed, put_uint, put_varint};
use crate::codec::damage::{Damage, require};
use crate::collections::number::to_u64;
use crate::model::chat_id::{ChatId, ChatKey, CompactId};
use crate::model::label::{Label, LabelPatch};
use crate::model::label_id::LabelId;
use crate::model::name::LabelName;

/// The first byte of a stored chat: a code that says what the number behind it means, in the high four bits, and the
/// length of that number in bytes, in the low ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head(pub(super) u8);

impl Head {
    /// The place has no chat: the number is the revision at which it became free.
    pub(super) const FREE: u64 = 0;
    /// The chat is a text: the number is its length. All other codes are those of a [`CompactId`].
    pub(super) const TEXT: u64 = 15;

    pub(super) fn of(code: u64, number: u64) -> Self {
        Self(u8::try_from(code << 4 | to_u64(len_of(number))).unwrap_or_default())
    }

    pub(super) fn code(self) -> u64 {
        u64::from(self.0 >> 4)
    }

    pub(super) fn len(self) -> usize {
        usize::from(self.0 & 15)
    }

    /// Refuses a head with which neither a chat id nor a free place begins.
    pub(super) fn check(self) -> Result<(), Damage> {
        let known = [Self::FREE, Self::TEXT].contains(&self.code())
            || CompactId::from_bits(self.code() << CompactId::NUMBER_BITS).is_some();
        require(known && self.len() <= 8, || format!("no chat id begins with {:#04x}", self.0))
    }

    /// Reads the number behind the head. Longer encodings of it are refused.
    pub(super) fn number(self, reader: &mut Reader<'_>) -> Result<u64, Damage> {
        let number = reader.uint(self.len())?;
        let fits = len_of(number) == self.len() && number >> CompactId::NUMBER_BITS == 0;
        require(fits, || format!("{number} is no number of {} bytes", self.len()))?;
        Ok(number)
    }
}

/// The encoded parts of a chat: its head, its number, and its text, which is empty for a compact id.
pub(super) fn parts(chat: &ChatId) -> (Head, u64, &str) {
    match chat.key() {
        ChatKey::Compact(id) => {
            let number = id.bits() & ((1 << CompactId::NUMBER_BITS) - 1);
            (Head::of(id.bits() >> CompactId::NUMBER_BITS, number), number, "")
        }
        ChatKey::Text(text) => {
            let len = to_u64(text.len());
            (Head::of(Head::TEXT, len), len, text)
        }
    }
}

pub(super) fn put_chat(out: &mut Vec<u8>, chat: &ChatId) {
    let (head, number, text) = parts(chat);
    out.push(head.0);
    put_uint(out, number, head.len());
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn chat(reader: &mut Reader<'_>) -> Result<ChatId, Damage> {
    let head = Head(reader.byte()?);
    head.check()?;
    let number = head.number(reader)?;
    if head.code() == Head::TEXT {
        return chat_text(reader, number).map(ChatId::from_stored_text);
    }
    let bits = head.code() << CompactId::NUMBER_BITS | number;
    CompactId::from_bits(bits)
        .map(ChatId::from_compact)
        .ok_or_else(|| Damage::new("a free place where a chat should be"))
}

/// Reads the text of a chat id that is stored as a text.
pub(super) fn chat_text(reader: &mut Reader<'_>, len: u64) -> Result<Arc<str>, Damage> {
    let text = reader.text(usize::try_from(len).unwrap_or(usize::MAX))?;
    let chat: Option<ChatId> = text.parse().ok();
    match chat.as_ref().map(ChatId::key) {
        Some(ChatKey::Text(parsed)) if **parsed == *text => Ok(Arc::clone(parsed)),
        _ => Err(Damage::new(format!("{text:?} is not the stored form of a chat id"))),
    }
}

/// Writes a decimal id as twice its number, any other id as twice its length plus one, and the text.
pub(super) fn put_label_id(out: &mut Vec<u8>, id: &LabelId) {
    match id.decimal() {
        Some(number) => put_varint(out, u64::from(number) << 1),
        None => {
            let text = id.to_string();
            put_varint(out, to_u64(text.len()) << 1 | 1);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

pub(super) fn label_id(reader: &mut Reader<'_>) -> Result<LabelId, Damage> {
    let head = reader.varint()?;
    let number = head >> 1;
    if head & 1 == 0 {
        let decimal = u32::try_from(number).ok().filter(|&number| number <= LabelId::MAX_DECIMAL).map(LabelId::from);
        return decimal.ok_or_else(|| Damage::new(format!("{number} is no decimal label id")));
    }
    let text = reader.text(usize::try_from(number).unwrap_or(usize::MAX))?;
    let id: Option<LabelId> = text.parse().ok();
    id.filter(|id| id.decimal().is_none())
        .ok_or_else(|| Damage::new(format!("{text:?} is not the stored form of a label id")))
}

/// In the first byte of a label: the slot has a label.
const LIVE: u8 = 1;
/// In the first byte of a label: it has a name.
const NAMED: u8 = 2;
/// In the first byte of a label: it has a colour.
const COLOURED: u8 = 4;
/// In the first byte of a label: it has a position.
const POSITIONED: u8 = 8;

/// Writes a label, or a zero byte for none.
pub(super) fn put_label(out: &mut Vec<u8>, label: Option<&Label>) {
    let Some(label) = label else { return out.push(0) };
    let flag = |holds: bool, flag| if holds { flag } else { 0 };
    let LabelPatch { name, color, position } = label.attributes();
    out.push(
        LIVE | flag(name.is_some(), NAMED) | flag(color.is_some(), COLOURED) | flag(position.is_some(), POSITIONED),
    );
    put_label_id(out, label.id());
    if let Some(name) = name {
        put_varint(out, to_u64(name.as_str().len()));
        out.extend_from_slice(name.as_str().as_bytes());
    }
    for &number in [color, position].into_iter().flatten() {
        put_signed(out, i64::from(number));
    }
}

pub(super) fn label(reader: &mut Reader<'_>) -> Result<Option<Label>, Damage> {
    let flags = reader.byte()?;
    if flags == 0 {
        return Ok(None);
    }
    let known = flags & LIVE != 0 && flags & !(LIVE | NAMED | COLOURED | POSITIONED) == 0;
    require(known, || format!("no label begins with {flags:#04x}"))?;
    let id = label_id(reader)?;
    let mut attributes = LabelPatch::new();
    if flags & NAMED != 0 {
        let len = reader.number()?;
        attributes.name = Some(name(reader.text(len)?)?);
    }
    for (flag, attribute) in [(COLOURED, &mut attributes.color), (POSITIONED, &mut attributes.position)] {
        if flags & flag != 0 {
            let number = reader.signed()?;
            *attribute = Some(i32::try_from(number).map_err(|_| Damage::new(format!("{number} has over 32 bits")))?);
        }
    }
    Ok(Some(Label::new(id, attributes)))
}

fn name(text: &str) -> Result<LabelName, Damage> {
    let name: Option<LabelName> = text.parse().ok();
    name.filter(|name| name.as_str() == text)
        .ok_or_else(|| Damage::new(format!("{text:?} is not the stored form of a name")))
}
