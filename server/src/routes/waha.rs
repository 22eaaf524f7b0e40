//! Reports of the network's gateway.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use label_index::{BatchCommit, Event, LabelIndex};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::failure::{Answered, Failure};
use crate::request::query::Query;
use crate::request::session::Nothing;
use crate::request::{body, credentials};
use crate::schemas::{Done, Failures};
use crate::upstream::LabelRecord;

/// An event as WAHA posts it; fields that are not needed are passed over, since versions of WAHA add some.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct Report {
    /// `label.upsert`, `label.deleted`, `label.chat.added` or `label.chat.deleted`; others mean nothing here.
    #[schema(example = "label.chat.added")]
    event: String,
    /// The instance.
    #[schema(min_length = 1, example = "shop")]
    session: String,
    /// Of a label `id`, `name` and `color`; of a link `labelId` and `chatId`.
    #[serde(default)]
    #[schema(value_type = Object, example = json!({ "labelId": "1", "chatId": "5511999990001@c.us" }))]
    payload: Value,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LinkPayload {
    label_id: String,
    chat_id: String,
}

/// Takes in what the gateway reports of labels and chats. Again changes nothing; events of other kinds are passed over.
///
/// Either it is signed, in the header `X-Webhook-Hmac`, or it has a token for the instance in a header.
#[utoipa::path(
    post, path = "/webhooks/waha", tag = "gateway", request_body = Report,
    params(("X-Webhook-Hmac" = Option<String>, Header, description = "HMAC of the body with SHA-512, in hexadecimal digits")),
    security(("token" = []), ("bearer" = []), ()),
    responses((status = 200, body = Done), Failures)
)]
pub(crate) async fn report(
    State(app): State<Arc<App>>,
    Query(Nothing {}): Query<Nothing>,
    request: Request,
) -> Answered<Json<Done>> {
    let (headers, bytes) = body::bytes(request, &app).await?;
    let signed = match (headers.get("x-webhook-hmac"), &app.report_key) {
        (Some(signature), Some(key)) => {
            let is_right = signature.to_str().is_ok_and(|signature| key.signed(&bytes, signature));
            if !is_right {
                return Err(Failure::invalid_token());
            }
            true
        }
        _ => false,
    };
    let report: Report = body::read(body::fields(&headers, &bytes)?)?;
    if report.session.trim().is_empty() {
        return Err(Failure::instance_name_required());
    }
    let index = if signed {
        app.known_session(&report.session).await?
    } else {
        app.session(&report.session, credentials::token(&headers)).await?
    };
    if let Some(event) = event(&report.event, report.payload)? {
        take_in(app, report.session, index, event).await?;
    }
    Ok(Json(Done::new()))
}

/// Applies one event, and records that the gateway knows it already. Runs to the end even if the caller goes away.
async fn take_in(app: Arc<App>, name: String, index: LabelIndex, event: Event) -> Answered<()> {
    let taken_in = tokio::spawn(async move {
        let lane = app.upstream.as_ref().and_then(|upstream| upstream.lane(&name));
        let Some(lane) = lane else { return ingest(&index, event).await.map(drop) };
        let report = lane.report().await;
        let commit = ingest(&index, event).await?;
        if commit.changed() {
            report.committed(commit.revision);
        }
        Ok(())
    });
    taken_in.await.map_err(|_| Failure::internal())?
}

/// Applies one event.
async fn ingest(index: &LabelIndex, event: Event) -> Answered<BatchCommit> {
    let mut batch = index.batch();
    batch.ingest(event);
    Ok(batch.submit().await?)
}

/// The event for the index; `None` for other kinds.
fn event(name: &str, payload: Value) -> Answered<Option<Event>> {
    Ok(Some(match name {
        "label.upsert" => {
            let label: LabelRecord = read(payload)?;
            Event::LabelEdited { label: label.id.parse()?, patch: label.patch() }
        }
        "label.deleted" => {
            let label: LabelRecord = read(payload)?;
            Event::LabelDeleted { label: label.id.parse()? }
        }
        "label.chat.added" => {
            let LinkPayload { label_id, chat_id } = read(payload)?;
            Event::ChatLabelled { label: label_id.parse()?, chat: chat_id.parse()? }
        }
        "label.chat.deleted" => {
            let LinkPayload { label_id, chat_id } = read(payload)?;
            Event::ChatUnlabelled { label: label_id.parse()?, chat: chat_id.parse()? }
        }
        _ => return Ok(None),
    }))
}

fn read<T: for<'de> Deserialize<'de>>(payload: Value) -> Answered<T> {
    serde_json::from_value(payload).map_err(|error| Failure::bad_request(format!("payload: {error}")))
}
