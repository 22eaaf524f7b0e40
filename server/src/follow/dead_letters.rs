//! Deliveries that were given up, in a file for the operator.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::metrics::counter::Counter;
use serde::Serialize;
use serde_json::Value;

/// A file to which deliveries are added, one a line, in a form that can be sent again.
#[derive(Debug)]
pub(crate) struct DeadLetters {
    file: Arc<Mutex<PathBuf>>,
    added: Counter,
}

/// A line of the file.
#[derive(Debug, Serialize)]
struct Line<'a> {
    /// Seconds of Unix time.
    at: u64,
    id: &'a str,
    cause: &'a str,
    #[serde(flatten)]
    fields: &'a Value,
}

impl DeadLetters {
    /// A file, and the counter of the lines that this server adds.
    pub(crate) fn new(file: PathBuf, added: Counter) -> Self {
        Self { file: Arc::new(Mutex::new(file)), added }
    }

    /// Adds a delivery with fields of its own, and waits until it is on disk.
    ///
    /// # Errors
    ///
    /// When it cannot be written; the delivery is not given up then.
    pub(crate) async fn add(&self, id: &str, cause: &str, fields: &Value) -> io::Result<()> {
        let at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let line = serde_json::to_string(&Line { at, id, cause, fields }).map_err(io::Error::other)?;
        let file = Arc::clone(&self.file);
        let added = tokio::task::spawn_blocking(move || {
            let file = file.lock().unwrap_or_else(PoisonError::into_inner);
            let mut file = OpenOptions::new().create(true).append(true).mode(0o600).open(&*file)?;
            file.write_all(format!("{line}\n").as_bytes())?;
            file.sync_data()
        });
        added.await.map_err(io::Error::other)??;
        self.added.inc();
        Ok(())
    }
}
