//! What no webhook took, in a file for the operator.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;

/// A file to which deliveries are added, one a line: they can be posted again as they are.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    file: Arc<Mutex<PathBuf>>,
}

impl DeadLetters {
    pub(crate) fn new(file: PathBuf) -> Self {
        Self { file: Arc::new(Mutex::new(file)) }
    }

    /// Adds a delivery, and waits until it is on disk.
    ///
    /// # Errors
    ///
    /// When it cannot be written; it is not given up then.
    pub(crate) async fn add(&self, webhook: &str, id: &str, cause: &str, body: &str) -> io::Result<()> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let line = json!({ "at": at, "webhook": webhook, "id": id, "cause": cause, "body": body });
        let file = Arc::clone(&self.file);
        let added = tokio::task::spawn_blocking(move || {
            let file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&*file)?;
            file.write_all(format!("{line}\n").as_bytes())?;
            file.sync_data()
        });
        added.await.map_err(io::Error::other)?
    }
}
