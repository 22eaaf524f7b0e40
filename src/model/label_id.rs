//! The identity of a label.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::model::arg::parsed_argument;
use crate::model::error::{Error, Reason, Result};

/// The identity of a label: an opaque short text that is never rewritten.
///
/// 1 to 64 bytes, no control character, no comma, no white space at either end. Networks use decimal numbers (`"1"`,
/// `"176"`), others anything (`"label_123"`).
///
/// The order is *label order*, the one order in which this crate lists labels: first the decimal ids by value, then
/// all others by their bytes. An id is decimal when it is the canonical form of a number up to 2147483647, so `"02"`
/// and `"+2"` are not.
///
/// With the feature `serde` an id is read from a text, or from a number that is not negative. A format that guesses
/// numbers in texts, as CSV readers do, gives the number 2 for `02`: read such a column as `String`.
///
/// # Examples
///
/// ```
/// use label_index::LabelId;
///
/// let mut ids: Vec<LabelId> = ["a", "02", "10", "2"].iter().map(|id| id.parse()).collect::<Result<_, _>>()?;
/// ids.sort();
/// assert_eq!(ids.iter().map(|id| id.to_string()).collect::<Vec<_>>(), ["2", "10", "02", "a"]);
/// assert_eq!(LabelId::from(7), "7".parse()?);
/// assert!("VIP, urgent".parse::<LabelId>().is_err());
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelId(Repr);

/// The derived order is label order: `Decimal` before `Text`, by value, by bytes.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Decimal(u32),
    Text(Arc<str>),
}

impl LabelId {
    /// The most bytes in an id.
    pub const MAX_LEN: usize = 64;

    /// The highest number whose canonical form is a decimal id.
    pub const MAX_DECIMAL: u32 = 0x7fff_ffff;

    /// The number of a decimal id.
    ///
    /// **O(1)**.
    pub fn decimal(&self) -> Option<u32> {
        match self.0 {
            Repr::Decimal(number) => Some(number),
            Repr::Text(_) => None,
        }
    }

    pub(crate) fn with_text<R>(&self, use_text: impl FnOnce(&str) -> R) -> R {
        match &self.0 {
            Repr::Decimal(number) => use_text(itoa::Buffer::new().format(*number)),
            Repr::Text(text) => use_text(text),
        }
    }

    /// The number of the decimal id that a text is.
    pub(crate) fn decimal_of(text: &str) -> Option<u32> {
        let number = u32::try_from(canonical_decimal(text)?).ok()?;
        Some(number).filter(|&number| number <= Self::MAX_DECIMAL)
    }
}

impl FromStr for LabelId {
    type Err = Error;

    /// Takes the text as it is, or refuses it.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLabelId`] with the text and the reason.
    fn from_str(text: &str) -> Result<Self> {
        if let Some(number) = Self::decimal_of(text) {
            return Ok(Self(Repr::Decimal(number)));
        }
        let reason = if text.is_empty() {
            Reason::Empty
        } else if text.len() > Self::MAX_LEN {
            Reason::TooLong { max: Self::MAX_LEN, given: text.len() }
        } else if text.contains(char::is_control) {
            Reason::ControlCharacter
        } else if text.contains(',') {
            Reason::Comma
        } else if text.trim().len() != text.len() {
            Reason::SurroundingSpace
        } else {
            return Ok(Self(Repr::Text(text.into())));
        };
        Err(Error::InvalidLabelId { value: Error::excerpt(text), reason })
    }
}

/// The value of a text that is the canonical decimal form of a number below 10^19.
pub(crate) fn canonical_decimal(text: &str) -> Option<u64> {
    leading_decimal(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}

/// The value of the digits that a text begins with, and what follows, if they are the canonical decimal form of a number
/// below 10^19, so that it fits a `u64`.
pub(crate) fn leading_decimal(text: &str) -> Option<(u64, &str)> {
    const MOST: usize = 19;
    let (mut number, mut digits) = (0_u64, 0);
    for digit in text.bytes().map(|byte| byte.wrapping_sub(b'0')).take_while(|&digit| digit < 10).take(MOST + 1) {
        number = number.wrapping_mul(10).wrapping_add(u64::from(digit));
        digits += 1;
    }
    let is_canonical = digits == 1 || (2..=MOST).contains(&digits) && !text.starts_with('0');
    if is_canonical { text.get(digits..).map(|rest| (number, rest)) } else { None }
}

impl fmt::Display for LabelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| f.pad(text))
    }
}

impl fmt::Debug for LabelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with_text(|text| write!(f, "LabelId({text:?})"))
    }
}

parsed_argument!(LabelId);

impl From<&Self> for LabelId {
    fn from(id: &Self) -> Self {
        id.clone()
    }
}

impl From<u32> for LabelId {
    /// The id that is the number's decimal form.
    fn from(number: u32) -> Self {
        if number <= Self::MAX_DECIMAL {
            Self(Repr::Decimal(number))
        } else {
            Self(Repr::Text(number.to_string().into()))
        }
    }
}

impl From<&LabelId> for String {
    /// The text of the id, as filters take it.
    fn from(id: &LabelId) -> Self {
        id.to_string()
    }
}
