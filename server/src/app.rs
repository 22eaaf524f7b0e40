//! What all requests share, and the routes.

use std::sync::Arc;
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::{Router, middleware};
use label_index::{Error, LabelIndex, Store};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tower::load_shed::error::Overloaded;
use tower::{BoxError, ServiceBuilder};
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;

use crate::failure::{Answered, Failure};
use crate::metrics::Metrics;
use crate::observe;
use crate::page;
use crate::rate::Rate;
use crate::request::chat::ChatNames;
use crate::request::path;
use crate::routes;
use crate::tokens::Tokens;
use crate::upstream::{ReportKey, Upstream};

/// Bytes of a body.
const LONGEST_BODY: usize = 1 << 20;
/// Requests that are answered at the same time; more are told to come back.
const REQUESTS: usize = 4_096;
/// Streams of events at the same time.
pub(crate) const STREAMS: usize = 1_024;
/// How long an answer may take to begin.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// What all requests share.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
    pub(crate) rate: Rate,
    pub(crate) chats: ChatNames,
    /// Streams of events that may be begun yet.
    pub(crate) streams: Arc<Semaphore>,
    pub(crate) metrics: Metrics,
    /// The network's gateway, if there is one.
    pub(crate) upstream: Option<Arc<Upstream>>,
    /// The key with which the gateway signs what it reports.
    pub(crate) report_key: Option<ReportKey>,
    /// Cancelled when the server is told to end: no requests should be sent to it any more.
    pub(crate) draining: CancellationToken,
    /// Cancelled when the server ends.
    pub(crate) ending: CancellationToken,
}

impl App {
    /// The index of an instance, which is loaded if it is not.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub(crate) async fn instance(&self, name: &str) -> Answered<LabelIndex> {
        match self.store.existing_async(name).await {
            // What cannot be the name of an instance is not known either.
            Err(Error::InvalidInstanceName { .. }) => Err(Failure::instance_not_found()),
            loaded => Ok(loaded?),
        }
    }

    /// The index of a session, as the second interface calls an instance.
    ///
    /// # Errors
    ///
    /// 401 without a token for it, then 404 if there is none.
    pub(crate) async fn session(&self, name: &str, token: Option<&str>) -> Answered<LabelIndex> {
        let scope = token.and_then(|token| self.tokens.scope(token));
        if !scope.is_some_and(|(_, scope)| scope.allows(name)) {
            return Err(Failure::invalid_token());
        }
        self.known_session(name).await
    }

    /// The index of a session, for a request that is allowed to have it.
    ///
    /// # Errors
    ///
    /// 404 if there is none.
    pub(crate) async fn known_session(&self, name: &str) -> Answered<LabelIndex> {
        self.instance(name).await.map_err(|failure| match failure.status {
            StatusCode::NOT_FOUND => Failure::session_not_found(),
            _ => failure,
        })
    }
}

/// Everything that the server answers.
pub(crate) fn router(app: Arc<App>) -> Router {
    let (router, mut document) =
        OpenApiRouter::with_openapi(routes::openapi::document()).merge(routes::all()).split_for_parts();
    let (operation, operation_document) = routes::operation().split_for_parts();
    document.merge(operation_document);
    let bounds = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(out_of_bounds))
        .load_shed()
        .concurrency_limit(REQUESTS)
        .timeout(TIME_LIMIT);
    #[cfg(feature = "constant")]
    let router = router.merge(routes::constant::serving());
    router
        .merge(routes::openapi::serving(&document))
        .merge(routes::without_instance())
        .merge(page::serving())
        .layer(ServiceBuilder::new().layer(bounds).layer(DefaultBodyLimit::max(LONGEST_BODY)))
        // Outside of the bounds: a server that is busy is alive.
        .merge(operation)
        .fallback(|| async { Failure::new(StatusCode::NOT_FOUND, "Not found") })
        .method_not_allowed_fallback(|| async { Failure::new(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed") })
        .layer(
            ServiceBuilder::new()
                .layer(middleware::from_fn_with_state(Arc::clone(&app), observe::request))
                .layer(CatchPanicLayer::custom(|_| Failure::internal().into_response()))
                .layer(middleware::from_fn(path::well_formed)),
        )
        .with_state(app)
}

async fn out_of_bounds(error: BoxError) -> Failure {
    if error.is::<Overloaded>() { Failure::busy() } else { Failure::too_slow() }
}
