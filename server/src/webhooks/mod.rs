//! Events for others: each instance's are posted to each webhook, in order, until they are taken or given up.

mod bookmark;
mod dead_letters;
mod follower;
mod key;
pub(crate) mod meter;
mod receiver;

use std::collections::HashSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use label_index::{Error, LabelIndex, Subscriber};
use reqwest::Url;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::webhooks::bookmark::Bookmark;
use crate::webhooks::dead_letters::DeadLetters;
use crate::webhooks::follower::Follower;
use crate::webhooks::key::Key;
use crate::webhooks::receiver::Receiver;

/// What can be chosen of webhooks.
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

/// Everything that is posted, until the server is told to end.
#[derive(Debug)]
pub(crate) struct Webhooks {
    tasks: TaskTracker,
}

impl Webhooks {
    /// Begins to post. How far each instance's events have come, and dead letters, lie in a folder.
    ///
    /// # Errors
    ///
    /// Why it cannot be begun.
    pub(crate) fn start(options: &Options, folder: &Path, app: &App) -> Result<Self, String> {
        let tasks = TaskTracker::new();
        tasks.close();
        let Some(secret) = options.secret.as_deref().filter(|_| !options.urls.is_empty()) else {
            return Ok(Self { tasks });
        };
        let key = Key::new(secret)?;
        // Chats are in what lies there.
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| format!("{}: {error}", folder.display()))?;
        let dead_letters = Arc::new(DeadLetters::new(folder.join("dead-letters.jsonl")));
        let mut addresses = HashSet::new();
        for url in &options.urls {
            let receiver = Arc::new(Receiver::new(url.clone(), key.clone())?);
            if !addresses.insert(url) {
                return Err(format!("the webhook {} is given twice", receiver.origin()));
            }
            for instance in app.store.instances() {
                let index = app.store.existing(&instance).map_err(|error| format!("{instance}: {error}"))?;
                let bookmark = Bookmark::new(folder, url, &instance);
                let subscriber = subscribe(&index, &bookmark)?;
                let meter = Arc::clone(&app.metrics.webhooks);
                let progress = meter.follow(&index, subscriber.revision());
                tasks.spawn(
                    Follower {
                        instance: instance.into(),
                        index,
                        subscriber,
                        bookmark,
                        receiver: Arc::clone(&receiver),
                        dead_letters: Arc::clone(&dead_letters),
                        give_up: Duration::from_secs(options.give_up),
                        meter,
                        progress,
                        ending: app.ending.clone(),
                        ahead: None,
                    }
                    .run(),
                );
            }
        }
        Ok(Self { tasks })
    }

    /// Waits until what is being posted is taken or refused, once the server was told to end.
    pub(crate) async fn ended(&self) {
        self.tasks.wait().await;
    }
}

/// Goes on where a webhook stopped. One that is new gets what happens from now on.
fn subscribe(index: &LabelIndex, bookmark: &Bookmark) -> Result<Subscriber, String> {
    match bookmark.read()? {
        Some(position) => match index.subscribe_from(position.trim_end()) {
            // Half written when the power went: everything that is retained comes again, and nothing is lost.
            Err(Error::BadPosition { .. }) => Ok(index.subscribe_after(0)),
            subscriber => subscriber.map_err(|error| error.to_string()),
        },
        None => {
            let subscriber = index.subscribe();
            bookmark.create(subscriber.position())?;
            Ok(subscriber)
        }
    }
}
