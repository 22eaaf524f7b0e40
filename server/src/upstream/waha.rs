//! A client of a part of WAHA's REST interface: sessions, labels, the chats of labels, and the labels of chats.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt, stream};
use label_index::{ChatId, LabelId, LabelPatch};
use reqwest::header::{HeaderMap, HeaderValue};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::upstream::blocking;
use crate::upstream::label_record::LabelRecord;
use crate::upstream::trouble::Trouble;

/// The total time limit of one call.
const TIME_LIMIT: Duration = Duration::from_secs(60);
/// The most bytes of one answer.
const LONGEST_ANSWER: usize = 64 << 20;
/// The most labels of one account.
const LABELS: usize = 10_000;
/// The most pairs of a chat and a label of one account.
const LINKS: usize = 4_000_000;
/// The most lists that are fetched at the same time, for all accounts together, which limits the memory of answers.
const LISTS: usize = 4;
/// The most changes that are sent at the same time.
const WRITES: usize = 32;

/// A label, its fields, and its chats.
pub(super) type FetchedLabel = (LabelId, LabelPatch, Vec<ChatId>);

/// A gateway.
#[derive(Debug)]
pub(super) struct Waha {
    client: Client,
    base: Url,
    origin: String,
    address: String,
    lists: Semaphore,
    writes: Arc<Semaphore>,
}

#[derive(Debug, Deserialize)]
struct SessionRecord {
    status: String,
}

#[derive(Debug, Deserialize)]
struct ChatRecord {
    id: ChatRecordId,
}

/// The engines of WAHA write this in different forms.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ChatRecordId {
    Text(String),
    Parts {
        #[serde(rename = "_serialized")]
        text: String,
    },
}

impl Waha {
    /// A gateway at an address, with its key. `patience` is how long a call may take until its answer begins, and how
    /// long a pause in the answer may be.
    ///
    /// # Errors
    ///
    /// The fault in the address or the key, or why there can be no client.
    pub(super) fn new(base: Url, key: Option<&str>, patience: Duration) -> Result<Self, String> {
        if !matches!(base.scheme(), "http" | "https") {
            return Err(format!("the upstream needs an address of http or https, not of {}", base.scheme()));
        }
        let mut headers = HeaderMap::new();
        if let Some(key) = key {
            let mut key =
                HeaderValue::from_str(key).map_err(|_| "the upstream key cannot be in a header".to_owned())?;
            key.set_sensitive(true);
            headers.insert("x-api-key", key);
        }
        let client = Client::builder().connect_timeout(patience).read_timeout(patience).timeout(TIME_LIMIT);
        // The key is sent to this address, and to no other.
        let client = client.redirect(reqwest::redirect::Policy::none()).default_headers(headers).build();
        let client = client.map_err(|error| format!("no client for the upstream: {error}"))?;
        let origin = base.origin().ascii_serialization();
        let address = format!("{origin}{}", base.path());
        let (lists, writes) = (Semaphore::new(LISTS), Semaphore::new(WRITES).into());
        Ok(Self { client, base, origin, address, lists, writes })
    }

    /// The address that was given.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// The address without path: for logs.
    pub(super) fn origin(&self) -> &str {
        &self.origin
    }

    /// The address without query and password: for files that only the operator reads.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Everything that the gateway has of a session's labels.
    ///
    /// # Errors
    ///
    /// The first trouble; what was fetched before is dropped.
    pub(super) async fn fetch(&self, session: &str) -> Result<Vec<FetchedLabel>, Trouble> {
        self.require_working(session).await?;
        let labels: Vec<LabelRecord> = self.get(&["api", session, "labels"]).await?;
        if labels.len() > LABELS {
            return Err(Trouble::Nonsense(format!("more than {LABELS} labels")));
        }
        let fetch = |label: LabelRecord| async move {
            let id = label.label()?;
            let chats: Vec<ChatRecord> = self.get(&["api", session, "labels", &label.id, "chats"]).await?;
            let chats = blocking(move || chats.into_iter().map(ChatRecord::chat).collect()).await?;
            Ok::<FetchedLabel, Trouble>((id, label.patch(), chats))
        };
        let mut lists = pin!(stream::iter(labels).map(fetch).buffer_unordered(LISTS));
        let (mut fetched, mut links) = (Vec::new(), 0_usize);
        while let Some(label) = lists.try_next().await? {
            links = links.saturating_add(label.2.len());
            if links > LINKS {
                return Err(Trouble::Nonsense(format!("more than {LINKS} links")));
            }
            fetched.push(label);
        }
        Ok(fetched)
    }

    /// Waits until one more change may be sent.
    pub(super) async fn write_permit(&self) -> Option<OwnedSemaphorePermit> {
        // Never closed.
        Arc::clone(&self.writes).acquire_owned().await.ok()
    }

    /// Makes the labels of a chat exactly these.
    ///
    /// # Errors
    ///
    /// The trouble. If the gateway could not be reached, it may have done it.
    pub(super) async fn set_labels(&self, session: &str, chat: &ChatId, labels: &[LabelId]) -> Result<(), Trouble> {
        let labels: Vec<_> = labels.iter().map(|id| json!({ "id": id.to_string() })).collect();
        let request = self.request(Method::PUT, &["api", session, "labels", "chats", &chat.to_string()])?;
        self.change(session, request.json(&json!({ "labels": labels }))).await.map(drop)
    }

    /// The labels of a chat.
    ///
    /// # Errors
    ///
    /// The trouble.
    pub(super) async fn labels_of(&self, session: &str, chat: &ChatId) -> Result<Vec<LabelId>, Trouble> {
        let request = self.request(Method::GET, &["api", session, "labels", "chats", &chat.to_string()])?;
        let labels: Vec<LabelRecord> = self.read(self.change(session, request).await?).await?;
        labels.iter().map(LabelRecord::label).collect()
    }

    /// Makes a label. Returns the id that the gateway chose.
    ///
    /// # Errors
    ///
    /// The trouble. If the gateway could not be reached, it may have done it.
    pub(super) async fn create_label(&self, session: &str, label: &LabelPatch) -> Result<LabelId, Trouble> {
        let request = self.request(Method::POST, &["api", session, "labels"])?;
        let response = self.change(session, request.json(&label_fields(label))).await?;
        self.read::<LabelRecord>(response).await?.label()
    }

    /// Gives a label a name and a colour.
    ///
    /// # Errors
    ///
    /// The trouble. If the gateway could not be reached, it may have done it.
    pub(super) async fn update_label(&self, session: &str, id: &LabelId, label: &LabelPatch) -> Result<(), Trouble> {
        let request = self.request(Method::PUT, &["api", session, "labels", &id.to_string()])?;
        self.change(session, request.json(&label_fields(label))).await.map(drop)
    }

    /// Deletes a label, if the gateway has it.
    ///
    /// # Errors
    ///
    /// The trouble. If the gateway could not be reached, it may have done it.
    pub(super) async fn delete_label(&self, session: &str, id: &LabelId) -> Result<(), Trouble> {
        let request = self.request(Method::DELETE, &["api", session, "labels", &id.to_string()])?;
        match self.change(session, request).await {
            Err(Trouble::Refused { status: StatusCode::NOT_FOUND }) => Ok(()),
            done => done.map(drop),
        }
    }

    /// Sends a change. A refusal may mean that the session is not connected, so that is checked then.
    async fn change(&self, session: &str, request: RequestBuilder) -> Result<Response, Trouble> {
        let response = request.send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => {}
            status if status.is_client_error() => {
                self.require_working(session).await?;
                return Err(Trouble::Refused { status });
            }
            _ => {}
        }
        succeeded(response)
    }

    async fn require_working(&self, session: &str) -> Result<(), Trouble> {
        let request = self.request(Method::GET, &["api", "sessions", session])?;
        let response = request.send().await.map_err(unreachable)?;
        if response.status() == StatusCode::NOT_FOUND {
            return Err(Trouble::NotConnected("the upstream has no such session".to_owned()));
        }
        let SessionRecord { status } = self.read(response).await?;
        if status == "WORKING" {
            return Ok(());
        }
        Err(Trouble::NotConnected(format!("the status of the session is {:?}", status.get(..32).unwrap_or(&status))))
    }

    async fn get<T: DeserializeOwned + Send + 'static>(&self, path: &[&str]) -> Result<T, Trouble> {
        let _permit: Option<_> = self.lists.acquire().await.ok();
        let response = self.request(Method::GET, path)?.send().await.map_err(unreachable)?;
        self.read(response).await
    }

    /// Reads the answer of a successful call. A long one takes a while to parse.
    async fn read<T: DeserializeOwned + Send + 'static>(&self, response: Response) -> Result<T, Trouble> {
        let mut response = succeeded(response)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len().saturating_add(chunk.len()) > LONGEST_ANSWER {
                return Err(Trouble::Nonsense(format!("an answer of more than {LONGEST_ANSWER} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        // The text of a parse error could repeat a part of the answer.
        blocking(move || serde_json::from_slice(&body).map_err(|error| nonsense(&error))).await
    }

    /// A request at a path below the address.
    ///
    /// # Errors
    ///
    /// For a segment of dots, which would mean another path.
    fn request(&self, method: Method, path: &[&str]) -> Result<RequestBuilder, Trouble> {
        if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(Trouble::NotConnected("a name that cannot be in an address".to_owned()));
        }
        let mut url = self.base.clone();
        match url.path_segments_mut() {
            Ok(mut segments) => segments.pop_if_empty().extend(path),
            Err(()) => return Err(Trouble::Internal),
        };
        Ok(self.client.request(method, url))
    }
}

impl ChatRecord {
    fn chat(self) -> Result<ChatId, Trouble> {
        let (ChatRecordId::Text(id) | ChatRecordId::Parts { text: id }) = self.id;
        id.parse().map_err(|_| Trouble::Nonsense("the id of a chat cannot be one".to_owned()))
    }
}

/// The fields of a label at the gateway, which has no position.
fn label_fields(label: &LabelPatch) -> serde_json::Value {
    json!({ "name": label.name.as_ref().map(ToString::to_string), "color": label.color })
}

/// Converts the status of an answer.
fn succeeded(response: Response) -> Result<Response, Trouble> {
    let status = response.status();
    match status.as_u16() {
        200..=299 => Ok(response),
        // 422 means that the session is no longer connected; the others come from a busy gateway, or a proxy before it.
        408 | 422 | 429 | 502..=504 => Err(Trouble::NotConnected(format!("the upstream answers {status}"))),
        _ => Err(Trouble::Nonsense(format!("the upstream answers {status}"))),
    }
}

/// The position at which an answer is no valid JSON, or the kind of the fault.
fn nonsense(error: &serde_json::Error) -> Trouble {
    let (kind, line, column) = (error.classify(), error.line(), error.column());
    Trouble::Nonsense(format!("not the JSON that it should be ({kind:?}, line {line}, column {column})"))
}

/// Without the address, which has the chat in it.
fn unreachable(error: reqwest::Error) -> Trouble {
    Trouble::NotConnected(error.without_url().to_string())
}
