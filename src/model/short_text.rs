//! Short texts on the stack.

/// A text of at most 32 bytes: a number, and what follows it.
///
/// A formatter would be called through a table for each part, and an answer has hundreds of ids.
pub(in crate::model) struct ShortText {
    bytes: [u8; 32],
    len: usize,
}

impl ShortText {
    /// Both together have at most 32 bytes: a number has at most 20.
    pub(in crate::model) fn new(number: u64, suffix: &str) -> Self {
        let mut text = Self { bytes: [0; 32], len: 0 };
        text.push(itoa::Buffer::new().format(number));
        text.push(suffix);
        text
    }

    fn push(&mut self, part: &str) {
        let end = self.len.saturating_add(part.len());
        if let Some(room) = self.bytes.get_mut(self.len..end) {
            room.copy_from_slice(part.as_bytes());
            self.len = end;
        }
    }

    pub(in crate::model) fn as_str(&self) -> &str {
        self.bytes.get(..self.len).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}
