//! Options on the command line and in the environment.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Parser;

use crate::{upstream, webhooks};

/// Labels on chats over HTTP: contacts by label, labels and links.
///
/// Secrets can be given in the environment, so that no list of processes shows them.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// The address to listen at; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", env = "LABEL_INDEX_LISTEN", default_value = "127.0.0.1:8080")]
    pub(crate) listen: SocketAddr,
    /// The folder of the store, which is made if there is none.
    #[arg(long, value_name = "DIR", env = "LABEL_INDEX_DATA", required_unless_present_any = ["demo", "store"])]
    pub(crate) data: Option<PathBuf>,
    /// A PostgreSQL database that has the store instead, and that several servers share: postgres://user:password@host/database.
    /// The folder of --data then has only what webhooks need.
    #[arg(long, value_name = "URL", env = "LABEL_INDEX_STORE", hide_env_values = true)]
    pub(crate) store: Option<String>,
    /// Makes an instance with the bundled sample, in a temporary folder unless --data is given, and prints its token.
    #[arg(long)]
    pub(crate) demo: bool,
    /// A file of tokens, one a line: `account TOKEN` for all instances, `instance NAME TOKEN` for one, `metrics TOKEN` for
    /// /metrics alone.
    #[arg(long, value_name = "FILE", env = "LABEL_INDEX_TOKENS_FILE")]
    pub(crate) tokens: Option<PathBuf>,
    /// Tokens in the form of that file; meant for the environment.
    #[arg(long, value_name = "LINES", env = "LABEL_INDEX_TOKENS", hide_env_values = true)]
    pub(crate) token_lines: Option<String>,
    /// An instance to make if there is none; can be repeated. Those that tokens name are made too.
    #[arg(long, value_name = "NAME")]
    pub(crate) instance: Vec<String>,
    /// Requests of contacts by label that one token may make in a minute; 0 for any number. Default 100, with --demo any.
    #[arg(long, value_name = "NUMBER", env = "LABEL_INDEX_REQUESTS_PER_MINUTE")]
    pub(crate) requests_per_minute: Option<u32>,
    /// Takes keys of your own as chats too, where neither a JID nor a phone number is given. On with --demo.
    #[arg(long, env = "LABEL_INDEX_HOST_KEYS")]
    pub(crate) host_keys: bool,
    /// The certificate chain for TLS, a PEM file. At SIGHUP it is read anew with its key.
    #[arg(long, value_name = "FILE", env = "LABEL_INDEX_CERT", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// The private key for TLS, a PEM file.
    #[arg(long, value_name = "FILE", env = "LABEL_INDEX_KEY", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Gives the numbers of each instance at /metrics, by its name, instead of totals.
    #[arg(long, env = "LABEL_INDEX_METRICS_BY_INSTANCE")]
    pub(crate) metrics_by_instance: bool,
    /// Seconds between SIGTERM and the end of listening, in which /readyz says 503 already, so that a balancer notices.
    #[arg(long, value_name = "SECONDS", env = "LABEL_INDEX_DRAIN", default_value_t = 0)]
    pub(crate) drain: u64,
    #[command(flatten)]
    pub(crate) webhooks: webhooks::Options,
    #[command(flatten)]
    pub(crate) upstream: upstream::Options,
}

impl Arguments {
    /// The number of requests by label in a minute; `None` for any.
    pub(crate) fn rate(&self) -> Option<std::num::NonZeroU32> {
        std::num::NonZeroU32::new(self.requests_per_minute.unwrap_or(if self.demo { 0 } else { 100 }))
    }
}
