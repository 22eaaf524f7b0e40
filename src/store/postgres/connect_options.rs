//! What can be chosen when a database is connected to.

use std::time::Duration;

/// What can be chosen when a database is connected to.
#[derive(Debug, Clone)]
pub(in crate::store) struct ConnectOptions {
    pub(in crate::store) schema: String,
    pub(in crate::store) poll_interval: Duration,
    pub(in crate::store) patience: Duration,
    pub(in crate::store) accepts_loss: bool,
    /// After how long without a sign of a store another one may write the checkpoint that it began.
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
