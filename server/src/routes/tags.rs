//! Labels, and labels on chats: the first interface's forms.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use label_index::NewLabel;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::app::App;
use crate::chat_write::ChatWrite;
use crate::failure::Answered;
use crate::label_write::{create_label, delete_label};
use crate::request::access::Access;
use crate::request::body::Body;
use crate::request::query::Query;
use crate::request::session::Nothing;
use crate::routes::labels::{LabelList, OneLabel};
use crate::routes::links::ChatLabels;
use crate::schemas::{Done, Failures};

/// The fields of a new label.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by the derived description alone")]
pub(crate) struct NewTag {
    #[schema(min_length = 1, max_length = 1024)]
    name: String,
    color: Option<i32>,
    position: Option<i32>,
}

/// A label by its id.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Tag {
    #[schema(min_length = 1, max_length = 64, example = "1")]
    tag_id: String,
}

/// A label and a chat.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Assignment {
    /// A JID or a phone number.
    #[schema(min_length = 1, max_length = 255, example = "5511999990001")]
    number: String,
    #[schema(min_length = 1, max_length = 64, example = "1")]
    tag_id: String,
}

/// A chat.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct ChatQuery {
    /// A JID or a phone number.
    #[param(min_length = 1, max_length = 255, example = "5511999990001")]
    number: String,
}

/// Lists all labels with the number of their chats.
#[utoipa::path(
    get, path = "/api/chat/tag/{instance}", tag = "contacts",
    params(("instance" = String, Path, description = "The instance")), security(("token" = []), ("bearer" = [])),
    responses((status = 200, body = LabelList), Failures)
)]
pub(crate) async fn list(access: Access, Query(Nothing {}): Query<Nothing>) -> Json<LabelList> {
    Json(LabelList::of(&access.index))
}

/// Creates a label under a new id.
#[utoipa::path(
    post, path = "/api/chat/tag/{instance}", tag = "contacts", request_body = NewTag,
    params(("instance" = String, Path, description = "The instance")), security(("token" = []), ("bearer" = [])),
    responses((status = 201, body = OneLabel), Failures)
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    access: Access,
    Query(Nothing {}): Query<Nothing>,
    Body(label): Body<NewLabel>,
) -> Answered<(StatusCode, Json<OneLabel>)> {
    let id = create_label(&app, &access.name, &access.index, label).await?;
    Ok((StatusCode::CREATED, Json(OneLabel::of(&access.index, &id)?)))
}

/// Deletes a label, and takes it from every chat.
#[utoipa::path(
    delete, path = "/api/chat/tag/{instance}", tag = "contacts", request_body = Tag,
    params(("instance" = String, Path, description = "The instance")), security(("token" = []), ("bearer" = [])),
    responses((status = 200, body = Done), Failures)
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    access: Access,
    Query(Nothing {}): Query<Nothing>,
    Body(tag): Body<Tag>,
) -> Answered<Json<Done>> {
    delete_label(&app, &access.name, &access.index, &tag.tag_id).await?;
    Ok(Json(Done::new()))
}

/// Lists the labels of a chat.
#[utoipa::path(
    get, path = "/api/chat/assignTag/{instance}", tag = "contacts",
    params(("instance" = String, Path, description = "The instance"), ChatQuery),
    security(("token" = []), ("bearer" = [])), responses((status = 200, body = ChatLabels), Failures)
)]
pub(crate) async fn of_chat(
    State(app): State<Arc<App>>,
    access: Access,
    Query(ChatQuery { number }): Query<ChatQuery>,
) -> Answered<Json<ChatLabels>> {
    Ok(Json(ChatLabels::of(&access.index, &app.chats.chat(&number)?)))
}

/// Gives a chat a label. Again changes nothing.
#[utoipa::path(
    post, path = "/api/chat/assignTag/{instance}", tag = "contacts", request_body = Assignment,
    params(("instance" = String, Path, description = "The instance")), security(("token" = []), ("bearer" = [])),
    responses((status = 200, body = Done), Failures)
)]
pub(crate) async fn assign(
    State(app): State<Arc<App>>,
    access: Access,
    Query(Nothing {}): Query<Nothing>,
    Body(Assignment { number, tag_id }): Body<Assignment>,
) -> Answered<Json<Done>> {
    let chat = app.chats.chat(&number)?;
    ChatWrite::Link(tag_id).carry_out(&app, &access.name, &access.index, chat).await?;
    Ok(Json(Done::new()))
}

/// Takes a label from a chat. Again changes nothing.
#[utoipa::path(
    delete, path = "/api/chat/assignTag/{instance}", tag = "contacts", request_body = Assignment,
    params(("instance" = String, Path, description = "The instance")), security(("token" = []), ("bearer" = [])),
    responses((status = 200, body = Done), Failures)
)]
pub(crate) async fn unassign(
    State(app): State<Arc<App>>,
    access: Access,
    Query(Nothing {}): Query<Nothing>,
    Body(Assignment { number, tag_id }): Body<Assignment>,
) -> Answered<Json<Done>> {
    let chat = app.chats.chat(&number)?;
    ChatWrite::Unlink(tag_id).carry_out(&app, &access.name, &access.index, chat).await?;
    Ok(Json(Done::new()))
}
