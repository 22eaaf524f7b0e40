//! The network's gateway, which has the REST interface of WAHA: refreshing from it, and sending links and labels to it.

mod first;
mod label_record;
mod labels;
pub(crate) mod meter;
mod options;
mod queue;
mod refresh;
mod report_key;
mod reported;
mod trouble;
mod turns;
mod waha;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio_util::task::TaskTracker;

use crate::app::App;
pub(crate) use crate::upstream::label_record::LabelRecord;
use crate::upstream::meter::Meter;
pub(crate) use crate::upstream::options::Options;
use crate::upstream::options::Writes;
use crate::upstream::queue::Lane;
pub(crate) use crate::upstream::report_key::ReportKey;
use crate::upstream::trouble::Trouble;
use crate::upstream::turns::Turns;
use crate::upstream::waha::Waha;

/// The gateway, with the queues to it.
#[derive(Debug)]
pub(crate) struct Upstream {
    waha: Waha,
    writes: Writes,
    turns: Turns,
    /// The queues, by instance. Set before the first request.
    lanes: OnceLock<HashMap<String, Lane>>,
    meter: Arc<Meter>,
}

impl Upstream {
    /// The configured gateway, if there is one.
    ///
    /// # Errors
    ///
    /// The fault in its address or its key.
    pub(crate) fn open(options: &Options, meter: Arc<Meter>) -> Result<Option<Arc<Self>>, String> {
        let Some(url) = &options.url else {
            return match options.writes {
                Writes::None => Ok(None),
                Writes::First => Err("--upstream-writes first needs --upstream".to_owned()),
                Writes::Queued => Err("--upstream-writes queued needs --upstream".to_owned()),
            };
        };
        let waha = Waha::new(url.clone(), options.api_key.as_deref(), Duration::from_secs(options.patience))?;
        let (turns, lanes) = (Turns::new(), OnceLock::new());
        Ok(Some(Arc::new(Self { waha, writes: options.writes, turns, lanes, meter })))
    }

    /// Starts the queues to the gateway, if links are queued. Their positions and dead letters are in a folder.
    ///
    /// # Errors
    ///
    /// Why they cannot be started.
    pub(crate) fn start(
        self: &Arc<Self>,
        options: &Options,
        folder: &Path,
        app: &App,
        tasks: &TaskTracker,
    ) -> Result<(), String> {
        if self.writes == Writes::Queued {
            let lanes = queue::start(self, options, folder, app, tasks)?;
            // This is called once.
            self.lanes.get_or_init(|| lanes);
        }
        Ok(())
    }

    /// Whether links are made at the gateway before they are made here.
    pub(crate) fn writes_first(&self) -> bool {
        self.writes == Writes::First
    }

    /// Whether labels are made, changed and deleted at the gateway before they are here.
    pub(crate) fn has_labels(&self) -> bool {
        self.writes != Writes::None
    }

    /// The queue of an instance.
    pub(crate) fn lane(&self, instance: &str) -> Option<&Lane> {
        self.lanes.get()?.get(instance)
    }
}

/// Runs work that may wait for the disk or take long on a thread for that.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Trouble> + Send + 'static) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Trouble::Internal))
}
