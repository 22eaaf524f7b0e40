//! The source of the CSV text: a file, standard input or the sample.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use indicatif::{ProgressBar, ProgressFinish, ProgressStyle};

use crate::delimiter::Delimiter;
use crate::failure::Failure;
use crate::input_error::InputError;
use crate::rows::Rows;
use crate::sample;

pub(crate) enum Source<'a> {
    Sample,
    StandardInput,
    File(&'a Path),
}

/// How progress is shown on a terminal.
#[derive(Clone, Copy)]
pub(crate) enum Progress {
    /// By a progress bar, if the file is large.
    Bar,
    /// By the caller.
    Elsewhere,
}

impl<'a> Source<'a> {
    /// The bytes of a file from which on progress is shown.
    const LARGE: u64 = 4 << 20;

    /// The bytes of one read.
    const BUFFER: usize = 1 << 16;

    pub(crate) fn of(argument: Option<&'a Path>) -> Self {
        match argument {
            None => Self::Sample,
            Some(path) if path.as_os_str() == "-" => Self::StandardInput,
            Some(path) => Self::File(path),
        }
    }

    /// Its name in errors.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Sample => sample::NAME.to_owned(),
            Self::StandardInput => "<stdin>".to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// Opens it as CSV, and reads the header.
    pub(crate) fn rows(&self, progress: Progress, delimiter: Delimiter) -> Result<Rows<Box<dyn BufRead>>, Failure> {
        let rows = self.open(progress).and_then(|input| Rows::new(input, delimiter));
        rows.map_err(|error| Failure::input(&self.name(), error))
    }

    /// Opens it, and decompresses gzip.
    pub(crate) fn open(&self, progress: Progress) -> Result<Box<dyn BufRead>, InputError> {
        let input: Box<dyn Read> = match self {
            Self::Sample => Box::new(sample::TEXT.as_bytes()),
            Self::StandardInput => Box::new(io::stdin().lock()),
            Self::File(path) => open_file(path, progress).map_err(|error| InputError::whole(&error))?,
        };
        unpacked(input).map_err(|error| InputError::whole(&error))
    }
}

fn open_file(path: &Path, progress: Progress) -> io::Result<Box<dyn Read>> {
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    match progress {
        Progress::Bar if len >= Source::LARGE && io::stderr().is_terminal() => {}
        _ => return Ok(Box::new(file)),
    }
    let template = "{bar:40} {percent:>3} %  {bytes} of {total_bytes}  {bytes_per_sec}  {eta} left";
    let style = ProgressStyle::with_template(template).map_err(io::Error::other)?;
    let bar = ProgressBar::new(len).with_style(style).with_finish(ProgressFinish::AndClear);
    Ok(Box::new(bar.wrap_read(file)))
}

/// Recognises gzip by its first two bytes, with which no UTF-8 text begins.
fn unpacked(mut input: Box<dyn Read>) -> io::Result<Box<dyn BufRead>> {
    const GZIP: &[u8] = b"\x1f\x8b";

    let mut head = Vec::new();
    input.by_ref().take(2).read_to_end(&mut head)?;
    let packed = head == GZIP;
    let input = BufReader::with_capacity(Source::BUFFER, io::Cursor::new(head).chain(input));
    Ok(if packed {
        Box::new(BufReader::with_capacity(Source::BUFFER, MultiGzDecoder::new(input)))
    } else {
        Box::new(input)
    })
}
