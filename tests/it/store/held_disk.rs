//! A disk in memory, the syncs of which a test holds back and permits one by one.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use redb::StorageBackend;

/// The disk of one store. Clones are the same disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct HeldDisk(Arc<(Mutex<Inner>, Condvar)>);

#[derive(Debug, Default)]
struct Inner {
    bytes: Vec<u8>,
    /// The number of completed syncs.
    syncs: usize,
    /// The number of permitted syncs; `None` if syncs need no permission.
    permits: Option<usize>,
    /// Whether a sync is waiting for permission.
    is_waiting: bool,
}

impl HeldDisk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.0.lock().unwrap()
    }

    fn wait_until(&self, is_so: impl Fn(&Inner) -> bool) -> MutexGuard<'_, Inner> {
        self.0.1.wait_while(self.lock(), |inner| !is_so(inner)).unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.lock());
        self.0.1.notify_all();
    }

    /// The number of completed syncs.
    pub(crate) fn syncs(&self) -> usize {
        self.lock().syncs
    }

    /// From now on every sync waits for permission.
    pub(crate) fn hold(&self) {
        self.change(|inner| inner.permits = Some(0));
    }

    /// Waits until a sync is waiting.
    pub(crate) fn await_sync(&self) {
        drop(self.wait_until(|inner| inner.is_waiting));
    }

    /// Permits one sync, and waits until it is completed.
    pub(crate) fn permit_one(&self) {
        let before = self.syncs();
        self.change(|inner| inner.permits = Some(1));
        drop(self.wait_until(|inner| inner.syncs > before));
    }

    /// From now on no sync waits.
    pub(crate) fn release(&self) {
        self.change(|inner| inner.permits = None);
    }
}

impl StorageBackend for HeldDisk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let inner = self.lock();
        out.copy_from_slice(inner.bytes.get(start..start + out.len()).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.lock().bytes.resize(usize::try_from(len).map_err(io::Error::other)?, 0);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.change(|inner| inner.is_waiting = true);
        let mut inner = self.wait_until(|inner| inner.permits != Some(0));
        inner.permits = inner.permits.map(|permits| permits - 1);
        inner.is_waiting = false;
        inner.syncs += 1;
        drop(inner);
        self.0.1.notify_all();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        self.lock().bytes[start..start + data.len()].copy_from_slice(data);
        Ok(())
    }
}
