//! Where a page ended, as a text that hosts hand out and take back.

use std::fmt;
use std::str::FromStr;

use crate::model::change::Place;
use crate::model::error::{Error, Result};

/// Where a page ended: an opaque short text to go on from.
///
/// It stays good whatever is written meanwhile, and after its chat is gone. It belongs to one index: see
/// [`Options::identity`](crate::Options::identity).
///
/// # Examples
///
/// ```
/// use label_index::{Filter, LabelIndex, Page};
///
/// let index = LabelIndex::new();
/// let vip = index.create_label("VIP")?;
/// for chat in ["a", "b", "c"] {
///     index.link(&vip, chat)?;
/// }
/// let first = index.query(&Filter::new(), Page::first(2))?;
/// let text = first.next.unwrap().to_string();
/// let second = index.query(&Filter::new(), Page::after(2, text.as_str())?)?;
/// assert_eq!(second.chats[0].chat_id.to_string(), "c");
/// assert_eq!(second.next, None);
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// The place of the last chat on the page.
    pub(crate) place: Place,
    /// The identity of the index.
    pub(crate) identity: u64,
}

impl Cursor {
    /// Bytes in the text: place, identity and checksum in hexadecimal.
    const LEN: usize = 8 + 16 + 8;

    fn checksum(self) -> u32 {
        // Two rounds of a 64-bit mixer (Stafford's thirteenth): damage goes unseen once in 2^32 times.
        // The mixer keeps zero as it is, and zeros are no cursor: hence the 1.
        let place = u64::from(self.place) + 1;
        let mut mixed = self.identity.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        for _ in 0..2 {
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
        }
        u32::try_from(mixed >> 32).unwrap_or_default()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}{:016x}{:08x}", self.place, self.identity, self.checksum())
    }
}

impl FromStr for Cursor {
    type Err = Error;

    /// Reads what `Display` wrote.
    ///
    /// # Errors
    ///
    /// [`Error::BadCursor`] for everything else.
    fn from_str(text: &str) -> Result<Self> {
        let bad = || Error::BadCursor { value: Error::excerpt(text) };
        if text.len() != Self::LEN || !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad());
        }
        let field = |range| text.get(range).and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(bad);
        let place = u32::try_from(field(0..8)?).map_err(|_| bad())?;
        let cursor = Self { place, identity: field(8..24)? };
        if field(24..32)? == u64::from(cursor.checksum()) { Ok(cursor) } else { Err(bad()) }
    }
}

impl TryFrom<&str> for Cursor {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        text.parse()
    }
}

impl TryFrom<&String> for Cursor {
    type Error = Error;

    fn try_from(text: &String) -> Result<Self> {
        text.parse()
    }
}

impl TryFrom<String> for Cursor {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<&Self> for Cursor {
    fn from(cursor: &Self) -> Self {
        *cursor
    }
}
