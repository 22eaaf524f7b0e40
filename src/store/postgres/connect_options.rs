//! Options of a connection.

use std::time::Duration;

/// Options of a connection.
#[derive(Debug, Clone)]
pub(in crate::store) struct ConnectOptions {
    pub(in crate::store) schema: String,
    pub(in crate::store) poll_interval: Duration,
    pub(in crate::store) patience: Duration,
    pub(in crate::store) accepts_loss: bool,
    /// How long a store that writes a checkpoint may be silent before another one may replace it.
    pub(in crate::store) lease: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self {
            schema: "label_index".to_owned(),
            poll_interval: Duration::from_millis(250),
            patience: Duration::from_secs(10),
            accepts_loss: false,
            lease: Duration::from_secs(30),
        }
    }
}

/// How long a statement waits for a locked row, while other instances wait for the statement.
pub(super) fn lock_time(patience: Duration) -> Duration {
    patience.min(Duration::from_secs(1))
}
