//! A receiver of webhooks that answers as a test wants, and keeps what was posted to it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::sync::{Notify, watch};

/// The secret of the signatures.
pub(crate) const SECRET: &str = "whsec_c2lnbmF0dXJlcyBvZiB3ZWJob29rcw==";

/// One request that was answered.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) status: u16,
    pub(crate) id: String,
    pub(crate) at: Instant,
    pub(crate) body: Value,
}

/// A receiver on a port of its own.
pub(crate) struct Receiver {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

struct Inner {
    webhook: Webhook,
    /// The statuses of the next answers.
    next: Mutex<VecDeque<u16>>,
    /// The status of all other answers; `None` keeps requests waiting.
    otherwise: watch::Sender<Option<u16>>,
    posts: Mutex<Vec<Post>>,
    posted: Notify,
}

impl Receiver {
    /// A receiver that accepts everything that is signed with a secret.
    pub(crate) async fn start(secret: &str) -> Self {
        let webhook = match secret.strip_prefix("whsec_") {
            Some(_) => Webhook::new(secret).unwrap(),
            None => Webhook::from_bytes(secret.as_bytes().to_vec()).unwrap(),
        };
        let inner = Arc::new(Inner {
            webhook,
            next: Mutex::default(),
            otherwise: watch::Sender::new(Some(204)),
            posts: Mutex::default(),
            posted: Notify::new(),
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().route("/hook", post(take)).with_state(Arc::clone(&inner));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, inner }
    }

    /// Sets the statuses of the next answers, one by one.
    pub(crate) fn answer_next(&self, statuses: impl IntoIterator<Item = u16>) {
        self.inner.next.lock().unwrap().extend(statuses);
    }

    /// Sets the status of all other answers; with `None` requests wait until there is one.
    pub(crate) fn answer(&self, status: Option<u16>) {
        self.inner.otherwise.send_replace(status);
    }

    /// The requests that were answered so far.
    pub(crate) fn posts(&self) -> Vec<Post> {
        self.inner.posts.lock().unwrap().clone()
    }

    /// Every accepted event, in the order of the requests, including repeated ones.
    pub(crate) fn taken(&self) -> Vec<Value> {
        let posts = self.posts().into_iter().filter(|post| post.status < 300);
        posts.flat_map(|post| post.body["events"].as_array().unwrap().clone()).collect()
    }

    /// The accepted events, each once, by their first arrival.
    pub(crate) fn taken_once(&self) -> Vec<Value> {
        let mut seen = HashSet::new();
        let mut events = self.taken();
        events.retain(|event| seen.insert(event["id"].as_str().unwrap().to_owned()));
        events
    }

    /// The last accepted event.
    pub(crate) fn last(&self) -> Option<Value> {
        let posts = self.inner.posts.lock().unwrap();
        let taken = posts.iter().rev().find(|post| post.status < 300)?;
        taken.body["events"].as_array()?.last().cloned()
    }

    /// Waits until `number` different events were accepted. Returns them.
    pub(crate) async fn take(&self, number: usize) -> Vec<Value> {
        self.until(|receiver| receiver.taken_once().len() >= number).await;
        self.taken_once()
    }

    /// Waits until a condition is true.
    pub(crate) async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            loop {
                let posted = self.inner.posted.notified();
                if is_so(self) {
                    return;
                }
                posted.await;
            }
        });
        assert!(waited.await.is_ok(), "not within 30 seconds; {:?}", self.posts());
    }
}

async fn take(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let next = inner.next.lock().unwrap().pop_front();
    let status = match next {
        Some(status) => status,
        None => inner.otherwise.subscribe().wait_for(Option::is_some).await.unwrap().unwrap(),
    };
    let mut forged = body.to_vec();
    forged.push(b' ');
    let is_signed = inner.webhook.verify(&body, &headers).is_ok() && inner.webhook.verify(&forged, &headers).is_err();
    let status = if is_signed { status } else { 401 };
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    let body = serde_json::from_slice(&body).unwrap();
    inner.posts.lock().unwrap().push(Post { status, id, at: Instant::now(), body });
    inner.posted.notify_waiters();
    StatusCode::from_u16(status).unwrap()
}

/// The name, the label and the chat of each event.
pub(crate) fn about(events: &[Value]) -> Vec<String> {
    let part = |part: &Value| part.as_str().or(part["id"].as_str()).unwrap_or_default().to_owned();
    let line = |event: &Value| [&event["event"], &event["label"], &event["chat"]].map(part).join(" ");
    events.iter().map(|event| line(event).trim_end().to_owned()).collect()
}
