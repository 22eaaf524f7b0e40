//! A disk in memory that outlives its store, fails at a chosen call, and forgets what was not synced.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use label_index::{Error, Store, StoreOptions};
use redb::StorageBackend;

use super::random::Random;

/// The bytes that every disk writes completely or not at all.
const SECTOR: usize = 512;

#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// The bytes that reads see.
    bytes: Vec<u8>,
    /// The bytes that survive a power cut in any case.
    synced: Vec<u8>,
    /// The changes since the last sync, in order.
    unsynced: Vec<Change>,
    /// Whether the last of these was cut short: it has not been read yet, and a power cut may leave all or a part of
    /// it.
    is_cut_short: bool,
    /// The number of calls since the disk was made or its power came back.
    calls: u64,
    syncs: usize,
    /// Bytes that were written.
    written: usize,
    trouble: Option<(u64, Trouble)>,
    ignores_syncs: bool,
}

/// The fault at a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// That call fails with this error of the system, and no other. If it writes, it does nothing.
    Once(i32),
    /// From that call on nothing can be written.
    Full,
    /// From that call on every call fails. If it writes, it may have been carried out in part.
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    Read,
    Write,
}

#[derive(Debug)]
enum Change {
    Write { offset: usize, data: Vec<u8> },
    Len(usize),
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Write { offset, data } => put(bytes, *offset, data),
            Self::Len(len) => bytes.resize(*len, 0),
        }
    }

    /// Carries out a part of the change: some bytes at its beginning or its end, or some sectors.
    fn tear(&self, bytes: &mut Vec<u8>, random: &mut Random) {
        let Self::Write { offset, data } = self else { return };
        let at = random.below(data.len() + 1);
        match random.below(3) {
            0 => put(bytes, *offset, &data[..at]),
            1 => put(bytes, offset + at, &data[at..]),
            _ => {
                let sectors = data.chunks(SECTOR).enumerate().filter(|_| random.one_in(2));
                sectors.for_each(|(number, sector)| put(bytes, offset + number * SECTOR, sector));
            }
        }
    }
}

fn put(bytes: &mut Vec<u8>, offset: usize, data: &[u8]) {
    bytes.resize(bytes.len().max(offset + data.len()), 0);
    bytes[offset..offset + data.len()].copy_from_slice(data);
}

impl Disk {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.lock().bytes.clone()
    }

    /// The bytes that would survive a power cut in any case.
    pub(crate) fn synced(&self) -> Vec<u8> {
        self.lock().synced.clone()
    }

    pub(crate) fn syncs(&self) -> usize {
        self.lock().syncs
    }

    /// The number of bytes that were written.
    pub(crate) fn written(&self) -> usize {
        self.lock().written
    }

    /// Opens a store on this disk, which it can open again to resume.
    pub(crate) fn open(&self, options: StoreOptions) -> Result<Store, Error> {
        let disk = self.clone();
        options.open_by(move || Ok(disk.clone()))
    }

    /// The number of calls so far.
    pub(crate) fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// Plans a fault at the call after `calls` others.
    pub(crate) fn trouble_after(&self, calls: u64, trouble: Trouble) {
        let mut inner = self.lock();
        inner.trouble = Some((inner.calls + calls, trouble));
    }

    /// Whether the planned fault has occurred.
    pub(crate) fn had_trouble(&self) -> bool {
        let inner = self.lock();
        inner.trouble.is_some_and(|(at, _)| inner.calls > at)
    }

    /// From now on reports syncs as done without doing them.
    pub(crate) fn ignore_syncs(&self) {
        self.lock().ignores_syncs = true;
    }

    /// Removes the fault. Nothing is lost, as when a process was killed and its machine was not. The call that was cut
    /// short was carried out or not, for reads and for the next sync alike.
    pub(crate) fn heal(&self) {
        let mut inner = self.lock();
        inner.trouble = None;
        if std::mem::take(&mut inner.is_cut_short)
            && let Some(last) = inner.unsynced.pop()
            && inner.calls.is_multiple_of(2)
        {
            last.apply(&mut inner.bytes);
            inner.unsynced.push(last);
        }
    }

    /// Cuts the power and restores it. Each change that was not synced is lost, or kept, or kept in part, independently
    /// of later ones; but of two changes of the same bytes the later one wins if both are kept, as in every cache.
    pub(crate) fn cut(&self, random: &mut Random) {
        let mut inner = self.lock();
        let Inner { synced, unsynced, .. } = &mut *inner;
        let (mut left, count) = (std::mem::take(synced), unsynced.len());
        // Either all changes up to one, which is torn; or a random selection, of few or of most changes.
        let up_to = random.one_in(2).then(|| random.below(count + 1));
        let (lost, torn) = (1 + random.below(8), 2 + random.below(8));
        for (number, change) in unsynced.drain(..).enumerate() {
            let (keep, tear) = match up_to {
                Some(last) => (number < last, number == last),
                None => (random.below(8) < lost, random.one_in(torn)),
            };
            if tear {
                change.tear(&mut left, random);
            } else if keep {
                change.apply(&mut left);
            }
        }
        *inner = Inner { bytes: left.clone(), synced: left, ignores_syncs: inner.ignores_syncs, ..Inner::default() };
    }
}

/// A disk with these bytes, synced.
impl From<Vec<u8>> for Disk {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Arc::new(Mutex::new(Inner { synced: bytes.clone(), bytes, ..Inner::default() })))
    }
}

impl Inner {
    /// Counts a call. Returns the error with which it fails, if it does.
    fn call(&mut self, kind: Call) -> io::Result<()> {
        let number = self.calls;
        self.calls += 1;
        match self.trouble {
            Some((at, Trouble::Off)) if number >= at => Err(io::Error::other("the power is off")),
            Some((at, Trouble::Full)) if number >= at && kind == Call::Write => Err(io::ErrorKind::StorageFull.into()),
            Some((at, Trouble::Once(code))) if number == at => Err(io::Error::from_raw_os_error(code)),
            _ => Ok(()),
        }
    }

    fn change(&mut self, change: Change) -> io::Result<()> {
        let cut_short = matches!(self.trouble, Some((at, Trouble::Off)) if at == self.calls);
        let called = self.call(Call::Write);
        if called.is_ok() {
            change.apply(&mut self.bytes);
        }
        if called.is_ok() || cut_short {
            self.unsynced.push(change);
            self.is_cut_short = cut_short;
        }
        called
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        let mut inner = self.lock();
        inner.call(Call::Read)?;
        Ok(inner.bytes.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut inner = self.lock();
        inner.call(Call::Read)?;
        let start = usize::try_from(offset).map_err(io::Error::other)?;
        let end = start.checked_add(out.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
        out.copy_from_slice(inner.bytes.get(start..end).ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let len = usize::try_from(len).map_err(io::Error::other)?;
        self.lock().change(Change::Len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut inner = self.lock();
        inner.call(Call::Write)?;
        inner.syncs += 1;
        if !inner.ignores_syncs {
            let Inner { synced, unsynced, .. } = &mut *inner;
            unsynced.drain(..).for_each(|change| change.apply(synced));
        }
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let mut inner = self.lock();
        inner.written += data.len();
        inner.change(Change::Write { offset, data: data.to_vec() })
    }
}
