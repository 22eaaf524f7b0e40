//! The physical lines of the input.

use std::io::{self, Read};

use memchr::memchr;

use crate::input_error::InputError;

/// Reads lines one at a time, each of at most a mebibyte, so that no input can exhaust memory.
pub(crate) struct Lines<R> {
    input: R,
    /// The bytes that were read; a line is a slice of them.
    buffer: Vec<u8>,
    /// Start and end of the current line, without its line ending.
    line: (usize, usize),
    /// Start of the next line.
    next: usize,
    /// End of the bytes that were read.
    end: usize,
    number: u64,
}

impl<R: Read> Lines<R> {
    /// The maximum length of a line in bytes, without its line ending.
    const MAX_LEN: usize = 1 << 20;

    /// The bytes of one read.
    const READ: usize = 1 << 16;

    pub(crate) fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), line: (0, 0), next: 0, end: 0, number: 0 }
    }

    /// The number of the current line, counted from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The current line without its line ending. Of a line that is refused, only the part that was read.
    pub(crate) fn line(&self) -> &[u8] {
        self.buffer.get(self.line.0..self.line.1).unwrap_or_default()
    }

    /// Advances to the next line that is not blank. Returns false at the end of the input.
    pub(crate) fn advance(&mut self) -> Result<bool, InputError> {
        while self.read_line()? {
            if self.line().iter().any(|byte| !byte.is_ascii_whitespace()) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn read_line(&mut self) -> Result<bool, InputError> {
        const LINE_END: usize = b"\r\n".len();

        self.number += 1;
        let mut searched = 0;
        let end = loop {
            let unread = self.buffer.get(self.next..self.end).unwrap_or_default();
            if let Some(at) = unread.get(searched..).and_then(|rest| memchr(b'\n', rest)) {
                break self.next + searched + at;
            }
            searched = unread.len();
            if searched >= Self::MAX_LEN + LINE_END {
                break self.end;
            }
            if self.fill().map_err(|error| InputError::at(self.number, &reason(&error)))? == 0 {
                if searched == 0 {
                    self.line = (self.end, self.end);
                    return Ok(false);
                }
                break self.end;
            }
        };
        self.line = (self.next, end);
        self.next = self.end.min(end + 1);
        if self.line().ends_with(b"\r") {
            self.line.1 -= 1;
        }
        if self.number == 1 {
            self.line.0 = self.line.1 - without_mark(self.line()).len();
        }
        if self.line().len() > Self::MAX_LEN {
            return Err(InputError::at(self.number, &format_args!("a line of more than {} bytes", Self::MAX_LEN)));
        }
        Ok(true)
    }

    /// Reads more of the next line. Returns the number of bytes, 0 at the end of the input.
    fn fill(&mut self) -> io::Result<usize> {
        if self.next > 0 {
            self.buffer.copy_within(self.next..self.end, 0);
            (self.next, self.end) = (0, self.end - self.next);
        }
        self.buffer.resize(self.buffer.len().max(self.end + Self::READ), 0);
        loop {
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            match self.input.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                read => {
                    let read = read?;
                    self.end += read;
                    return Ok(read);
                }
            }
        }
    }
}

/// The line without a leading byte order mark.
pub(crate) fn without_mark(line: &[u8]) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "the gzip data ends too early".to_owned(),
        _ => format!("cannot read: {error}"),
    }
}
