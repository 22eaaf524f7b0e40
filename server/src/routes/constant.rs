//! A constant body, with which `bench/run` measures requests that do not use an index.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;

use crate::app::App;

/// The most bytes.
const LONGEST: usize = 1 << 20;

/// Serves a body of as many bytes as the path says.
pub(crate) fn serving() -> Router<Arc<App>> {
    let all = Bytes::from(vec![b' '; LONGEST]);
    let body = async move |Path(bytes): Path<usize>| {
        let body = all.slice(..bytes.min(LONGEST));
        ([(CONTENT_TYPE, "application/json")], body)
    };
    Router::new().route("/constant/{bytes}", get(body))
}
