//! The commits that came from the gateway, which are not sent back to it.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{RwLock, RwLockReadGuard};

/// The revisions of the commits of one index that the gateway reported, and a file with them.
///
/// A commit is in the feed before the task that made it can record it here. So a report is applied while the guard of
/// [`begin`](Self::begin) is held, and the queue waits in [`settle`](Self::settle) before it checks a commit: each
/// report whose commit it can see is recorded by then. The file is not synced: after a power cut the gateway may get
/// back what it reported in the last moments.
#[derive(Debug)]
pub(super) struct Reported {
    /// The identity of the index: another index of the same name has other revisions.
    identity: u64,
    going_on: RwLock<()>,
    noted: Mutex<Noted>,
}

#[derive(Debug)]
struct Noted {
    revisions: BTreeSet<u64>,
    file: File,
}

/// A report that is being applied.
#[derive(Debug)]
pub(crate) struct Report<'a> {
    reported: &'a Reported,
    _going_on: RwLockReadGuard<'a, ()>,
}

impl Reported {
    /// Reads the revisions after one from a file; forgets the others.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or written.
    pub(super) fn open(path: &Path, identity: u64, after: u64) -> Result<Self, String> {
        let noted = Noted::open(path, identity, after).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self { identity, going_on: RwLock::default(), noted: Mutex::new(noted) })
    }

    /// Begins a report. Reports do not wait for each other.
    pub(super) async fn begin(&self) -> Report<'_> {
        Report { _going_on: self.going_on.read().await, reported: self }
    }

    /// Waits until each report whose commit is in the feed is recorded.
    pub(super) async fn settle(&self) {
        drop(self.going_on.write().await);
    }

    /// Whether a commit came from a report.
    pub(super) fn has(&self, revision: u64) -> bool {
        self.lock().revisions.contains(&revision)
    }

    /// Forgets the revisions up to one, which are not needed any more.
    pub(super) fn forget(&self, up_to: u64) {
        let mut noted = self.lock();
        noted.revisions = noted.revisions.split_off(&up_to.saturating_add(1));
        if noted.revisions.is_empty()
            && let Err(error) = noted.file.set_len(0)
        {
            tracing::error!(%error, "what the upstream reported could not be forgotten");
        }
    }

    /// A panic never leaves the value in an intermediate state.
    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Report<'_> {
    /// Records the commit of the report.
    pub(crate) fn committed(&self, revision: u64) {
        let mut noted = self.reported.lock();
        noted.revisions.insert(revision);
        if let Err(error) = write_line(&mut noted.file, self.reported.identity, revision) {
            // After a restart the gateway gets back what it reported.
            tracing::error!(%error, "what the upstream reported could not be noted");
        }
    }
}

impl Noted {
    fn open(path: &Path, identity: u64, after: u64) -> io::Result<Self> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            text => text?,
        };
        // The report of an incomplete line was not answered.
        let lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n')?.split_once(' '));
        let own = lines.filter(|(index, _)| *index == format!("{identity:016x}"));
        let revisions = own.filter_map(|(_, revision)| revision.parse().ok()).filter(|revision| *revision > after);
        let revisions: BTreeSet<u64> = revisions.collect();
        let new = path.with_extension("reported-new");
        let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&new)?;
        file.set_len(0)?;
        for revision in &revisions {
            write_line(&mut file, identity, *revision)?;
        }
        fs::rename(new, path)?;
        Ok(Self { revisions, file })
    }
}

fn write_line(file: &mut File, identity: u64, revision: u64) -> io::Result<()> {
    file.write_all(format!("{identity:016x} {revision}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_was_reported_is_known_after_a_kill_until_it_is_forgotten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.reported");
        let reported = Reported::open(&path, 7, 0).unwrap();
        for revision in [3, 5, 9] {
            reported.begin().await.committed(revision);
        }
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"0000000000000007 1").unwrap();
        let again = Reported::open(&path, 7, 3).unwrap();
        let known = |reported: &Reported| (0..20).filter(|revision| reported.has(*revision)).collect::<Vec<_>>();
        assert_eq!(known(&again), [5, 9], "half a line and what is done are gone");
        again.forget(5);
        assert_eq!(known(&again), [9]);
        again.begin().await.committed(11);
        let again = Reported::open(&path, 7, 5).unwrap();
        assert_eq!(known(&again), [9, 11]);
        again.forget(11);
        assert_eq!(fs::read(&path).unwrap(), b"");
        again.begin().await.committed(12);
        assert_eq!(known(&Reported::open(&path, 7, 0).unwrap()), [12]);
        assert!(known(&Reported::open(&path, 8, 0).unwrap()).is_empty(), "of another index");
    }

    #[tokio::test]
    async fn the_queue_waits_for_reports_that_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let reported = Arc::new(Reported::open(&folder.path().join("x.reported"), 7, 0).unwrap());
        let one = reported.begin().await;
        let other = reported.begin().await;
        let settling = {
            let reported = Arc::clone(&reported);
            tokio::spawn(async move {
                reported.settle().await;
                (reported.has(1), reported.has(2))
            })
        };
        tokio::time::sleep(Duration::from_millis(20)).await;
        one.committed(1);
        drop(one);
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!settling.is_finished());
        other.committed(2);
        drop(other);
        assert_eq!(settling.await.unwrap(), (true, true));
    }
}
