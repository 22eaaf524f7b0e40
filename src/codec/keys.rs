//! Rows with the chats of a range of places.
//!
//! A chat is a head and a number of few bytes; see [`Head`]. A row begins with its distinct heads. Then come, for each
//! place, the position of its head in a few bits, and then, for each place, its number and text.

use std::sync::Arc;

use crate::codec::bytes::{Reader, put_uint};
use crate::codec::damage::{Damage, require};
use crate::codec::ids::{Head, chat_text};
use crate::codec::pack::{Unpack, pack, width_of};
use crate::collections::cow_vec::CowVec;
use crate::collections::number::to_u64;
use crate::model::change::Revision;
use crate::model::chat_id::CompactId;
use crate::state::chats::Chats;

/// The keys of places as [`Chats`] stores them, and the texts that some of them refer to.
#[derive(Debug, Default)]
pub(super) struct Keys {
    pub(super) keys: Vec<u64>,
    pub(super) texts: CowVec<Option<Arc<str>>, 128>,
    /// A bit for each code of which a chat with number 0 was read. Only such a chat is written without a byte of its
    /// own. Each may occur once, so the places of a row are bounded by its bytes plus the number of codes.
    zeros: u64,
}

/// The encoded parts of one place.
fn parts(chats: &Chats, key: u64) -> (Head, u64, &str) {
    let text = chats.text_of(key);
    let number = text.map_or(key & ((1 << CompactId::NUMBER_BITS) - 1), |text| to_u64(text.len()));
    (Head::of(key >> CompactId::NUMBER_BITS, number), number, text.map_or("", |text| text))
}

/// Encodes the row of `count` places from `first` on.
pub(super) fn encode(chats: &Chats, first: usize, count: usize) -> Vec<u8> {
    let places = || chats.records.iter_from(first).take(count).map(|record| parts(chats, record.key()));
    let mut heads: Vec<u8> = Vec::new();
    for (Head(head), ..) in places() {
        if !heads.contains(&head) {
            heads.push(head);
        }
    }
    heads.sort_unstable();
    let highest = u8::try_from(heads.len().saturating_sub(1)).unwrap_or(u8::MAX);
    let mut out = vec![highest];
    out.extend_from_slice(&heads);
    let position = |head: u8| heads.iter().position(|&other| other == head).and_then(|at| u32::try_from(at).ok());
    let positions = places().map(|(Head(head), ..)| position(head).unwrap_or_default());
    pack(&mut out, width_of(highest.into()), positions);
    for (head, number, text) in places() {
        put_uint(&mut out, number, head.len());
        out.extend_from_slice(text.as_bytes());
    }
    out
}

impl Keys {
    /// Adds the `count` places of a row. A place that became free after `now` is damage.
    pub(super) fn feed(&mut self, row: &[u8], count: usize, now: Revision) -> Result<(), Damage> {
        let mut reader = Reader::new(row);
        let highest = reader.byte()?;
        let heads = reader.take(usize::from(highest) + 1)?;
        require(heads.is_sorted_by(|a, b| a < b), || "the heads are not in order".into())?;
        heads.iter().try_for_each(|&head| Head(head).check())?;
        let mut positions = Unpack::new(&mut reader, width_of(highest.into()), count)?;
        self.keys.reserve(count);
        for _ in 0..count {
            let position = usize::try_from(positions.next()).unwrap_or(usize::MAX);
            let head = heads.get(position).copied().map(Head);
            let head = head.ok_or_else(|| Damage::new(format!("there is no head {position}")))?;
            let number = head.number(&mut reader)?;
            let number = match head.code() {
                Head::TEXT => self.add_text(chat_text(&mut reader, number)?),
                Head::FREE if number == 0 || number > now => {
                    return Err(Damage::new(format!("a place became free at {number}, which is not in 1 to {now}")));
                }
                Head::FREE => number,
                code => {
                    let zero = u64::from(number == 0) << code;
                    require(self.zeros & zero == 0, || format!("place {} repeats an earlier chat", self.keys.len()))?;
                    self.zeros |= zero;
                    number
                }
            };
            self.keys.push(head.code() << CompactId::NUMBER_BITS | number);
        }
        reader.end()
    }

    /// Appends a text. Returns its number.
    fn add_text(&mut self, text: Arc<str>) -> u64 {
        self.texts.push(Some(text));
        to_u64(self.texts.len() - 1)
    }
}
