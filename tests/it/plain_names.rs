//! The rules of names in their simplest form, for tests and fuzz targets.

use label_index::{LabelName, Reason};

const BIDI_CONTROLS: &str =
    "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}";

/// Why a text is no name; `None` if it is one.
pub(crate) fn refusal(text: &str) -> Option<Reason> {
    let name = text.trim();
    if name.is_empty() {
        Some(Reason::Empty)
    } else if name.len() > LabelName::MAX_LEN {
        Some(Reason::TooLong { max: LabelName::MAX_LEN, given: name.len() })
    } else if name.chars().any(char::is_control) {
        Some(Reason::ControlCharacter)
    } else if name.chars().all(|c| c.is_whitespace() || BIDI_CONTROLS.contains(c)) {
        Some(Reason::EmptyKey)
    } else {
        None
    }
}

/// The name that the lenient constructor makes of a text.
pub(crate) fn lenient(text: &str) -> Option<String> {
    let spaced: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let trimmed = spaced.trim();
    let end = (0..=trimmed.len().min(LabelName::MAX_LEN)).rev().find(|&end| trimmed.is_char_boundary(end)).unwrap();
    let name = trimmed[..end].trim_end();
    refusal(name).is_none().then(|| name.to_owned())
}
