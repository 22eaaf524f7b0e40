//! A file whose bytes are remembered by checksum while it is open.

use std::io;
use std::ops::Bound;
// Not those of `sync`: the database holds locks of its own while it reads and writes.
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use hashbrown::HashMap;
use redb::{BackendError, StorageBackend};
use twox_hash::XxHash3_64;

use crate::collections::number::to_u64;

/// Bytes of a block. The database reads and writes pages of this length or a multiple.
const BLOCK: usize = 4096;

/// The database reads the bytes that it wrote, or that it read before: a block that another program has overwritten
/// since is an error, since the database does not check its own checksums when it reads. Some 24 bytes for each block
/// that was read or written.
#[derive(Debug)]
pub(super) struct Checksums<B> {
    /// None once the file is closed under a database that was given up and is never dropped.
    inner: Arc<RwLock<Option<B>>>,
    known: Mutex<HashMap<u64, u64>>,
}

fn closed() -> io::Error {
    io::Error::other("the database was given up")
}

impl<B: StorageBackend> Checksums<B> {
    pub(super) fn new(inner: B) -> Self {
        Self { inner: Arc::new(RwLock::new(Some(inner))), known: Mutex::default() }
    }

    /// Closes the file, even if others still hold this.
    pub(super) fn closer(&self) -> impl Fn() + Send + Sync + use<B> {
        let inner = Arc::clone(&self.inner);
        move || drop(inner.write().unwrap_or_else(PoisonError::into_inner).take())
    }

    fn with<T, E: From<io::Error>>(&self, call: impl FnOnce(&B) -> Result<T, E>) -> Result<T, E> {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        inner.as_ref().map_or_else(|| Err(closed().into()), call)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<u64, u64>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The whole blocks of a range, and the numbers of all blocks that it touches.
fn blocks(offset: u64, bytes: &[u8]) -> (impl Iterator<Item = (u64, &[u8])>, std::ops::Range<u64>) {
    let block = to_u64(BLOCK);
    let end = offset.saturating_add(to_u64(bytes.len()));
    let skipped = usize::try_from(offset.next_multiple_of(block) - offset).unwrap_or(usize::MAX);
    let whole = bytes.get(skipped..).unwrap_or_default().chunks_exact(BLOCK);
    ((offset.div_ceil(block)..).zip(whole), offset / block..end.div_ceil(block))
}

impl<B: StorageBackend> StorageBackend for Checksums<B> {
    fn len(&self) -> io::Result<u64> {
        self.with(B::len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.with(|inner| inner.read(offset, out))?;
        let mut known = self.known();
        for (number, block) in blocks(offset, out).0 {
            let checksum = XxHash3_64::oneshot(block);
            if *known.entry(number).or_insert(checksum) != checksum {
                let what = format!("bytes {} and on were changed by somebody else", number * to_u64(BLOCK));
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut known = self.known();
        let (whole, touched) = blocks(offset, data);
        for number in touched {
            known.remove(&number);
        }
        self.with(|inner| inner.write(offset, data))?;
        known.extend(whole.map(|(number, block)| (number, XxHash3_64::oneshot(block))));
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut known = self.known();
        let kept = len / to_u64(BLOCK);
        known.retain(|&number, _| number < kept);
        self.with(|inner| inner.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with(B::sync_data)
    }

    fn close(&self) -> io::Result<()> {
        self.with(B::close)
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.with(|inner| inner.try_lock_range(start, end))
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.with(|inner| inner.try_lock_shared_range(start, end))
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.with(|inner| inner.lock_range(start, end))
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.with(|inner| inner.lock_shared_range(start, end))
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.with(|inner| inner.unlock_range(start, end))
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.with(|inner| inner.query_lock_range(start, end))
    }
}
