//! What can be chosen of the gateway.

use clap::ValueEnum;
use reqwest::Url;

/// What can be chosen of the gateway.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The address of a gateway that speaks WAHA's REST interface: `refresh=true` reads from it.
    #[arg(long = "upstream", id = "upstream", value_name = "URL", env = "LABEL_INDEX_UPSTREAM")]
    pub(super) url: Option<Url>,
    /// The key of the gateway, which it gets as X-Api-Key.
    #[arg(
        long = "upstream-key",
        id = "upstream-key",
        value_name = "KEY",
        env = "LABEL_INDEX_UPSTREAM_KEY",
        hide_env_values = true,
        requires = "upstream"
    )]
    pub(super) api_key: Option<String>,
    /// Seconds without a byte from the gateway after which it counts as not connected.
    #[arg(
        long = "upstream-patience",
        id = "upstream-patience",
        value_name = "SECONDS",
        env = "LABEL_INDEX_UPSTREAM_PATIENCE",
        default_value = "20",
        value_parser = clap::value_parser!(u64).range(1..)
    )]
    pub(super) patience: u64,
    /// Whether links and labels that are made through this server are made at the gateway too.
    #[arg(long = "upstream-writes", env = "LABEL_INDEX_UPSTREAM_WRITES", value_enum, default_value = "none")]
    pub(super) writes: Writes,
    /// Seconds after which a queued link that the gateway does not take is given up, and put into the file of dead letters.
    #[arg(
        long = "upstream-give-up",
        id = "upstream-give-up",
        value_name = "SECONDS",
        env = "LABEL_INDEX_UPSTREAM_GIVE_UP",
        default_value = "86400"
    )]
    pub(super) give_up: u64,
    /// The key of the signatures of what the gateway posts to /webhooks/waha, a text of 16 characters or more.
    #[arg(
        long = "upstream-webhook-key",
        value_name = "KEY",
        env = "LABEL_INDEX_UPSTREAM_WEBHOOK_KEY",
        hide_env_values = true
    )]
    pub(crate) webhook_key: Option<String>,
}

impl Options {
    /// Whether it is kept in a folder how far the gateway was told of links.
    pub(crate) fn needs_folder(&self) -> bool {
        self.writes == Writes::Queued
    }
}

/// When the gateway learns of a link that is made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Writes {
    /// Never: links and labels stay here.
    None,
    /// Before it is made here: what the gateway refuses is not made.
    First,
    /// After it was made here, as soon as the gateway takes it. Labels are made at the gateway first all the same.
    Queued,
}
