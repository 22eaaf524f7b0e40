//! A disk in memory that outlives its store, fails at a chosen call, and forgets what was not synced.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use label_index::{Error, Store, StoreOptions};
use redb::StorageBackend;

use super::random::Random;

/// What a disk writes whole or not at all, if nothing else is known of it.
const SECTOR: usize = 512;

#[derive(Debug, Clone, Default)]
pub(crate) struct Disk(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    /// What is read.
    bytes: Vec<u8>,
    /// What a power cut leaves in any case.
    synced: Vec<u8>,
    /// What was done since, in order.
    unsynced: Vec<Change>,
    /// Whether the last of these was cut short: nobody has read it yet, and a power cut may leave all of it, or a part.
    is_cut_short: bool,
    /// Calls since the disk was made or the power came back.
    calls: u64,
    syncs: usize,
    /// Bytes that were written.
    written: usize,
    trouble: Option<(u64, Trouble)>,
    ignores_syncs: bool,
}

/// What goes wrong at a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Trouble {
    /// That call fails with this error of the system, and no other. If it writes, it does nothing.
    Once(i32),
    /// From there on nothing can be written.
    Full,
    /// From there on every call fails. If it writes, it may have been carried out in part.
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

    /// Carries out a part: some bytes from the beginning, or from the end, or some sectors.
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

    /// What a power cut would leave in any case.
    pub(crate) fn synced(&self) -> Vec<u8> {
        self.lock().synced.clone()
    }

    pub(crate) fn syncs(&self) -> usize {
        self.lock().syncs
    }

    /// How many bytes were written.
    pub(crate) fn written(&self) -> usize {
        self.lock().written
    }

    /// Opens a store here, which can open the disk again.
    pub(crate) fn open(&self, options: StoreOptions) -> Result<Store, Error> {
        let disk = self.clone();
        options.open_by(move || Ok(disk.clone()))
    }

    /// How many calls there were.
    pub(crate) fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// Plans trouble at the call after so many others.
    pub(crate) fn trouble_after(&self, calls: u64, trouble: Trouble) {
        let mut inner = self.lock();
        inner.trouble = Some((inner.calls + calls, trouble));
    }

    /// Whether trouble came.
    pub(crate) fn had_trouble(&self) -> bool {
        let inner = self.lock();
        inner.trouble.is_some_and(|(at, _)| inner.calls > at)
    }

    /// From now on says that it synced, and did not.
    pub(crate) fn ignore_syncs(&self) {
        self.lock().ignores_syncs = true;
    }

    /// Ends trouble, planned or come. Nothing is lost: this is a process that died on a machine that did not. The call that was
    /// cut short was carried out or not, in memory and for the next sync alike.
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

    /// Cuts the power and brings it back. Each change that was not synced is lost, or there, or there in part. Others
    /// that came later may be there all the same; but of two to the same bytes the later one stays the later one, as in
    /// every cache.
    pub(crate) fn cut(&self, random: &mut Random) {
        let mut inner = self.lock();
        let Inner { synced, unsynced, .. } = &mut *inner;
        let (mut left, count) = (std::mem::take(synced), unsynced.len());
        // Everything up to some change, which is torn; or everything in a mixture that is mostly lost, or mostly not.
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
    /// Counts a call. Says what stops it, if anything does.
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
