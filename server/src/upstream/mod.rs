//! The network's gateway, which speaks the REST interface of WAHA: refreshing from it, and telling it of links.

mod label_record;
pub(crate) mod meter;
mod refreshes;
mod report_key;
mod trouble;
mod turns;
mod waha;

use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use label_index::{ChatId, FullState, LabelId, LabelIndex, RefreshState};
use reqwest::Url;

use crate::app::App;
use crate::chat_write::{ChatWrite, ids_of};
use crate::failure::{Answered, Failure};
pub(crate) use crate::upstream::label_record::LabelRecord;
use crate::upstream::meter::Meter;
use crate::upstream::refreshes::Refreshes;
pub(crate) use crate::upstream::report_key::ReportKey;
use crate::upstream::trouble::Trouble;
use crate::upstream::turns::Turns;
use crate::upstream::waha::Waha;

/// How long a fetch of a whole account may take.
const FETCH_TIME: Duration = Duration::from_secs(300);
/// How often a chat's labels are told anew when they change between the request and the write here.
const TELLINGS: usize = 3;

/// What can be chosen of the gateway.
#[derive(Debug, clap::Args)]
#[group(skip)]
pub(crate) struct Options {
    /// The address of a gateway that speaks WAHA's REST interface: `refresh=true` reads from it.
    #[arg(long = "upstream", id = "upstream", value_name = "URL", env = "LABEL_INDEX_UPSTREAM")]
    url: Option<Url>,
    /// The key of the gateway, which it gets as X-Api-Key.
    #[arg(
        long = "upstream-key",
        id = "upstream-key",
        value_name = "KEY",
        env = "LABEL_INDEX_UPSTREAM_KEY",
        hide_env_values = true,
        requires = "upstream"
    )]
    api_key: Option<String>,
    /// Whether links that are made through this server are made at the gateway too.
    #[arg(long = "upstream-writes", env = "LABEL_INDEX_UPSTREAM_WRITES", value_enum, default_value = "none")]
    writes: Writes,
    /// The key of the signatures of what the gateway posts to /webhooks/waha, a text of 16 characters or more.
    #[arg(
        long = "upstream-webhook-key",
        value_name = "KEY",
        env = "LABEL_INDEX_UPSTREAM_WEBHOOK_KEY",
        hide_env_values = true
    )]
    pub(crate) webhook_key: Option<String>,
}

/// When the gateway learns of a link that is made here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Writes {
    /// Never: links stay here.
    None,
    /// Before it is made here: what the gateway refuses is not made.
    First,
}

/// The gateway, and what goes on with it.
#[derive(Debug)]
pub(crate) struct Upstream {
    waha: Waha,
    writes: Writes,
    refreshes: Arc<Refreshes>,
    turns: Turns,
    meter: Arc<Meter>,
}

impl Upstream {
    /// The gateway that was chosen, if one was.
    ///
    /// # Errors
    ///
    /// What is wrong with its address or its key.
    pub(crate) fn open(options: &Options, meter: Arc<Meter>) -> Result<Option<Arc<Self>>, String> {
        let Some(url) = &options.url else {
            return match options.writes {
                Writes::None => Ok(None),
                Writes::First => Err("--upstream-writes first needs --upstream".to_owned()),
            };
        };
        let waha = Waha::new(url.clone(), options.api_key.as_deref())?;
        let (refreshes, turns) = (Arc::default(), Turns::new());
        Ok(Some(Arc::new(Self { waha, writes: options.writes, refreshes, turns, meter })))
    }

    /// Whether links are made at the gateway before they are made here.
    pub(crate) fn writes_first(&self) -> bool {
        self.writes == Writes::First
    }

    /// Replaces what an index has by what the gateway has of the session of the same name. Callers that come while that
    /// goes on share its outcome, and none that goes away ends it for the others.
    ///
    /// # Errors
    ///
    /// 503 if the session is not connected, 502 if the gateway answers what it should not, 409 if it has nothing and the
    /// index has something. Nothing has changed then.
    pub(crate) async fn refresh(self: &Arc<Self>, name: &str, index: &LabelIndex) -> Answered<()> {
        let (upstream, session, index) = (Arc::clone(self), name.to_owned(), index.clone());
        let refresh = async move {
            let outcome = upstream.fetch_and_commit(&session, index).await;
            upstream.meter.refreshed(outcome.as_ref().map_or_else(Trouble::name, |()| "done"));
            outcome
        };
        Ok(self.refreshes.share(name, refresh).await?)
    }

    /// The ticket is taken before anything is fetched, so that what is written here meanwhile stays.
    async fn fetch_and_commit(&self, session: &str, index: LabelIndex) -> Result<(), Trouble> {
        let ticket = blocking(move || Ok(index.begin_refresh()?)).await?;
        let fetched = tokio::time::timeout(FETCH_TIME, self.waha.fetch(session)).await;
        let fetched = fetched.map_err(|_| Trouble::NotConnected("the fetch takes too long".to_owned()))??;
        blocking(move || {
            let mut state = FullState::new();
            for (label, patch, chats) in fetched {
                state.label(&label, patch)?;
                for chat in chats {
                    state.link(&label, chat)?;
                }
            }
            ticket.commit(state).map(drop).map_err(|refused| Trouble::Index(refused.cause))
        })
        .await
    }

    /// Makes a change of one chat's labels at the gateway, and then here.
    ///
    /// The gateway is told all labels of the chat, so an index that was never refreshed is refreshed before: it would take
    /// labels from the chat that it never heard of. Writes of one chat wait for each other.
    ///
    /// # Errors
    ///
    /// Those of a refresh and of the index; 502 if the gateway refuses the change, 503 if it cannot be reached. Nothing has
    /// changed here then.
    pub(crate) async fn write_first(
        self: &Arc<Self>,
        app: &Arc<App>,
        name: &str,
        index: &LabelIndex,
        chat: ChatId,
        write: ChatWrite,
    ) -> Answered<()> {
        if index.refresh_state() == RefreshState::Never {
            self.refresh(name, index).await?;
        }
        let turn = self.turns.turn(index, &chat).await;
        let permit = self.waha.write_permit().await;
        let (upstream, app, name, index) = (Arc::clone(self), Arc::clone(app), name.to_owned(), index.clone());
        // A caller that goes away must not leave the chat changed at the gateway alone.
        let written = tokio::spawn(async move {
            let done = upstream.tell_and_apply(&app, &name, &index, &chat, &write).await;
            drop((turn, permit));
            done
        });
        written.await.map_err(|_| Failure::internal())?
    }

    async fn tell_and_apply(
        &self,
        app: &App,
        name: &str,
        index: &LabelIndex,
        chat: &ChatId,
        write: &ChatWrite,
    ) -> Answered<()> {
        let chat = index.resolve(chat).unwrap_or_else(|| chat.clone());
        let mut told = write.outcome(index, &chat)?;
        if told == ids_of(index, &chat) {
            return write.apply(app, index, &chat).await;
        }
        self.tell(name, &chat, &told).await?;
        write.apply(app, index, &chat).await?;
        // The gateway may have reported another label of the chat meanwhile, which it was just told to take away.
        for _ in 1..TELLINGS {
            let here = ids_of(index, &chat);
            if here == told {
                break;
            }
            // The change itself is made in both places.
            if let Err(trouble) = self.tell(name, &chat, &here).await {
                tracing::warn!(result = trouble.name(), "a chat has other labels at the upstream than here");
                break;
            }
            told = here;
        }
        Ok(())
    }

    async fn tell(&self, name: &str, chat: &ChatId, labels: &[LabelId]) -> Result<(), Trouble> {
        let outcome = self.waha.set_labels(name, chat, labels).await;
        self.meter.wrote(outcome.as_ref().map_or_else(Trouble::name, |()| "done"));
        outcome
    }
}

/// Runs what may wait for the disk, or takes long.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, Trouble> + Send + 'static) -> Result<T, Trouble> {
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(Trouble::Internal))
}
