//! Requests of operators of the server.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::app::App;
use crate::failure::{Answered, Failure};
use crate::request::credentials::token;

/// A token that may read the metrics of all instances: an account token, or one for metrics alone.
#[derive(Debug)]
pub(crate) struct Operator;

impl FromRequestParts<Arc<App>> for Operator {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Answered<Self> {
        let scope = token(&parts.headers).and_then(|token| app.tokens.scope(token));
        if scope.is_some_and(|(_, scope)| scope.allows_metrics()) { Ok(Self) } else { Err(Failure::invalid_token()) }
    }
}
