//! Answers to requests that cannot be carried out.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use label_index::{Error, ErrorKind};
use serde::Serialize;

/// A status, and a message for the caller: `{"success": false, "error": {"message": ".."}}`.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: StatusCode,
    message: Cow<'static, str>,
    /// Seconds.
    retry_after: Option<u64>,
}

/// The result of a handler.
pub(crate) type Answered<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(status: StatusCode, message: impl Into<Cow<'static, str>>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// 400.
    pub(crate) fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn instance_name_required() -> Self {
        Self::bad_request("Instance name is required")
    }

    pub(crate) fn invalid_token() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Invalid token")
    }

    pub(crate) fn instance_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Instance not found")
    }

    pub(crate) fn not_connected() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "Instance is not connected to WhatsApp")
    }

    /// 502.
    pub(crate) fn bad_gateway(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, message)
    }

    pub(crate) fn session_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Session not found")
    }

    pub(crate) fn label_not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Label not found")
    }

    pub(crate) fn too_many_requests(seconds: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests").retry_after(seconds)
    }

    pub(crate) fn busy() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "The server is busy").retry_after(1)
    }

    pub(crate) fn too_slow() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "The request took too long").retry_after(1)
    }

    /// The server has a fault, which is in the log.
    pub(crate) fn internal() -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "Internal error")
    }

    /// Sets `Retry-After`.
    pub(crate) fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after = Some(seconds);
        self
    }
}

/// The status is that of the error's kind; errors that only the operator can fix go to the log, and not to the caller.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match &error {
            Error::BatchRefused { cause, .. } => return Self::from((**cause).clone()),
            Error::UnknownLabel { .. } => return Self::label_not_found(),
            Error::UnknownInstance { .. } => return Self::instance_not_found(),
            _ => {}
        }
        let status = match error.kind() {
            ErrorKind::Invalid => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Conflict => StatusCode::CONFLICT,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::Unavailable => {
                tracing::error!(%error, "storage is not available");
                return Self::new(StatusCode::SERVICE_UNAVAILABLE, "Storage is not available").retry_after(10);
            }
            _ => {
                tracing::error!(%error, "the index failed");
                return Self::internal();
            }
        };
        Self::new(status, error.to_string())
    }
}

/// The body of a failure; a struct keeps its fields in this order.
#[derive(Serialize)]
struct Body<'a> {
    success: bool,
    error: Message<'a>,
}

#[derive(Serialize)]
struct Message<'a> {
    message: &'a str,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = Json(Body { success: false, error: Message { message: &self.message } });
        let mut response = (self.status, body).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
