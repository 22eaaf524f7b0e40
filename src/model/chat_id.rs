//! The identity of a chat.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::model::arg::parsed_argument;
use crate::model::error::{Error, Reason, Result};
use crate::model::label_id::{canonical_decimal, leading_decimal};
use crate::model::short_text::ShortText;

/// The identity of a chat: a WhatsApp JID in its one normal form, or any key of the host.
///
/// 1 to 255 bytes, no control character, no white space at either end.
///
/// A text that ends in `@` and a known server (`c.us`, `s.whatsapp.net`, `hosted`, `lid`, `hosted.lid`, `g.us`,
/// `newsletter`, `broadcast`, `bot`, `msgr`, `interop`, `call`, in any case) is a JID. Its server is lower-cased;
/// `s.whatsapp.net` and `hosted` become `c.us`, `hosted.lid` becomes `lid`; for `c.us` and `lid` a leading `+` and a
/// device or agent behind the digits are dropped. So the several spellings of one chat are one `ChatId`.
///
/// Every other text is the host's own key, byte for byte. Bare digits are such a key, **not** a phone number: see
/// [`from_phone`](Self::from_phone).
///
/// The order is that of the texts, byte by byte. A JID or key that is a plain number below 2^60 takes 16 bytes and no
/// allocation.
///
/// # Examples
///
/// ```
/// use label_index::ChatId;
///
/// let chat: ChatId = "5511999999999:12@S.WhatsApp.net".parse()?;
/// assert_eq!(chat.to_string(), "5511999999999@c.us");
/// assert_eq!(chat, ChatId::from_phone("+55 11 99999-9999")?);
/// assert_ne!(chat, "5511999999999".parse()?);
/// assert_eq!("ana@example.com".parse::<ChatId>()?.to_string(), "ana@example.com");
/// assert!("@c.us".parse::<ChatId>().is_err());
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ChatId(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Compact(CompactId),
    /// A normalised text that [`CompactId::of`] does not take, so that each chat has one form.
    Text(Arc<str>),
}

/// A chat id that is a canonical decimal number below 2^60, alone or before a known server: four bits of [`Server`]
/// above sixty bits of number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CompactId(u64);

/// A chat id in an internal order that is fast to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StoredOrder(pub(crate) ChatId);

/// The parts of a chat id, for code that stores it.
pub(crate) enum ChatKey<'a> {
    Compact(CompactId),
    Text(&'a Arc<str>),
}

/// The servers after normalisation. The numbers are the four high bits of a [`CompactId`]; 0 and 15 are left free.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    CUs = 1,
    Lid = 2,
    GUs = 3,
    Newsletter = 4,
    Broadcast = 5,
    Bot = 6,
    Msgr = 7,
    Interop = 8,
    Call = 9,
    /// No server: a plain number.
    None = 10,
}

/// Every spelling of a server, and its normal form.
const SPELLINGS: [(&str, Server); 12] = [
    ("c.us", Server::CUs),
    ("s.whatsapp.net", Server::CUs),
    ("g.us", Server::GUs),
    ("lid", Server::Lid),
    ("hosted", Server::CUs),
    ("hosted.lid", Server::Lid),
    ("newsletter", Server::Newsletter),
    ("broadcast", Server::Broadcast),
    ("bot", Server::Bot),
    ("msgr", Server::Msgr),
    ("interop", Server::Interop),
    ("call", Server::Call),
];

impl Server {
    const ALL: [Self; 10] = [
        Self::CUs,
        Self::Lid,
        Self::GUs,
        Self::Newsletter,
        Self::Broadcast,
        Self::Bot,
        Self::Msgr,
        Self::Interop,
        Self::Call,
        Self::None,
    ];

    fn of(text: &str) -> Option<Self> {
        SPELLINGS.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|&(_, server)| server)
    }

    /// The text after the number in the normal form, with its `@`.
    const fn suffix(self) -> &'static str {
        match self {
            Self::CUs => "@c.us",
            Self::Lid => "@lid",
            Self::GUs => "@g.us",
            Self::Newsletter => "@newsletter",
            Self::Broadcast => "@broadcast",
            Self::Bot => "@bot",
            Self::Msgr => "@msgr",
            Self::Interop => "@interop",
            Self::Call => "@call",
            Self::None => "",
        }
    }

    const fn code(self) -> u64 {
        self as u64
    }

    fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|server| server.code() == code)
    }
}

impl CompactId {
    /// Bits of the number; the bits above them are the server's code.
    pub(crate) const NUMBER_BITS: u32 = 60;

    fn of(user: &str, server: Server) -> Option<Self> {
        Self::numbered(canonical_decimal(user)?, server)
    }

    fn numbered(number: u64, server: Server) -> Option<Self> {
        (number >> Self::NUMBER_BITS == 0).then_some(Self(server.code() << Self::NUMBER_BITS | number))
    }

    /// Parses a JID that is a plain number at one of the usual servers. Nearly all are, and they need no other check.
    fn of_usual(jid: &str) -> Option<Self> {
        let (number, server) = leading_decimal(jid)?;
        let server = match server {
            "@c.us" | "@s.whatsapp.net" => Server::CUs,
            "@g.us" => Server::GUs,
            "@lid" => Server::Lid,
            _ => return None,
        };
        Self::numbered(number, server)
    }

    /// The compact id with these bits, if there is one.
    pub(crate) fn from_bits(bits: u64) -> Option<Self> {
        Server::from_code(bits >> Self::NUMBER_BITS).map(|_| Self(bits))
    }

    /// The four bits of server above the sixty of number; the high four are 1 to 10.
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// The number, and the text after it.
    pub(in crate::model) fn parts(self) -> (u64, &'static str) {
        let server = Server::from_code(self.0 >> Self::NUMBER_BITS).unwrap_or(Server::None);
        (self.0 & ((1 << Self::NUMBER_BITS) - 1), server.suffix())
    }

    /// At most 19 digits and the 11 bytes of `@newsletter`.
    fn text(self) -> ShortText {
        let (number, suffix) = self.parts();
        ShortText::new(number, suffix)
    }
}

impl ChatId {
    /// The most bytes in a chat id.
    pub const MAX_LEN: usize = 255;

    /// The chat of a person by phone number, as people write it.
    ///
    /// Takes one optional `+` before the digits, and ASCII digits with spaces, `-`, `.`, `(` and `)` between them.
    /// National variants are not guessed: the number has to begin with its country code.
    ///
    /// **O(length)**.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidPhone`] when another character occurs, when there are not 7 to 15 digits, or when the first
    /// is a zero.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::ChatId;
    ///
    /// assert_eq!(ChatId::from_phone("+1 (415) 555.0100")?.to_string(), "14155550100@c.us");
    /// assert!(ChatId::from_phone("011 555 0100").is_err());
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn from_phone(phone: &str) -> Result<Self> {
        let refuse = |reason| Err(Error::InvalidPhone { value: Error::excerpt(phone), reason });
        let mut number: u64 = 0;
        let mut digits = 0_usize;
        let mut plus = false;
        for c in phone.chars() {
            match c {
                '0'..='9' => {
                    if digits == 0 && c == '0' {
                        return refuse(Reason::LeadingZero);
                    }
                    digits += 1;
                    number = number.saturating_mul(10).saturating_add(u64::from(c) - u64::from('0'));
                }
                '+' if digits == 0 && !plus => plus = true,
                ' ' | '-' | '.' | '(' | ')' => {}
                _ => return refuse(Reason::UnexpectedCharacter(c)),
            }
        }
        if !(7..=15).contains(&digits) {
            return refuse(Reason::DigitCount(digits));
        }
        Ok(Self(Repr::Compact(CompactId(Server::CUs.code() << CompactId::NUMBER_BITS | number))))
    }

    /// The chat that a parameter `number` or `chatId` of a gateway means: a JID, or else a phone number as
    /// [`from_phone`](Self::from_phone) takes it.
    ///
    /// Unlike parsing, this takes no keys of the host: bare digits are a phone here.
    ///
    /// **O(length)**.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidChatId`] for a text that ends in `@` and a known server but is no JID; [`Error::InvalidPhone`]
    /// for everything else that is refused.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::ChatId;
    ///
    /// assert_eq!(ChatId::recipient("+55 11 99999-9999")?.to_string(), "5511999999999@c.us");
    /// assert_eq!(ChatId::recipient("5511999999999")?, ChatId::recipient("5511999999999:3@s.whatsapp.net")?);
    /// assert_eq!(ChatId::recipient("120363000000000001@g.us")?.to_string(), "120363000000000001@g.us");
    /// assert!(ChatId::recipient("ana@example.com").is_err());
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn recipient(text: &str) -> Result<Self> {
        match text.rsplit_once('@') {
            Some((_, server)) if Server::of(server).is_some() => text.parse(),
            _ => Self::from_phone(text),
        }
    }

    /// Whether this is the chat of a person by phone number: digits before `@c.us`.
    ///
    /// **O(length)**.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::ChatId;
    ///
    /// assert!(ChatId::from_phone("+55 11 99999-9999")?.is_phone());
    /// assert!(!"5511999999999".parse::<ChatId>()?.is_phone(), "a key of the host");
    /// assert!(!"98765@lid".parse::<ChatId>()?.is_phone());
    /// # Ok::<(), label_index::Error>(())
    /// ```
    pub fn is_phone(&self) -> bool {
        match &self.0 {
            Repr::Compact(compact) => compact.0 >> CompactId::NUMBER_BITS == Server::CUs.code(),
            Repr::Text(text) => text
                .strip_suffix(Server::CUs.suffix())
                .is_some_and(|user| user.bytes().all(|byte| byte.is_ascii_digit())),
        }
    }

    /// Whether this is a JID, as opposed to a key of the host.
    ///
    /// **O(length)**.
    pub fn is_jid(&self) -> bool {
        match &self.0 {
            Repr::Compact(compact) => compact.0 >> CompactId::NUMBER_BITS != Server::None.code(),
            Repr::Text(text) => text.rsplit_once('@').is_some_and(|(_, server)| Server::of(server).is_some()),
        }
    }

    pub(crate) fn key(&self) -> ChatKey<'_> {
        match &self.0 {
            Repr::Compact(compact) => ChatKey::Compact(*compact),
            Repr::Text(text) => ChatKey::Text(text),
        }
    }

    pub(crate) fn from_compact(compact: CompactId) -> Self {
        Self(Repr::Compact(compact))
    }

    /// The id of a text that [`key`](Self::key) gave.
    pub(crate) fn from_stored_text(text: Arc<str>) -> Self {
        Self(Repr::Text(text))
    }

    pub(crate) fn with_text<R>(&self, use_text: impl FnOnce(&str) -> R) -> R {
        match &self.0 {
            Repr::Compact(compact) => use_text(compact.text().as_str()),
            Repr::Text(text) => use_text(text),
        }
    }

    fn of_host(text: &str) -> Self {
        Self(CompactId::of(text, Server::None).map_or_else(|| Repr::Text(text.into()), Repr::Compact))
    }

    fn of_jid(user: &str, server: Server) -> Self {
        let user = match server {
            Server::CUs | Server::Lid => phone_part(user).unwrap_or(user),
            _ => user,
        };
        Self(
            CompactId::of(user, server)
                .map_or_else(|| Repr::Text(format!("{user}{}", server.suffix()).into()), Repr::Compact),
        )
    }
}

/// The digits of a user part `+?DIGITS`, optionally followed by `:n`, `.n`, `.n:n`, `_n` or `_n:n`.
fn phone_part(user: &str) -> Option<&str> {
    let rest = user.strip_prefix('+').unwrap_or(user);
    let (digits, mut rest) = split_digits(rest)?;
    if let Some(agent) = rest.strip_prefix(['.', '_']) {
        (_, rest) = split_digits(agent)?;
    }
    if let Some(device) = rest.strip_prefix(':') {
        (_, rest) = split_digits(device)?;
    }
    rest.is_empty().then_some(digits)
}

/// The ASCII digits that the text begins with, at least one, and what follows.
fn split_digits(text: &str) -> Option<(&str, &str)> {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 { None } else { text.split_at_checked(end) }
}

impl FromStr for ChatId {
    type Err = Error;

    /// Normalises a JID, and takes every other text as it is.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidChatId`] with the text and the reason.
    fn from_str(text: &str) -> Result<Self> {
        if let Some(compact) = CompactId::of_usual(text) {
            return Ok(Self(Repr::Compact(compact)));
        }
        let refuse = |reason| Err(Error::InvalidChatId { value: Error::excerpt(text), reason });
        if text.is_empty() {
            return refuse(Reason::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return refuse(Reason::TooLong { max: Self::MAX_LEN, given: text.len() });
        }
        // Most ids are printable ASCII without a space, and pass both checks at once.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            if text.contains(char::is_control) {
                return refuse(Reason::ControlCharacter);
            }
            if text.trim().len() != text.len() {
                return refuse(Reason::SurroundingSpace);
            }
        }
        let Some((user, server)) = text.rsplit_once('@') else { return Ok(Self::of_host(text)) };
        let Some(server) = Server::of(server) else { return Ok(Self::of_host(text)) };
        if user.is_empty() {
            return refuse(Reason::EmptyUser);
        }
        if user.contains('@') {
            return refuse(Reason::SecondAt);
        }
        Ok(Self::of_jid(user, server))
    }
}

impl fmt::Display for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.pad(text))
    }
}

impl fmt::Debug for ChatId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| write!(f, "ChatId({text:?})"))
    }
}

impl Ord for ChatId {
    fn cmp(&self, other: &Self) -> Ordering {
        self.with_text(|left| other.with_text(|right| left.cmp(right)))
    }
}

impl PartialOrd for ChatId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for StoredOrder {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.0.cmp(&other.0.0)
    }
}

impl PartialOrd for StoredOrder {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

parsed_argument!(ChatId);

impl From<&Self> for ChatId {
    fn from(chat: &Self) -> Self {
        chat.clone()
    }
}
