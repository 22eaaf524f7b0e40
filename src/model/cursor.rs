//! Cursors: the end of a page, as a text that hosts hand out and take back.

use std::fmt;
use std::str::FromStr;

use crate::model::arg::parsed_argument;
use crate::model::change::Place;
use crate::model::chat_id::ChatId;
use crate::model::checked_hex::{checksum, mix, numbers};
use crate::model::error::{Error, Result};

/// The end of a page, from which the next one continues: an opaque short text.
///
/// It stays valid whatever is written meanwhile, also when its chat is removed. It belongs to one index: see
/// [`Options::identity`](crate::Options::identity).
///
/// There are two kinds: of answers in order of place, and of answers in the order of a host's list, which
/// [`Snapshot::among`](crate::Snapshot::among) gives. Each is refused where the other is needed.
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
    /// In the order of a host's list: a hash of the id under which the list had the chat. A place cannot be used: a
    /// chat that loses its labels loses its place, but stays in the list.
    Listed(u64),
}

/// Hexadecimal digits of the identity, and of the checksum.
const IDENTITY: usize = 16;
const CHECKSUM: usize = 8;

impl Last {
    /// The number of hexadecimal digits, by which the two kinds are told apart.
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
        // The two kinds of 16 and 8 digits never have a text in common.
        checksum(self.identity, self.last.bits())
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
        let numbers_of = |last: Last| numbers(text, [last.digits(), IDENTITY, CHECKSUM]);
        let place = || {
            let [place, identity, sum] = numbers_of(Last::Place(0))?;
            Some((Last::Place(u32::try_from(place).ok()?), identity, sum))
        };
        let listed = || numbers_of(Last::Listed(0)).map(|[hash, identity, sum]| (Last::Listed(hash), identity, sum));
        let read = place().or_else(listed).and_then(|(last, identity, sum)| {
            let cursor = Self { last, identity };
            (sum == u64::from(cursor.checksum())).then_some(cursor)
        });
        read.ok_or_else(|| Error::BadCursor { value: Error::excerpt(text) })
    }
}

parsed_argument!(Cursor);

impl From<&Self> for Cursor {
    fn from(cursor: &Self) -> Self {
        *cursor
    }
}
