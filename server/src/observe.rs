//! Logs: requests with their results, and events of the index, without any token, phone number or name of a label.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tracing_subscriber::filter::{EnvFilter, FilterExt, LevelFilter, Targets};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

use crate::app::App;

/// Logs to stderr, as `RUST_LOG` says; by default warnings, and the events of this server and of the index. A span of
/// the index is logged as a line when it ends, with its duration.
///
/// Libraries log warnings only, whatever `RUST_LOG` says: at lower levels, those that read and send requests may log
/// whole headers and addresses as soon as one of their features is turned on.
pub(crate) fn log_to_stderr() {
    let chosen = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn,label_index=info"));
    let harmless = Targets::new().with_target("label_index", LevelFilter::TRACE).with_default(LevelFilter::WARN);
    let ansi = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let lines = tracing_subscriber::fmt::layer();
    let lines = lines.with_writer(std::io::stderr).with_ansi(ansi).with_span_events(FmtSpan::CLOSE);
    tracing_subscriber::registry().with(lines.with_filter(chosen.and(harmless))).init();
}

/// Counts and logs one request. The route is the pattern, since the address itself has numbers and tokens in it.
pub(crate) async fn request(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let pending = app.metrics.begin();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let status = response.status().as_u16();
    tracing::debug!(%method, route, status, micros = pending.began.elapsed().as_micros(), "answered");
    pending.answered(&method, route, status);
    response
}
