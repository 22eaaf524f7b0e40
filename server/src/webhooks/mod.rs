//! Webhooks: the events of each instance are posted to each webhook, in order, until they are accepted or given up.

mod follower;
mod key;
pub(crate) mod meter;
mod receiver;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::follow::{Bookmark, DeadLetters, Deliverer, FeedReader, Terms, make_folder};
use crate::webhooks::follower::Follower;
use crate::webhooks::key::Key;
use crate::webhooks::receiver::Receiver;

/// The options of webhooks.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// An address to which events are posted; can be repeated, and in the environment there can be several with spaces between.
    #[arg(
        long = "webhook",
        value_name = "URL",
        env = "LABEL_INDEX_WEBHOOK",
        requires = "secret",
        value_delimiter = ' '
    )]
    urls: Vec<Url>,
    /// The key of the signatures of what is posted: `whsec_` and bytes in Base64, or a text of 16 characters or more.
    #[arg(long = "webhook-secret", id = "secret", env = "LABEL_INDEX_WEBHOOK_SECRET", hide_env_values = true)]
    secret: Option<String>,
    /// Seconds after which a delivery that a webhook does not take is given up, and put into the file of dead letters.
    #[arg(
        long = "webhook-give-up",
        value_name = "SECONDS",
        env = "LABEL_INDEX_WEBHOOK_GIVE_UP",
        default_value = "86400"
    )]
    give_up: u64,
}

impl Options {
    /// Whether events are posted anywhere.
    pub(crate) fn is_used(&self) -> bool {
        !self.urls.is_empty()
    }
}

/// Starts posting. The positions of instances and the dead letters are in a folder.
///
/// # Errors
///
/// Why it cannot be started.
pub(crate) fn start(options: &Options, folder: &Path, app: &App, tasks: &TaskTracker) -> Result<(), String> {
    let Some(secret) = options.secret.as_deref().filter(|_| !options.urls.is_empty()) else {
        return Ok(());
    };
    let key = Key::new(secret)?;
    make_folder(folder)?;
    let meter = &app.metrics.webhooks;
    let terms = Terms {
        dead_letters: DeadLetters::new(folder.join("dead-letters.jsonl"), meter.dead_letters.clone()).into(),
        give_up: Duration::from_secs(options.give_up),
        ending: app.ending.clone(),
    };
    let mut addresses = HashSet::new();
    for url in &options.urls {
        let receiver = Arc::new(Receiver::new(url.clone(), key.clone())?);
        if !addresses.insert(url) {
            return Err(format!("the webhook {} is given twice", receiver.origin()));
        }
        for instance in app.store.instances() {
            let index = app.store.existing(&instance).map_err(|error| format!("{instance}: {error}"))?;
            let bookmark = Bookmark::new(folder, url, &instance);
            let reader = FeedReader::open(&instance, index, bookmark, &meter.followed, terms.clone())?;
            let (receiver, meter) = (Arc::clone(&receiver), Arc::clone(meter));
            tasks.spawn(Follower { reader, receiver, meter }.run());
        }
    }
    Ok(())
}
