//! The character between columns.

use std::fmt;
use std::str::FromStr;

/// The ASCII character between two fields. The default is a comma.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Delimiter(u8);

impl Delimiter {
    pub(crate) const COMMA: Self = Self(b',');

    /// The delimiters that other programs write.
    pub(crate) const USUAL: [Self; 4] = [Self::COMMA, Self(b';'), Self(b'\t'), Self(b'|')];

    pub(crate) fn byte(self) -> u8 {
        self.0
    }
}

impl Default for Delimiter {
    fn default() -> Self {
        Self::COMMA
    }
}

impl FromStr for Delimiter {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.as_bytes() {
            b"tab" | b"\\t" => Ok(Self(b'\t')),
            &[byte] if byte == b'\t' || byte == b' ' || byte.is_ascii_punctuation() && byte != b'"' => Ok(Self(byte)),
            _ => Err("expected `tab`, a space, or one punctuation character of ASCII that is no quote"),
        }
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            b'\t' => f.write_str("tab"),
            byte => write!(f, "{}", char::from(byte)),
        }
    }
}
