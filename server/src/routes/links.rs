//! Labels on chats: the second interface's forms.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use label_index::{ChatId, Filter, LabelIndex};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::chat_write::ChatWrite;
use crate::failure::{Answered, Failure};
use crate::request::session::{Nothing, Session};
use crate::routes::contacts::page;
use crate::schemas::{self, Credentials, Done, Failures, LabelChats};

/// Which page of chats.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// The most chats to list, 1,000 by default, which is also the most allowed.
    #[param(minimum = 0, maximum = 1000)]
    limit: Option<usize>,
    /// The value of `next` in the page before.
    #[param(min_length = 1)]
    after: Option<String>,
}

/// A label and a chat, in the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct LabelAndChat {
    /// The label.
    #[param(min_length = 1, max_length = 64, example = "1")]
    id: String,
    /// A JID or a phone number.
    #[serde(rename = "chatId")]
    #[param(min_length = 1, max_length = 255, example = "5511999990001")]
    chat_id: String,
}

/// A chat, in the path.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct OneChat {
    /// A JID or a phone number.
    #[serde(rename = "chatId")]
    #[param(min_length = 1, max_length = 255, example = "5511999990001")]
    chat_id: String,
}

/// The labels of one chat.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChatLabels {
    #[serde(flatten)]
    done: Done,
    /// The chat, as it is called here.
    #[schema(value_type = String)]
    chat_id: ChatId,
    #[schema(value_type = Vec<schemas::Label>)]
    labels: label_index::ChatLabels,
}

impl ChatLabels {
    pub(crate) fn of(index: &LabelIndex, chat: &ChatId) -> Self {
        let chat_id = index.resolve(chat).unwrap_or_else(|| chat.clone());
        Self { done: Done::new(), labels: index.labels_of(&chat_id), chat_id }
    }
}

/// A label by its id.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelById {
    #[schema(min_length = 1, max_length = 64, example = "1")]
    id: String,
}

/// The labels that a chat is to have.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelSet {
    labels: Vec<LabelById>,
}

/// The labels that a chat is to have, and no others.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by the derived description alone")]
pub(crate) struct LabelSetFields {
    labels: Vec<LabelById>,
    /// If it is not in the query.
    instance_id: Option<String>,
    /// If it is neither in the query nor in a header.
    access_token: Option<String>,
}

/// The credentials of a request, where the body has nothing else.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by the derived description alone")]
pub(crate) struct CredentialFields {
    instance_id: Option<String>,
    access_token: Option<String>,
}

/// Lists the chats that have a label, each with all its labels.
#[utoipa::path(
    get, path = "/v2/labels/{id}/chats", tag = "labels",
    params(("id" = String, Path, description = "The label"), PageQuery, Credentials),
    responses((status = 200, body = LabelChats), Failures)
)]
pub(crate) async fn chats(Path(id): Path<String>, session: Session<PageQuery>) -> Answered<Response> {
    let page = page(session.query.limit, session.query.after.as_deref())?;
    let snapshot = session.index.snapshot();
    if snapshot.label(id.as_str()).is_none() {
        return Err(Failure::label_not_found());
    }
    Done::new().with_answer(|json| snapshot.query_json(&Filter::new().any_of_ids([id]), page, json), "")
}

/// Gives a chat a label. Again changes nothing.
#[utoipa::path(
    put, path = "/v2/labels/{id}/chats/{chatId}", tag = "labels", request_body = Option<CredentialFields>,
    params(LabelAndChat, Credentials),
    responses((status = 200, body = Done), Failures)
)]
pub(crate) async fn link(
    State(app): State<Arc<App>>,
    Path(LabelAndChat { id, chat_id }): Path<LabelAndChat>,
    session: Session,
) -> Answered<Json<Done>> {
    let chat = app.chats.chat(&chat_id)?;
    ChatWrite::Link(id).carry_out(&app, &session.name, &session.index, chat).await?;
    Ok(Json(Done::new()))
}

/// Takes a label from a chat. Again changes nothing.
#[utoipa::path(
    delete, path = "/v2/labels/{id}/chats/{chatId}", tag = "labels", request_body = Option<CredentialFields>,
    params(LabelAndChat, Credentials),
    responses((status = 200, body = Done), Failures)
)]
pub(crate) async fn unlink(
    State(app): State<Arc<App>>,
    Path(LabelAndChat { id, chat_id }): Path<LabelAndChat>,
    session: Session,
) -> Answered<Json<Done>> {
    let chat = app.chats.chat(&chat_id)?;
    ChatWrite::Unlink(id).carry_out(&app, &session.name, &session.index, chat).await?;
    Ok(Json(Done::new()))
}

/// Lists the labels of a chat.
#[utoipa::path(
    get, path = "/v2/labels/chats/{chatId}", tag = "labels",
    params(OneChat, Credentials),
    responses((status = 200, body = ChatLabels), Failures)
)]
pub(crate) async fn labels_of(
    State(app): State<Arc<App>>,
    Path(OneChat { chat_id }): Path<OneChat>,
    session: Session,
) -> Answered<Json<ChatLabels>> {
    Ok(Json(ChatLabels::of(&session.index, &app.chats.chat(&chat_id)?)))
}

/// Makes the labels of a chat exactly these. If any of them is not known, nothing changes.
#[utoipa::path(
    put, path = "/v2/labels/chats/{chatId}", tag = "labels", request_body = LabelSetFields,
    params(OneChat, Credentials),
    responses((status = 200, body = Done), Failures)
)]
pub(crate) async fn set(
    State(app): State<Arc<App>>,
    Path(OneChat { chat_id }): Path<OneChat>,
    session: Session<Nothing, LabelSet>,
) -> Answered<Json<Done>> {
    let chat = app.chats.chat(&chat_id)?;
    let labels = session.body.labels.into_iter().map(|label| label.id).collect();
    ChatWrite::Set(labels).carry_out(&app, &session.name, &session.index, chat).await?;
    Ok(Json(Done::new()))
}
