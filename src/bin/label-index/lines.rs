//! The physical lines of the input.

use std::io::{self, BufRead, Read};

use crate::input_error::InputError;

/// Reads lines one at a time, each of at most a mebibyte, so that no input can fill the memory.
pub(crate) struct Lines<R> {
    input: R,
    /// The present line, and its end while it is being read.
    line: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// The most bytes of a line without its end.
    const MAX_LEN: usize = 1 << 20;

    pub(crate) fn new(input: R) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// The number of the present line, counted from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The present line without its end; as far as it was read if it is refused.
    pub(crate) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Goes to the next line that is not blank; false at the end of the input.
    pub(crate) fn advance(&mut self) -> Result<bool, InputError> {
        while self.read_line()? {
            if self.line.iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_line(&mut self) -> Result<bool, InputError> {
        const LINE_END: &[u8] = b"\r\n";

        self.line.clear();
        self.number += 1;
        let most = Self::MAX_LEN + LINE_END.len();
        let read = self.input.by_ref().take(u64::try_from(most).unwrap_or(u64::MAX)).read_until(b'\n', &mut self.line);
        if read.map_err(|error| InputError::at(self.number, &reason(&error)))? == 0 {
            return Ok(false);
        }
        if self.number == 1 {
            let mark = self.line.len() - without_mark(&self.line).len();
            self.line.drain(..mark);
        }
        let text = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let len = text.strip_suffix(b"\r").unwrap_or(text).len();
        self.line.truncate(len);
        if len > Self::MAX_LEN {
            return Err(InputError::at(self.number, &format_args!("a line of more than {} bytes", Self::MAX_LEN)));
        }
        Ok(true)
    }
}

/// A line without the mark that some programs begin a file with.
pub(crate) fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the gzip data ends too early".to_owned(),
        _ => format!("cannot read: {error}"),
    }
}
