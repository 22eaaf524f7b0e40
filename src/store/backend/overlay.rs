//! A file that can be written without changing it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Bound;

use redb::{BackendError, StorageBackend};

use crate::collections::number::to_u64;
use crate::index::sync::Mutex;

/// Bytes in a block.
const BLOCK: usize = 4096;

/// A file, and copies of the blocks that were written: the database may repair what it reads, and the file stays
/// unchanged.
#[derive(Debug)]
pub(crate) struct Overlay(Mutex<Inner>);

#[derive(Debug)]
struct Inner {
    file: File,
    /// The length of the file, up to the part that was cut off.
    file_len: u64,
    len: u64,
    blocks: BTreeMap<u64, Vec<u8>>,
}

impl Overlay {
    pub(crate) fn new(file: File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        Ok(Self(Mutex::new(Inner { file, file_len: len, len, blocks: BTreeMap::new() })))
    }
}

impl Inner {
    /// The bytes of a block as they are now.
    fn block(&mut self, number: u64) -> io::Result<Vec<u8>> {
        if let Some(block) = self.blocks.get(&number) {
            return Ok(block.clone());
        }
        let mut block = vec![0; BLOCK];
        let start = number * to_u64(BLOCK);
        let there = usize::try_from(self.file_len.saturating_sub(start)).unwrap_or(BLOCK).min(BLOCK);
        if let Some(bytes) = block.get_mut(..there) {
            self.file.seek(SeekFrom::Start(start))?;
            self.file.read_exact(bytes)?;
        }
        Ok(block)
    }

    /// Calls with every block that a range touches: its number, where the range begins in it, and how many bytes of the
    /// range come before.
    fn each_block(
        offset: u64,
        len: usize,
        mut call: impl FnMut(u64, usize, usize) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut done = 0;
        while done < len {
            let at = offset + to_u64(done);
            let within = usize::try_from(at % to_u64(BLOCK)).unwrap_or(0);
            call(at / to_u64(BLOCK), within, done)?;
            done += BLOCK - within;
        }
        Ok(())
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.lock().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut inner = self.0.lock();
        if offset.checked_add(to_u64(out.len())).is_none_or(|end| end > inner.len) {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Inner::each_block(offset, out.len(), |number, within, done| {
            let block = inner.block(number)?;
            out.iter_mut().skip(done).zip(block.iter().skip(within)).for_each(|(byte, &read)| *byte = read);
            Ok(())
        })
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut inner = self.0.lock();
        Inner::each_block(offset, data.len(), |number, within, done| {
            let mut block = inner.block(number)?;
            block.iter_mut().skip(within).zip(data.iter().skip(done)).for_each(|(byte, &written)| *byte = written);
            inner.blocks.insert(number, block);
            Ok(())
        })?;
        inner.len = inner.len.max(offset.saturating_add(to_u64(data.len())));
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut inner = self.0.lock();
        if len < inner.len {
            // Bytes that were cut off are zeros if the file grows again.
            let (kept, within) = (len / to_u64(BLOCK), usize::try_from(len % to_u64(BLOCK)).unwrap_or(0));
            let mut last = inner.block(kept)?;
            last.iter_mut().skip(within).for_each(|byte| *byte = 0);
            inner.blocks.split_off(&kept);
            inner.blocks.insert(kept, last);
            inner.file_len = inner.file_len.min(len);
        }
        inner.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    // The folder is locked, and the written blocks are in memory only.

    fn try_lock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<bool, BackendError> {
        Ok(true)
    }

    fn unlock_range(&self, _: Bound<u64>, _: Bound<u64>) -> Result<(), BackendError> {
        Ok(())
    }
}
