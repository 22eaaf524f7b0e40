//! The display name of a label, and the key by which names are compared.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use unicase::UniCase;
use unicode_normalization::UnicodeNormalization;

use crate::model::arg::parsed_argument;
use crate::model::error::{Error, Reason, Result};

/// The display name of a label, as it was given, without the white space around it.
///
/// 1 to 1,024 bytes, no control character inside, and at least one character that counts in the key.
///
/// Names are attributes, not identities: any number of labels may have the same name. Two names are the same when
/// their keys are equal: bidirectional controls dropped, trimmed, and folded by Unicode's full case folding and
/// canonical decomposition. So `Maße` is `MASSE`, and `é` is `e` with a combining accent, but `é` is not `e`.
/// `==` compares the texts as they are; [`is_same_as`](Self::is_same_as) compares the keys.
///
/// # Examples
///
/// ```
/// use label_index::LabelName;
///
/// let name: LabelName = "  Atenção ".parse()?;
/// assert_eq!(name.as_str(), "Atenção");
/// assert!(name.is_same_as(&"ATENÇÃO".parse()?));
/// assert!(!name.is_same_as(&"Atencao".parse()?));
/// # Ok::<(), label_index::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LabelName(Arc<str>);

/// What two names share when they are the same: NFD(fold(NFD(x))) of the text without bidirectional controls and
/// without white space around it. Never empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct NameKey(Arc<str>);

impl LabelName {
    /// The most bytes in a name.
    pub const MAX_LEN: usize = 1024;

    /// Makes a name of whatever the network reports: control characters become spaces, what goes past 1,024 bytes is
    /// cut off at a character, and a text of which nothing is left counts as absent.
    ///
    /// **O(length)** of the blank beginning and of what is kept.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::LabelName;
    ///
    /// assert_eq!(LabelName::lenient("VIP\ncustomers\t").unwrap().as_str(), "VIP customers");
    /// assert_eq!(LabelName::lenient("\u{200e} \u{7}"), None);
    /// ```
    pub fn lenient(text: &str) -> Option<Self> {
        let text = text.trim_start_matches(|c: char| c.is_whitespace() || c.is_control());
        let mut name = String::with_capacity(text.len().min(Self::MAX_LEN));
        for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
            if name.len() + c.len_utf8() > Self::MAX_LEN {
                break;
            }
            name.push(c);
        }
        let name = name.trim_end();
        NameKey::of(name).map(|_| Self(name.into()))
    }

    /// The name as it was given, trimmed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both are the same name, that is, whether their keys are equal.
    ///
    /// **O(length)**.
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.key() == other.key()
    }

    pub(crate) fn key(&self) -> NameKey {
        // A name without a key is never constructed; its own text would be the best that is left.
        NameKey::of(&self.0).unwrap_or_else(|| NameKey(self.0.clone()))
    }
}

impl NameKey {
    /// The key of a text, or none when nothing in it counts.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let key: String = if text.is_ascii() {
            text.trim().to_ascii_lowercase()
        } else {
            let visible: String = text.chars().filter(|&c| !is_bidi_control(c)).collect();
            let decomposed: String = visible.trim().nfd().collect();
            UniCase::unicode(decomposed).to_folded_case().nfd().collect()
        };
        (!key.is_empty()).then(|| Self(key.into()))
    }

    /// The key under which a label of this name would be found; none for a text that can be no name, whatever its
    /// length.
    pub(crate) fn sought(text: &str) -> Option<Self> {
        let name = text.trim();
        if name.len() > LabelName::MAX_LEN || name.contains(char::is_control) { None } else { Self::of(name) }
    }

    /// The text of the key.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Unicode's property `Bidi_Control`. The names of the network's built-in lists begin with one.
fn is_bidi_control(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

impl FromStr for LabelName {
    type Err = Error;

    /// Trims the text, and otherwise takes it as it is.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidLabelName`] with the text and the reason.
    fn from_str(text: &str) -> Result<Self> {
        let name = text.trim();
        let reason = if name.is_empty() {
            Reason::Empty
        } else if name.len() > Self::MAX_LEN {
            Reason::TooLong { max: Self::MAX_LEN, given: name.len() }
        } else if name.contains(char::is_control) {
            Reason::ControlCharacter
        } else if NameKey::of(name).is_none() {
            Reason::EmptyKey
        } else {
            return Ok(Self(name.into()));
        };
        Err(Error::InvalidLabelName { value: Error::excerpt(text), reason })
    }
}

impl fmt::Display for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for LabelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LabelName({:?})", self.as_str())
    }
}

impl AsRef<str> for LabelName {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

parsed_argument!(LabelName);

impl From<&LabelName> for String {
    /// The name as filters take it.
    fn from(name: &LabelName) -> Self {
        name.as_str().to_owned()
    }
}

impl From<&Self> for LabelName {
    fn from(name: &Self) -> Self {
        name.clone()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::char::decompose_canonical;

    use super::*;

    /// The most bytes of key for a byte of name: U+0390 and others of two bytes fold to three of two.
    const GROWTH: usize = 3;

    fn key(text: &str) -> String {
        NameKey::of(text).unwrap().as_str().to_owned()
    }

    #[test]
    fn the_key_of_a_key_is_itself_for_every_scalar_value() {
        for c in '\0'..=char::MAX {
            let wrapped = format!("a{c}b");
            let once = key(&wrapped);
            assert_eq!(key(&once), once, "{c:?}");
            assert!(once.len() <= GROWTH * wrapped.len(), "{c:?}: {} bytes", once.len());
            if let Some(bare) = NameKey::of(c.encode_utf8(&mut [0; 4])) {
                assert_eq!(NameKey::of(bare.as_str()), Some(bare), "{c:?} alone");
            } else {
                assert!(is_bidi_control(c) || c.is_whitespace(), "{c:?} alone has no key");
            }
        }
    }

    /// The tables of the standard library may be older: what is no letter to them may be one that folds.
    #[test]
    fn a_character_without_case_and_decomposition_is_its_own_key() {
        let mut kept = 0;
        for c in '\0'..=char::MAX {
            let cased = c.to_lowercase().ne([c]) || c.to_uppercase().ne([c]);
            let mut decomposes = false;
            decompose_canonical(c, |part| decomposes |= part != c);
            if !cased && !decomposes && !is_bidi_control(c) {
                let wrapped = format!("a{c}b");
                let key = key(&wrapped);
                assert!(key == wrapped || (!c.is_alphabetic() && key.len() > 2), "{c:?}: {key:?}");
                kept += usize::from(key == wrapped);
            }
        }
        assert!(kept > 1_000_000, "{kept}");
    }

    #[test]
    fn the_longest_name_has_a_bounded_key() {
        for c in ['\u{390}', '\u{1f82}', '\u{fb03}', '\u{1d160}', '\u{130}', '\u{345}', 'a'] {
            let name = c.to_string().repeat(LabelName::MAX_LEN / c.len_utf8());
            let name: LabelName = name.parse().unwrap();
            assert!(name.key().as_str().len() <= GROWTH * LabelName::MAX_LEN, "{c:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Marks that reorder or fold (U+0345) beside letters, white space and controls that the key drops.
        #[test]
        fn the_key_of_a_key_is_itself(
            text in r"([ \u{85}\u{200e}\u{2067}aAKßẞfﬁΐᾳῼςé\u{130}\u{345}\u{301}\u{307}\u{323}\u{212a}\u{1100}\u{1161}각]|\PC){0,12}",
        ) {
            if let Some(key) = NameKey::of(&text) {
                prop_assert_eq!(NameKey::of(key.as_str()), Some(key));
            }
        }
    }
}
