//! A stand-in for a gateway with WAHA's REST interface: it can be slow, fail half-way, send invalid answers and close
//! connections.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

/// The key that it requires.
pub(crate) const KEY: &str = "the-key-of-the-gateway";

/// Its fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    /// Each answer takes a while.
    Slow(Duration),
    /// The session needs a person to scan a code.
    Stopped,
    /// The request for the chats of the last label fails.
    FailsHalfWay,
    /// The chats of the last label are invalid JSON.
    Nonsense,
    /// The chats of the last label are objects of another kind.
    OtherFields,
    /// The connection ends in the middle of the chats of the last label.
    HangsUp,
    /// The chats of the last label have no end.
    Endless,
    /// Writes are refused.
    Refuses,
    /// Writes fail, reads do not.
    TakesNoWrites,
    /// No request is answered.
    Stalls,
    /// The answer with the chats of the last label begins, and does not continue.
    StallsHalfWay,
}

#[derive(Debug)]
struct Inner {
    mood: Mood,
    labels: BTreeMap<String, (String, BTreeSet<String>)>,
    /// Calls by kind.
    calls: BTreeMap<&'static str, usize>,
    /// Each chat whose labels were set, with the labels.
    told: Vec<(String, Vec<String>)>,
}

/// A running stand-in.
#[derive(Debug, Clone)]
pub(crate) struct StandIn {
    inner: Arc<Mutex<Inner>>,
    pub(crate) url: String,
}

impl StandIn {
    /// A gateway with `VIP` (1) on two chats and `Support` (2) on one of them, in the session `shop`.
    pub(crate) async fn start() -> Self {
        let labels = [
            ("1", "VIP", &["5511999990001@c.us", "120363000000000001@g.us"][..]),
            ("2", "Support", &["5511999990001@c.us"]),
        ];
        let labels = labels.map(|(id, name, chats)| {
            (id.to_owned(), (name.to_owned(), chats.iter().map(|&chat| chat.to_owned()).collect()))
        });
        let inner = Inner { mood: Mood::Well, labels: labels.into(), calls: BTreeMap::new(), told: Vec::new() };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stand_in = Self { inner: Arc::new(Mutex::new(inner)), url };
        let router = Router::new()
            .route("/api/sessions/{session}", get(session))
            .route("/api/{session}/labels", get(labels_of_session).post(create))
            .route("/api/{session}/labels/{id}", put(update).delete(remove))
            .route("/api/{session}/labels/{id}/chats", get(chats))
            .route("/api/{session}/labels/chats/{chat}", get(labels_of_chat).put(set))
            .with_state(stand_in.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        stand_in
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.inner.lock().unwrap().mood = mood;
    }

    pub(crate) fn calls(&self, kind: &str) -> usize {
        self.inner.lock().unwrap().calls.get(kind).copied().unwrap_or(0)
    }

    /// The chats of a label.
    pub(crate) fn chats(&self, label: &str) -> Vec<String> {
        self.inner.lock().unwrap().labels[label].1.iter().cloned().collect()
    }

    /// Puts a label on a chat, as a phone would.
    pub(crate) fn link(&self, label: &str, chat: &str) {
        self.inner.lock().unwrap().labels.get_mut(label).unwrap().1.insert(chat.to_owned());
    }

    /// Takes a label from a chat, as a phone would.
    pub(crate) fn unlink(&self, label: &str, chat: &str) {
        self.inner.lock().unwrap().labels.get_mut(label).unwrap().1.remove(chat);
    }

    /// Each chat whose labels were set, in order, with the labels.
    pub(crate) fn told(&self) -> Vec<(String, Vec<String>)> {
        self.inner.lock().unwrap().told.clone()
    }

    /// The name of a label.
    pub(crate) fn name(&self, label: &str) -> Option<String> {
        self.inner.lock().unwrap().labels.get(label).map(|(name, _)| name.clone())
    }

    /// Waits until a condition is true.
    pub(crate) async fn until(&self, is_so: impl Fn(&Self) -> bool) {
        let waited = tokio::time::timeout(Duration::from_secs(30), async {
            while !is_so(self) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        assert!(waited.await.is_ok(), "not within 30 seconds: {:?}", self.inner.lock().unwrap());
    }

    /// Forgets a label.
    pub(crate) fn forget(&self, label: &str) {
        self.inner.lock().unwrap().labels.remove(label);
    }

    /// Forgets every label.
    pub(crate) fn clear(&self) {
        self.inner.lock().unwrap().labels.clear();
    }

    /// Counts a call, and waits if it is slow or stalls.
    async fn call(&self, kind: &'static str, headers: &HeaderMap) -> Result<Mood, StatusCode> {
        let mood = {
            let mut inner = self.inner.lock().unwrap();
            *inner.calls.entry(kind).or_default() += 1;
            inner.mood
        };
        if headers.get("x-api-key").is_none_or(|key| key != KEY) {
            return Err(StatusCode::UNAUTHORIZED);
        }
        match mood {
            Mood::Slow(time) => tokio::time::sleep(time).await,
            Mood::Stalls => std::future::pending().await,
            _ => {}
        }
        Ok(mood)
    }
}

async fn session(
    State(own): State<StandIn>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    let mood = own.call("session", &headers).await?;
    if name != "shop" {
        return Err(StatusCode::NOT_FOUND);
    }
    let status = if mood == Mood::Stopped { "SCAN_QR_CODE" } else { "WORKING" };
    Ok(Json(json!({ "name": name, "status": status, "config": {} })))
}

async fn labels_of_session(State(own): State<StandIn>, headers: HeaderMap) -> Result<Json<Value>, StatusCode> {
    own.call("labels", &headers).await?;
    let inner = own.inner.lock().unwrap();
    let label =
        |(id, (name, _)): (&String, &(String, _))| json!({ "id": id, "name": name, "color": 3, "colorHex": "#fff" });
    Ok(Json(inner.labels.iter().map(label).collect()))
}

async fn chats(
    State(own): State<StandIn>,
    Path((_, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, StatusCode> {
    let mood = own.call("chats", &headers).await?;
    let chats = own.inner.lock().unwrap().labels.get(&id).cloned().ok_or(StatusCode::NOT_FOUND)?.1;
    let body: Vec<Value> = chats.iter().map(|chat| json!({ "id": chat, "name": "x" })).collect();
    let text = serde_json::to_string(&body).unwrap();
    let half = stream::iter([Ok(Bytes::copy_from_slice(&text.as_bytes()[..text.len() / 2]))]);
    if id != "2" {
        return Ok(Json(body).into_response());
    }
    Ok(match mood {
        Mood::FailsHalfWay => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Nonsense => "<html>proxy</html>".into_response(),
        Mood::OtherFields => Json(json!([{ "chat": "5511999990001@c.us" }])).into_response(),
        Mood::Endless => {
            let spaces = Bytes::from(vec![b' '; 1 << 20]);
            Body::from_stream(stream::repeat_with(move || Ok::<_, std::io::Error>(spaces.clone()))).into_response()
        }
        Mood::HangsUp => {
            let broken = half.chain(stream::iter([Err(std::io::Error::other("hangs up"))]));
            Body::from_stream(broken).into_response()
        }
        Mood::StallsHalfWay => Body::from_stream(half.chain(stream::pending())).into_response(),
        _ => Json(body).into_response(),
    })
}

/// The status of a write that is refused or fails.
fn allowed(mood: Mood) -> Result<(), StatusCode> {
    match mood {
        Mood::Refuses => Err(StatusCode::UNPROCESSABLE_ENTITY),
        Mood::Stopped | Mood::TakesNoWrites => Err(StatusCode::SERVICE_UNAVAILABLE),
        _ => Ok(()),
    }
}

async fn labels_of_chat(
    State(own): State<StandIn>,
    Path((_, chat)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    let mood = own.call("get", &headers).await?;
    if mood == Mood::Stopped {
        return Err(StatusCode::UNPROCESSABLE_ENTITY);
    }
    let inner = own.inner.lock().unwrap();
    let labels = inner.labels.iter().filter(|(_, (_, chats))| chats.contains(&chat));
    Ok(Json(labels.map(|(id, (name, _))| json!({ "id": id, "name": name, "color": 3 })).collect()))
}

async fn set(
    State(own): State<StandIn>,
    Path((_, chat)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    allowed(own.call("set", &headers).await?)?;
    let wanted: BTreeSet<&str> =
        body["labels"].as_array().unwrap().iter().map(|label| label["id"].as_str().unwrap()).collect();
    let inner = &mut *own.inner.lock().unwrap();
    inner.told.push((chat.clone(), wanted.iter().map(|&id| id.to_owned()).collect()));
    for (id, (_, chats)) in &mut inner.labels {
        if wanted.contains(id.as_str()) {
            chats.insert(chat.clone());
        } else {
            chats.remove(&chat);
        }
    }
    Ok(Json(json!({})))
}

async fn create(
    State(own): State<StandIn>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    allowed(own.call("create", &headers).await?)?;
    let labels = &mut own.inner.lock().unwrap().labels;
    let id = (101..).map(|id: u32| id.to_string()).find(|id| !labels.contains_key(id)).unwrap();
    let name = body["name"].as_str().ok_or(StatusCode::BAD_REQUEST)?;
    labels.insert(id.clone(), (name.to_owned(), BTreeSet::new()));
    Ok(Json(json!({ "id": id, "name": name, "color": body["color"], "colorHex": "#fff" })))
}

async fn update(
    State(own): State<StandIn>,
    Path((_, id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    allowed(own.call("update", &headers).await?)?;
    let labels = &mut own.inner.lock().unwrap().labels;
    let (name, _) = labels.get_mut(&id).ok_or(StatusCode::NOT_FOUND)?;
    body["name"].as_str().ok_or(StatusCode::BAD_REQUEST)?.clone_into(name);
    Ok(Json(json!({ "id": id, "name": name, "color": body["color"] })))
}

async fn remove(
    State(own): State<StandIn>,
    Path((_, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, StatusCode> {
    allowed(own.call("delete", &headers).await?)?;
    own.inner.lock().unwrap().labels.remove(&id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(Json(json!({ "result": true })))
}
