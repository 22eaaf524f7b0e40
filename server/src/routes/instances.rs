//! The instances that a token is for.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::failure::{Answered, Failure};
use crate::request::credentials::token;
use crate::request::query::Query;
use crate::request::session::Nothing;
use crate::schemas::{Done, Failures};

/// Names of instances, in order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Instances {
    #[serde(flatten)]
    done: Done,
    instances: Vec<String>,
    /// Whether there is a gateway that `refresh=true` of contacts by label asks.
    upstream: bool,
}

/// Lists the instances that the token in the header is for.
#[utoipa::path(
    get, path = "/v2/instances", tag = "labels", security(("token" = []), ("bearer" = [])),
    responses((status = 200, body = Instances), Failures)
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Query(Nothing {}): Query<Nothing>,
) -> Answered<Json<Instances>> {
    let (_, scope) = token(&headers).and_then(|token| app.tokens.scope(token)).ok_or_else(Failure::invalid_token)?;
    let asked = Arc::clone(&app);
    // A store in a database sends it a query.
    let names = tokio::task::spawn_blocking(move || asked.store.instances()).await.map_err(|_| Failure::internal())?;
    let instances = names.into_iter().filter(|name| scope.allows(name)).collect();
    Ok(Json(Instances { done: Done::new(), instances, upstream: app.upstream.is_some() }))
}
