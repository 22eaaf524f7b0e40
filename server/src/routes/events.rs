//! Server-sent events: changes as they happen.

use std::convert::Infallible;
use std::iter::Peekable;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive};
use axum::response::{IntoResponse, Sse};
use futures_util::{StreamExt, stream};
use label_index::{Delivery, LabelIndex, Subscriber};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use utoipa::IntoParams;

use crate::app::App;
use crate::events::InstanceEvent;
use crate::failure::{Answered, Failure};
use crate::request::session::Session;
use crate::schemas::{Credentials, Failures};

/// The interval of comments that keep an idle stream open.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The start of a stream.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Beginning {
    /// The id of the last event that was seen. The header `Last-Event-ID`, if there is one, counts instead.
    last_event_id: Option<String>,
}

/// Streams `label.chat.added`, `label.chat.deleted`, `label.upsert` and `label.deleted` as they happen.
///
/// The first message, `ready`, has the position where the stream begins as its id. The events of one commit come together,
/// and the last of them has an id, from which a stream goes on. `missed` says that events are gone that were not seen: read
/// the state anew.
#[utoipa::path(
    get, path = "/v2/events", tag = "labels",
    params(
        Beginning,
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that was seen"),
        Credentials
    ),
    responses((status = 200, body = InstanceEvent, content_type = "text/event-stream"), Failures)
)]
pub(crate) async fn stream(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    session: Session<Beginning>,
) -> Answered<impl IntoResponse> {
    let last = match headers.get("last-event-id") {
        Some(id) => Some(id.to_str().map_err(|_| Failure::bad_request("Last-Event-ID is no position"))?.to_owned()),
        None => session.query.last_event_id,
    };
    let subscriber = match &last {
        Some(position) => session.index.subscribe_from(position)?,
        None => session.index.subscribe(),
    };
    let permit = Arc::clone(&app.streams).try_acquire_owned().map_err(|_| Failure::busy())?;
    let ready = message("ready", &subscriber, &json!({ "instance": session.name }));
    let follower =
        Follower { instance: session.name.into(), index: session.index, subscriber, events: None, _permit: permit };
    let events = stream::once(async { ready }).chain(stream::unfold(follower, Follower::next));
    let events = events.take_until(app.ending.clone().cancelled_owned()).map(Ok::<_, Infallible>);
    // Otherwise proxies that buffer answers would delay events.
    let unbuffered = [("x-accel-buffering", "no")];
    Ok((unbuffered, Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))))
}

/// The events of one commit.
type Events = Box<dyn Iterator<Item = InstanceEvent> + Send>;

/// One stream. It is polled as fast as its client reads: a slow client falls behind, and delays no other.
struct Follower {
    instance: Arc<str>,
    index: LabelIndex,
    subscriber: Subscriber,
    /// The remaining events of the last commit.
    events: Option<Peekable<Events>>,
    _permit: OwnedSemaphorePermit,
}

impl Follower {
    async fn next(mut self) -> Option<(Event, Self)> {
        loop {
            if let Some(event) = self.events.as_mut().and_then(Iterator::next) {
                let named = Event::default().event(event.name());
                // Texts and numbers can always be serialised.
                let message = named.json_data(&event).unwrap_or_default();
                let is_last = self.events.as_mut().is_none_or(|events| events.peek().is_none());
                // Only the last one has an id, so that a client that is disconnected in between gets the whole commit
                // again.
                let message = if is_last { message.id(self.subscriber.position().to_string()) } else { message };
                return Some((message, self));
            }
            match self.subscriber.recv_async().await {
                Delivery::Commit(commit) => {
                    let events: Events = Box::new(InstanceEvent::of_commit(&self.instance, commit));
                    self.events = Some(events.peekable());
                }
                Delivery::Missed { after } => {
                    self.subscriber.resume_after(self.index.revision());
                    let data = json!({ "instance": self.instance, "after": after });
                    return Some((message("missed", &self.subscriber, &data), self));
                }
                Delivery::Failed(error) => {
                    tracing::error!(%error, "events could not be read");
                    return None;
                }
                Delivery::Closed => return None,
            }
        }
    }
}

/// A message other than an event of a commit.
fn message(name: &str, subscriber: &Subscriber, data: &serde_json::Value) -> Event {
    Event::default().event(name).id(subscriber.position().to_string()).data(data.to_string())
}
