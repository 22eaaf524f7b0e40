//! Where a page ended, as a text that hosts hand out and take back.

use std::fmt;
use std::str::FromStr;

use crate::model::arg::parsed_argument;
use crate::model::change::Place;
use crate::model::chat_id::ChatId;
use crate::model::error::{Error, Result};

/// Where a page ended: an opaque short text to go on from.
///
/// It stays good whatever is written meanwhile, and after its chat is gone. It belongs to one index: see
/// [`Options::identity`](crate::Options::identity).
///
/// There are two kinds: of answers in order of place, and of answers in the order of a host's list, which
/// [`Snapshot::among`](crate::Snapshot::among) gives. One where the other belongs is refused.
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
    pub(crate) last: Last,
    /// The identity of the index.
    pub(crate) identity: u64,
}

/// The last chat on a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Last {
    /// In order of place.
    Place(Place),
    /// In the order of a host's list: a hash of the id under which the list had the chat. A place would not do: the chat
    /// may lose its labels and so its place, but in the list it stays where it is.
    Listed(u64),
}

/// Hexadecimal digits of the identity, and of the checksum.
const IDENTITY: usize = 16;
const CHECKSUM: usize = 8;

impl Last {
    /// How many hexadecimal digits it has; the two kinds differ in it.
    const fn digits(self) -> usize {
        match self {
            Self::Place(_) => 8,
            Self::Listed(_) => 16,
        }
    }

    fn bits(self) -> u64 {
        match self {
            Self::Place(place) => u64::from(place),
            Self::Listed(hash) => hash,
        }
    }
}

/// One round of a 64-bit mixer (Stafford's thirteenth).
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

impl Cursor {
    /// The hash of a chat id in cursors. Hosts keep cursors, so it is the same in every process and version: FNV-1a over
    /// the text, mixed.
    pub(crate) fn hash_of(chat: &ChatId) -> u64 {
        chat.with_text(|text| {
            let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            mix(text.bytes().fold(0xcbf2_9ce4_8422_2325, fnv))
        })
    }

    fn checksum(self) -> u32 {
        // Two rounds: damage goes unseen once in 2^32 times. The mixer keeps zero as it is, and zeros are no cursor: hence
        // the 1. The two kinds of 16 and 8 digits never have a text in common.
        let last = self.last.bits().wrapping_add(1);
        let mixed = mix(mix(self.identity.wrapping_add(last.wrapping_mul(0x9e37_79b9_7f4a_7c15))));
        u32::try_from(mixed >> 32).unwrap_or_default()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (last, digits) = (self.last.bits(), self.last.digits());
        write!(f, "{last:0digits$x}{:016x}{:08x}", self.identity, self.checksum())
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
        if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(bad());
        }
        let digits = text.len().checked_sub(IDENTITY + CHECKSUM).ok_or_else(bad)?;
        let field = |range| text.get(range).and_then(|digits| u64::from_str_radix(digits, 16).ok()).ok_or_else(bad);
        let last = match field(0..digits)? {
            place if digits == Last::Place(0).digits() => Last::Place(u32::try_from(place).map_err(|_| bad())?),
            hash if digits == Last::Listed(0).digits() => Last::Listed(hash),
            _ => return Err(bad()),
        };
        let cursor = Self { last, identity: field(digits..digits + IDENTITY)? };
        if field(digits + IDENTITY..text.len())? == u64::from(cursor.checksum()) { Ok(cursor) } else { Err(bad()) }
    }
}

parsed_argument!(Cursor);

impl From<&Self> for Cursor {
    fn from(cursor: &Self) -> Self {
        *cursor
    }
}
