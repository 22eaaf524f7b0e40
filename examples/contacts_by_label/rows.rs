//! The rows of the CSV file.

use std::io::BufRead;

use csv::{ByteRecord, Reader, ReaderBuilder, Terminator};

use crate::input_error::InputError;
use crate::lines::Lines;

/// Reads rows of two columns, after the header.
pub(crate) struct Rows<R> {
    reader: Reader<Lines<R>>,
    record: ByteRecord,
}

/// One row, and the physical line on which it stands.
pub(crate) struct Row<'a> {
    pub(crate) line: u64,
    pub(crate) chat: &'a str,
    pub(crate) label: &'a str,
}

impl<R: BufRead> Rows<R> {
    const COLUMNS: [&'static str; 2] = ["chat", "label"];

    /// Reads the header.
    pub(crate) fn new(input: R) -> Result<Self, InputError> {
        let reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .terminator(Terminator::Any(b'\n'))
            .from_reader(Lines::new(input));
        let mut rows = Self { reader, record: ByteRecord::new() };
        let header = rows.read()?;
        let line = rows.reader.get_ref().number();
        if !header {
            return Err(InputError::at(line, &"empty, expected the header chat,label"));
        }
        if !rows.record.iter().eq(Self::COLUMNS.map(str::as_bytes)) {
            return Err(InputError::at(line, &"expected the header chat,label"));
        }
        Ok(rows)
    }

    pub(crate) fn next(&mut self) -> Result<Option<Row<'_>>, InputError> {
        if !self.read()? {
            return Ok(None);
        }
        let line = self.reader.get_ref().number();
        let (Some(chat), Some(label), 2) = (self.record.get(0), self.record.get(1), self.record.len()) else {
            let found = self.record.len();
            return Err(InputError::at(line, &format_args!("expected 2 columns, chat and label, found {found}")));
        };
        let [chat, label] = [(chat, "chat"), (label, "label")].map(|(field, column)| {
            std::str::from_utf8(field)
                .map_err(|_| InputError::at(line, &format_args!("invalid UTF-8 in column {column}")))
        });
        Ok(Some(Row { line, chat: chat?, label: label? }))
    }

    fn read(&mut self) -> Result<bool, InputError> {
        if !self.reader.get_mut().advance()? {
            return Ok(false);
        }
        let line = self.reader.get_ref().number();
        self.reader.read_byte_record(&mut self.record).map_err(|error| InputError::at(line, &error))
    }
}
