//! Writing to standard output and standard error.

use std::io::{self, BufWriter, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Prints to standard output. A reader that closes the pipe early, such as `head`, is no error.
pub(crate) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    match write(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        printed => printed.map_err(Failure::Output),
    }
}

/// Writes a line of JSON.
pub(crate) fn json(out: &mut dyn Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    writeln!(out)
}

/// Reports on standard error how many rows are durable, if that is open.
pub(crate) fn tell_committed(rows: u64) {
    let mut out = io::stderr().lock();
    let _ = writeln!(out, "committed {rows}").and_then(|()| out.flush());
}

/// A writer that keeps the error of the writer below it, of which an export gives only the text.
pub(crate) struct Remembering<'a> {
    out: &'a mut dyn Write,
    refused: io::Result<()>,
}

impl<'a> Remembering<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, refused: Ok(()) }
    }

    /// The first error of the writer.
    pub(crate) fn refused(self) -> io::Result<()> {
        self.refused
    }

    fn remembered<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        result.map_err(|error| {
            let kind = error.kind();
            self.refused = Err(error);
            kind.into()
        })
    }
}

impl Write for Remembering<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes);
        self.remembered(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.out.flush();
        self.remembered(flushed)
    }
}
