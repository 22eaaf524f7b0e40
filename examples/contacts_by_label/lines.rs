//! The physical lines of the input, lent to the CSV parser one at a time.

use std::io::{self, BufRead, Read};

use crate::input_error::InputError;

/// Reads lines, and as a [`Read`] gives out the present one and no more.
///
/// So the parser never reads ahead: the number of the present line is the place of whatever it finds, and an open
/// quote is an error at the end of its line instead of swallowing the rest of the file.
pub(crate) struct Lines<R> {
    input: R,
    /// The present line, ended by one line feed.
    line: Vec<u8>,
    /// How much of it was given out.
    given: usize,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The most bytes of a line without its end, so that no input can fill the memory.
    const MAX_LEN: usize = 1 << 20;

    pub(crate) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), given: 0, number: 0 }
    }

    /// The number of the present line, counted from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Goes to the next line that is not blank; false at the end of the input.
    pub(crate) fn advance(&mut self) -> Result<bool, InputError> {
        while self.read_line()? {
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_line(&mut self) -> Result<bool, InputError> {
        const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
        const LINE_END: &[u8] = b"\r\n";

        self.line.clear();
        self.given = 0;
        self.number += 1;
        let most = Self::MAX_LEN + LINE_END.len();
        let read = self.input.by_ref().take(u64::try_from(most).unwrap_or(u64::MAX)).read_until(b'\n', &mut self.line);
        if read.map_err(|error| InputError::at(self.number, &reason(&error)))? == 0 {
            return Ok(false);
        }
        if self.number == 1 && self.line.starts_with(BYTE_ORDER_MARK) {
            self.line.drain(..BYTE_ORDER_MARK.len());
        }
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let len = text.strip_suffix(b"\r").unwrap_or(text).len();
        if len > Self::MAX_LEN {
            return Err(InputError::at(self.number, &format_args!("a line of more than {} bytes", Self::MAX_LEN)));
        }
        self.line.truncate(len);
        self.line.push(b'\n');
        Ok(true)
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the gzip data ends too early".to_owned(),
        _ => format!("cannot read: {error}"),
    }
}

impl<R> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut rest = self.line.get(self.given..).unwrap_or_default();
        if rest.is_empty() {
            return Err(io::Error::other("a quote is not closed on its line"));
        }
        let given = rest.read(buffer)?;
        self.given += given;
        Ok(given)
    }
}
