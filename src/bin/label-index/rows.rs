//! The rows of the CSV file.

use std::borrow::Cow;
use std::io::Read;

use memchr::memchr2;

use crate::delimiter::Delimiter;
use crate::fields::Fields;
use crate::input_error::InputError;
use crate::lines::{Lines, without_mark};

/// Reads rows of two columns after the header. Each row is one line.
pub(crate) struct Rows<R> {
    lines: Lines<R>,
    delimiter: u8,
    /// The line of the header.
    header: Vec<u8>,
}

/// One row and its physical line.
pub(crate) struct Row<'a> {
    pub(crate) line: u64,
    pub(crate) chat: Cow<'a, str>,
    pub(crate) label: Cow<'a, str>,
}

impl<R: Read> Rows<R> {
    const COLUMNS: [&'static str; 2] = ["chat", "label"];

    /// Reads the header.
    pub(crate) fn new(input: R, delimiter: Delimiter) -> Result<Self, InputError> {
        let mut lines = Lines::new(input);
        let read = lines.advance();
        let line = lines.number();
        if let Some(found) = other_encoding(lines.line()) {
            return Err(InputError::at(line, &found));
        }
        let expected = Self::COLUMNS.join(char::from(delimiter.byte()).encode_utf8(&mut [0; 4]));
        let header = lines.line().to_vec();
        if !read? {
            return Err(InputError::at(line, &format_args!("empty, expected the header {expected}")));
        }
        if !is_header(&header, delimiter) {
            let found = match Delimiter::USUAL.into_iter().find(|&other| is_header(&header, other)) {
                Some(other) => format!("columns are separated by {other}, see --delimiter"),
                None => format!("expected the header {expected}"),
            };
            return Err(InputError::at(line, &found));
        }
        Ok(Self { lines, delimiter: delimiter.byte(), header })
    }

    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, InputError> {
        loop {
            if !self.lines.advance()? {
                return Ok(None);
            }
            // Concatenated files, compressed or not, each have a header.
            if without_mark(self.lines.line()) != self.header {
                break;
            }
        }
        let line = self.lines.number();
        let refused = |reason: &str| InputError::at(line, &reason);
        let text = self.text()?;
        if let Some((chat, label)) = plain(text, self.delimiter) {
            return Ok(Some(Row { line, chat: Cow::Borrowed(chat), label: Cow::Borrowed(label) }));
        }
        let mut fields = Fields::new(text, self.delimiter);
        let mut next = || fields.next().transpose().map_err(refused);
        let (chat, label) = (next()?, next()?);
        let mut more = 0;
        while next()?.is_some() {
            more += 1;
        }
        match (chat, label, more) {
            (Some(chat), Some(label), 0) => Ok(Some(Row { line, chat, label })),
            (_, label, more) => {
                let found = 1 + usize::from(label.is_some()) + more;
                Err(refused(&format!("expected 2 columns, chat and label, found {found}")))
            }
        }
    }

    /// The current line as text.
    fn text(&self) -> Result<&str, InputError> {
        std::str::from_utf8(self.lines.line()).map_err(|error| {
            let before = self.lines.line().get(..error.valid_up_to()).unwrap_or_default();
            let before = String::from_utf8_lossy(before);
            let column = if Fields::new(&before, self.delimiter).count() < 2 { "chat" } else { "label" };
            InputError::at(self.lines.number(), &format_args!("invalid UTF-8 in column {column}"))
        })
    }
}

/// The two fields of a line without quotes, the usual case.
fn plain(line: &str, delimiter: u8) -> Option<(&str, &str)> {
    let end = memchr2(delimiter, b'"', line.as_bytes())?;
    let (chat, label) = (line.get(..end)?, line.get(end + 1..)?);
    let is_plain = line.as_bytes().get(end) == Some(&delimiter) && memchr2(delimiter, b'"', label.as_bytes()).is_none();
    is_plain.then_some((chat, label))
}

fn is_header(line: &[u8], delimiter: Delimiter) -> bool {
    let text = std::str::from_utf8(line).unwrap_or_default();
    Fields::new(text, delimiter.byte()).eq(Rows::<&[u8]>::COLUMNS.map(|column| Ok(Cow::Borrowed(column))))
}

/// Recognises from the first line input that is not UTF-8 text.
fn other_encoding(line: &[u8]) -> Option<&'static str> {
    match line {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..] => Some("looks like UTF-16, expected UTF-8"),
        [b'P', b'K', 3, 4, ..] => Some("looks like a ZIP archive or a spreadsheet, expected CSV"),
        _ if line.trim_ascii_end().contains(&b'\r') => Some("lines end in CR alone, expected LF or CRLF"),
        _ => None,
    }
}
