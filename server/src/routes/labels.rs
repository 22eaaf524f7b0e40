//! Labels: the second interface's forms.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use label_index::{Label, LabelIndex, LabelPatch, NewLabel};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::failure::{Answered, Failure};
use crate::label_write::{create_label, delete_label, update_label};
use crate::request::session::{Nothing, Session};
use crate::schemas::{self, Credentials, Done, Failures};

/// A label, and how many chats have it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct CountedLabel {
    #[serde(flatten)]
    #[schema(value_type = schemas::Label)]
    label: Label,
    /// The number of chats that have it.
    chats: u64,
}

/// Labels, in order of their ids.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LabelList {
    #[serde(flatten)]
    done: Done,
    labels: Vec<CountedLabel>,
}

/// One label.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct OneLabel {
    #[serde(flatten)]
    done: Done,
    label: CountedLabel,
}

impl LabelList {
    /// Every label of an index, all as of one moment.
    pub(crate) fn of(index: &LabelIndex) -> Self {
        let snapshot = index.snapshot();
        let count = |label: Label| CountedLabel { chats: snapshot.count(label.id()), label };
        Self { done: Done::new(), labels: snapshot.labels().into_iter().map(count).collect() }
    }
}

impl OneLabel {
    /// The label of an id.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub(crate) fn of(index: &LabelIndex, id: &str) -> Answered<Self> {
        let snapshot = index.snapshot();
        let label = snapshot.label(id).ok_or_else(Failure::label_not_found)?;
        let chats = snapshot.count(id);
        Ok(Self { done: Done::new(), label: CountedLabel { label, chats } })
    }
}

/// The fields of a new label.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by the derived description alone")]
pub(crate) struct NewLabelFields {
    #[schema(min_length = 1, max_length = 1024)]
    name: String,
    color: Option<i32>,
    position: Option<i32>,
    /// If it is not in the query.
    instance_id: Option<String>,
    /// If it is neither in the query nor in a header.
    access_token: Option<String>,
}

/// The fields of a label that change; others stay as they are.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "read by the derived description alone")]
pub(crate) struct LabelFields {
    #[schema(min_length = 1, max_length = 1024)]
    name: Option<String>,
    color: Option<i32>,
    position: Option<i32>,
    /// If it is not in the query.
    instance_id: Option<String>,
    /// If it is neither in the query nor in a header.
    access_token: Option<String>,
}

/// Lists all labels with the number of their chats.
#[utoipa::path(
    get, path = "/v2/labels", tag = "labels", params(Credentials),
    responses((status = 200, body = LabelList), Failures)
)]
pub(crate) async fn list(session: Session) -> Json<LabelList> {
    Json(LabelList::of(&session.index))
}

/// Creates a label under a new id.
#[utoipa::path(
    post, path = "/v2/labels", tag = "labels", params(Credentials), request_body = NewLabelFields,
    responses((status = 201, body = OneLabel), Failures)
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    session: Session<Nothing, NewLabel>,
) -> Answered<(StatusCode, Json<OneLabel>)> {
    let id = create_label(&app, &session.name, &session.index, session.body).await?;
    Ok((StatusCode::CREATED, Json(OneLabel::of(&session.index, &id)?)))
}

/// Reads a label.
#[utoipa::path(
    get, path = "/v2/labels/{id}", tag = "labels",
    params(("id" = String, Path, description = "The label"), Credentials),
    responses((status = 200, body = OneLabel), Failures)
)]
pub(crate) async fn read(Path(id): Path<String>, session: Session) -> Answered<Json<OneLabel>> {
    Ok(Json(OneLabel::of(&session.index, &id)?))
}

/// Changes the fields of a label that are given. A deleted label stays deleted.
#[utoipa::path(
    put, path = "/v2/labels/{id}", tag = "labels", request_body = Option<LabelFields>,
    params(("id" = String, Path, description = "The label"), Credentials),
    responses((status = 200, body = Done), Failures)
)]
pub(crate) async fn update(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    session: Session<Nothing, LabelPatch>,
) -> Answered<Json<Done>> {
    update_label(&app, &session.name, &session.index, &id, session.body).await?;
    Ok(Json(Done::new()))
}

/// Deletes a label, and takes it from every chat.
#[utoipa::path(
    delete, path = "/v2/labels/{id}", tag = "labels",
    params(("id" = String, Path, description = "The label"), Credentials),
    responses((status = 200, body = Done), Failures)
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    session: Session,
) -> Answered<Json<Done>> {
    delete_label(&app, &session.name, &session.index, &id).await?;
    Ok(Json(Done::new()))
}
