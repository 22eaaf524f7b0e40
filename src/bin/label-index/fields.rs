//! The fields of one line of CSV.

use std::borrow::Cow;

use memchr::{memchr, memchr2};

/// Splits a line at its delimiter by the rules of RFC 4180: a field is quoted as a whole or not at all, and a quote inside
/// a quoted field is written twice.
///
/// The crate `csv` accepts other uses of quotes and changes the text: `"a"b` becomes `ab`. Here they are errors, and end
/// the iteration.
pub(crate) struct Fields<'a> {
    /// The rest of the line that is not split yet; `None` after the last field.
    rest: Option<&'a str>,
    delimiter: u8,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(line: &'a str, delimiter: u8) -> Self {
        Self { rest: Some(line), delimiter }
    }

    /// Returns the text before a position, and keeps what follows the delimiter at that position.
    fn split(&mut self, text: &'a str, end: usize, behind: usize) -> &'a str {
        self.rest = text.get(behind..);
        text.get(..end).unwrap_or(text)
    }

    /// Parses a field after its opening quote.
    fn quoted(&mut self, text: &'a str) -> Result<Cow<'a, str>, &'static str> {
        let (mut from, mut doubled) = (0, false);
        loop {
            let quote = text.as_bytes().get(from..).and_then(|rest| memchr(b'"', rest));
            let end = from + quote.ok_or("a quote is not closed on its line")?;
            match text.as_bytes().get(end + 1) {
                Some(b'"') => (from, doubled) = (end + 2, true),
                None => return Ok(unquoted(self.split(text, end, usize::MAX), doubled)),
                Some(&byte) if byte == self.delimiter => return Ok(unquoted(self.split(text, end, end + 2), doubled)),
                Some(_) => {
                    return Err("a quoted field goes on behind its closing quote; a quote inside is written twice");
                }
            }
        }
    }

    /// Parses a field that does not begin with a quote.
    fn bare(&mut self, text: &'a str) -> Result<Cow<'a, str>, &'static str> {
        match memchr2(self.delimiter, b'"', text.as_bytes()) {
            None => Ok(Cow::Borrowed(text)),
            Some(end) if text.as_bytes().get(end) == Some(&b'"') => {
                Err("a quote in a field that does not begin with one; such a field is quoted as a whole")
            }
            Some(end) => Ok(Cow::Borrowed(self.split(text, end, end + 1))),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Cow<'a, str>, &'static str>;

    fn next(&mut self) -> Option<Self::Item> {
        let text = self.rest.take()?;
        Some(match text.strip_prefix('"') {
            Some(text) => self.quoted(text),
            None => self.bare(text),
        })
    }
}

fn unquoted(text: &str, doubled: bool) -> Cow<'_, str> {
    if doubled { Cow::Owned(text.replace("\"\"", "\"")) } else { Cow::Borrowed(text) }
}
