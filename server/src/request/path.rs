//! Parameters in the path of a request.

use axum::extract::{FromRequestParts, RawPathParams, Request};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::failure::{Answered, Failure};
use crate::request::query::decode;

/// Refuses a path with a wrong percent-encoding, before it is matched.
pub(crate) async fn well_formed(request: Request, next: Next) -> Response {
    if let Err(failure) = decode(request.uri().path()) {
        return failure.into_response();
    }
    next.run(request).await
}

/// One parameter of the path, decoded.
pub(crate) async fn parameter<S: Send + Sync>(parts: &mut Parts, state: &S, name: &str) -> Answered<String> {
    let all = RawPathParams::from_request_parts(parts, state).await;
    let all = all.map_err(|_| Failure::bad_request("malformed percent-encoding in the address"))?;
    Ok(all.iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned()).unwrap_or_default())
}
