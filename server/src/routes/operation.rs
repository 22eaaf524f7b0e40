//! Routes for operators: whether the server is alive and ready, and its metrics.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use prometheus_client::encoding::prometheus_text;

use crate::app::App;
use crate::failure::{Answered, Failure};
use crate::metrics;
use crate::request::operator::Operator;
use crate::request::query::Query;
use crate::request::session::Nothing;
use crate::schemas::{Done, Problem};

/// Says that the process is alive: if this is not answered, start it again.
#[utoipa::path(get, path = "/healthz", tag = "operation", responses((status = 200, body = Done)))]
pub(crate) async fn alive() -> Json<Done> {
    Json(Done::saying("Alive"))
}

/// Says whether the server takes reads and writes: if not, send requests elsewhere.
#[utoipa::path(
    get, path = "/readyz", tag = "operation",
    responses(
        (status = 200, body = Done),
        (status = 503, body = Problem, description = "The server is ending, or its store takes no writes any more.")
    )
)]
pub(crate) async fn ready(State(app): State<Arc<App>>) -> Answered<Json<Done>> {
    let not_ready = |why| Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, why));
    if app.draining.is_cancelled() {
        return not_ready("The server is ending");
    }
    if app.store.failure().is_some() {
        return not_ready("The store takes no writes any more");
    }
    Ok(Json(Done::saying("Ready")))
}

/// Gives numbers in the text format of Prometheus: requests, durations, sizes, queues, and who is behind.
#[utoipa::path(
    get, path = "/metrics", tag = "operation", security(("token" = []), ("bearer" = [])),
    responses(
        (status = 200, body = String, content_type = "text/plain"),
        (status = 400, body = Problem, description = "There are no parameters."),
        (status = 401, body = Problem, description = "The token is neither an account token nor one for metrics."),
        (status = 500, body = Problem, description = "Something here is broken."),
    )
)]
pub(crate) async fn numbers(
    _: Operator,
    Query(Nothing {}): Query<Nothing>,
    State(app): State<Arc<App>>,
) -> Answered<impl IntoResponse> {
    // It takes some microseconds for each instance, and there may be thousands.
    let text = tokio::task::spawn_blocking(move || metrics::text(&app)).await;
    let text = text.map_err(|_| Failure::internal())?.map_err(|_| Failure::internal())?;
    Ok(([(CONTENT_TYPE, prometheus_text::CONTENT_TYPE)], text))
}
