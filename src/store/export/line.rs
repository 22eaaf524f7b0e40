//! The lines of an export.

use std::io::{BufRead, Read, Write};

use serde::{Deserialize, Serialize};

use crate::model::error::{Error, Result};
use crate::model::label::{Label, LabelPatch};
use crate::model::label_id::LabelId;

/// The number of the format that this version writes and reads.
pub(super) const VERSION: u64 = 1;

/// The most bytes of a line without its end, so that no input can fill the memory.
pub(super) const MAX_LEN: usize = 1 << 20;

/// The first line. Other versions may add fields to it, so unknown fields are ignored.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Opening {
    pub(super) export: Version,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Version {
    pub(super) version: u64,
}

/// Every other line, in their order.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Line {
    Instance { name: String, revision: u64, refreshed: Option<u64>, highest_label_id: u32 },
    Label(ExportedLabel),
    DeletedLabel { id: String },
    Alias { from: String, into: String },
    Chat { id: String, labels: Vec<String> },
    InstanceEnd(Counts),
    ExportEnd { instances: u64 },
}

/// A label with its attributes; absent ones are written as null.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExportedLabel {
    pub(super) id: String,
    name: Option<String>,
    color: Option<i32>,
    position: Option<i32>,
}

impl From<&Label> for ExportedLabel {
    fn from(label: &Label) -> Self {
        let LabelPatch { name, color, position } = label.attributes();
        Self {
            id: label.id().to_string(),
            name: name.as_ref().map(ToString::to_string),
            color: *color,
            position: *position,
        }
    }
}

impl ExportedLabel {
    pub(super) fn into_parts(self) -> Result<(LabelId, LabelPatch)> {
        let Self { id, name, color, position } = self;
        let name = name.map(|name| name.parse()).transpose()?;
        Ok((id.parse()?, LabelPatch { name, color, position }))
    }
}

/// The counts at the end of an instance.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) labels: u64,
    pub(super) deleted_labels: u64,
    pub(super) aliases: u64,
    pub(super) chats: u64,
    pub(super) rows: u64,
}

/// The error for a line that no export has at this position.
pub(super) fn invalid(value: &str, what: impl Into<String>) -> Error {
    Error::InvalidExport { value: Error::excerpt(value), what: what.into() }
}

fn stream(cause: &std::io::Error) -> Error {
    Error::Stream { cause: cause.to_string() }
}

/// The parser's error for one line. It may quote much of the line, and always names line 1.
fn explained(cause: &serde_json::Error) -> String {
    let (text, column) = (cause.to_string(), cause.column());
    let text = text.strip_suffix(&format!(" at line 1 column {column}")).unwrap_or(&text);
    format!("column {column}: {}", Error::excerpt(text))
}

/// Writes lines.
pub(super) struct LineWriter<W>(pub(super) W);

impl<W: Write> LineWriter<W> {
    pub(super) fn put(&mut self, line: &impl Serialize) -> Result<()> {
        serde_json::to_writer(&mut self.0, line).map_err(|cause| stream(&cause.into()))?;
        self.0.write_all(b"\n").map_err(|cause| stream(&cause))
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.0.flush().map_err(|cause| stream(&cause))
    }
}

/// Reads lines, none longer than [`MAX_LEN`].
pub(super) struct LineReader<R> {
    input: R,
    bytes: Vec<u8>,
    /// The number of the line that was read last, counted from 1.
    number: u64,
}

impl<R: BufRead> LineReader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, bytes: Vec::new(), number: 0 }
    }

    /// The next line, or none at the end of the input.
    pub(super) fn next<T: for<'de> Deserialize<'de>>(&mut self) -> Result<Option<T>> {
        self.bytes.clear();
        self.number += 1;
        let most = u64::try_from(MAX_LEN + 1).unwrap_or(u64::MAX);
        let read = self.input.by_ref().take(most).read_until(b'\n', &mut self.bytes);
        if read.map_err(|cause| stream(&cause))? == 0 {
            return Ok(None);
        }
        let line = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        if line.len() > MAX_LEN {
            return Err(self.invalid(format!("a line of more than {MAX_LEN} bytes")));
        }
        serde_json::from_slice(line).map(Some).map_err(|cause| self.invalid(explained(&cause)))
    }

    /// The error for a fault in the line that was read last.
    pub(super) fn invalid(&self, what: impl Into<String>) -> Error {
        // Enough for the part that an error keeps, even if every character takes four bytes.
        let start = self.bytes.get(..1_024).unwrap_or(&self.bytes);
        invalid(String::from_utf8_lossy(start).trim_end(), what)
    }

    /// The error with the number of that line.
    pub(super) fn at_line(&self, cause: Error) -> Error {
        Error::ImportRefused { line: self.number, cause: Box::new(cause) }
    }
}
