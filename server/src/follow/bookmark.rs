//! The stored position of the events of an instance at a receiver.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use label_index::Position;
use reqwest::Url;
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

/// A file with the position of the last commit whose events were taken or given up.
#[derive(Debug)]
pub(crate) struct Bookmark {
    file: PathBuf,
}

impl Bookmark {
    /// The file of a receiver's address and an instance. Its name is a digest: addresses may hold secrets, and names anything.
    pub(crate) fn new(folder: &Path, url: &Url, instance: &str) -> Self {
        let digest = Sha256::new().chain_update(url.as_str()).chain_update([0]).chain_update(instance).finalize();
        let name: String = hex::encode(digest).chars().take(32).collect();
        Self { file: folder.join(name).with_extension("position") }
    }

    /// The position; `None` if there is none yet.
    ///
    /// # Errors
    ///
    /// When there is a file that cannot be read.
    pub(crate) fn read(&self) -> Result<Option<String>, String> {
        match fs::read(&self.file) {
            Ok(text) => Ok(Some(String::from_utf8_lossy(&text).into_owned())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.says(&error)),
        }
    }

    /// Stores the first position, so that it survives a power cut.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub(crate) fn create(&self, position: Position) -> Result<(), String> {
        let created = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&self.file);
        let created = created.and_then(|mut file| {
            writeln!(file, "{position}")?;
            file.sync_all()
        });
        let synced = created.and_then(|()| match self.file.parent() {
            Some(folder) => File::open(folder)?.sync_all(),
            None => Ok(()),
        });
        synced.map_err(|error| self.says(&error))
    }

    /// Replaces the position as a whole. After a kill, the file has this position or the one before; after a power cut
    /// perhaps an older one, from which events are delivered again.
    ///
    /// # Errors
    ///
    /// When it cannot be written; the position before stays.
    pub(crate) async fn advance(&self, position: Position) -> io::Result<()> {
        let new = self.file.with_extension("new");
        let mut file = tokio::fs::OpenOptions::new();
        let mut file = file.write(true).create(true).truncate(true).mode(0o600).open(&new).await?;
        file.write_all(format!("{position}\n").as_bytes()).await?;
        file.flush().await?;
        tokio::fs::rename(&new, &self.file).await
    }

    /// A file next to this one, for other data of the same receiver and instance.
    pub(crate) fn sibling(&self, extension: &str) -> PathBuf {
        self.file.with_extension(extension)
    }

    fn says(&self, error: &io::Error) -> String {
        format!("{}: {error}", self.file.display())
    }
}
