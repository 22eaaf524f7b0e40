//! Short texts on the stack.

/// A text of at most 32 bytes, written from its end: what an id consists of that is a number.
///
/// A formatter would be called through a table for each part, and an answer has hundreds of ids.
pub(in crate::model) struct ShortText {
    bytes: [u8; 32],
    start: usize,
}

impl ShortText {
    /// A number, and what follows it.
    pub(in crate::model) fn new(mut number: u64, suffix: &str) -> Self {
        let mut text = Self { bytes: [0; 32], start: 32_usize.saturating_sub(suffix.len()) };
        if let Some(room) = text.bytes.get_mut(text.start..)
            && room.len() == suffix.len()
        {
            room.copy_from_slice(suffix.as_bytes());
        }
        loop {
            text.start = text.start.saturating_sub(1);
            if let Some(digit) = text.bytes.get_mut(text.start) {
                *digit = b'0' + u8::try_from(number % 10).unwrap_or_default();
            }
            number /= 10;
            if number == 0 {
                return text;
            }
        }
    }

    pub(in crate::model) fn as_str(&self) -> &str {
        self.bytes.get(self.start..).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}
