//! The values of the interface as OpenAPI describes them. The values themselves are the index's.

#![expect(dead_code, reason = "read by the derived description alone")]

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::{IntoParams, IntoResponses, ToSchema};

use crate::failure::Answered;

/// Bytes of a page of 50 chats, so that the usual body need not grow.
const PAGE_BYTES: usize = 12 << 10;

/// A label.
#[derive(ToSchema)]
pub(crate) struct Label {
    /// Its id.
    #[schema(example = "1")]
    id: String,
    /// Its name; null while nobody has told it.
    #[schema(required, example = "VIP")]
    name: Option<String>,
    /// Its colour, a number of the network's palette.
    #[schema(required)]
    color: Option<i32>,
    /// Where it stands among the others.
    #[schema(required)]
    position: Option<i32>,
}

/// A chat and all its labels.
#[derive(ToSchema)]
pub(crate) struct LabelledChat {
    /// The chat.
    #[schema(example = "5511999990001@c.us")]
    chat_id: String,
    labels: Vec<Label>,
}

/// Entries of the filter that mean nothing here.
#[derive(ToSchema)]
pub(crate) struct Unresolved {
    ids: Vec<String>,
    names: Vec<String>,
}

/// The chats of a page, and exact totals over all pages.
#[derive(ToSchema)]
pub(crate) struct Answer {
    chats: Vec<LabelledChat>,
    /// The number of chats that pass the filter, on this page or not.
    total_chats: u64,
    /// The number of their pairs of chat and label.
    total_rows: u64,
    /// The number of those pairs whose label was asked for by `labelIds` or `labelNames`.
    matched_rows: u64,
    /// The ids that the filter came down to.
    filter_label_ids: Vec<String>,
    unresolved: Unresolved,
    /// Where the next page begins, as `after`; null if this is the last.
    #[schema(required)]
    next: Option<String>,
    /// The version of the index that was asked.
    revision: u64,
}

/// A page of chats.
#[derive(ToSchema)]
pub(crate) struct Contacts {
    #[serde(flatten)]
    done: Done,
    #[serde(flatten)]
    answer: Answer,
    /// Whether the network was asked in this call.
    refreshed: bool,
}

/// A page of the chats of one label.
#[derive(ToSchema)]
pub(crate) struct LabelChats {
    #[serde(flatten)]
    done: Done,
    #[serde(flatten)]
    answer: Answer,
}

/// What happened: `event` is its name.
#[derive(ToSchema)]
#[schema(example = json!({ "event": "label.chat.added", "label": "1", "chat": "5511999990001@c.us" }))]
pub(crate) struct PublicEvent {
    /// `label.chat.added`, `label.chat.deleted`, `label.upsert` or `label.deleted`.
    event: String,
    /// The id of the label; of `label.upsert` the whole label.
    #[schema(value_type = Value)]
    label: serde_json::Value,
    /// The chat, of `label.chat.added` and `label.chat.deleted`.
    chat: Option<String>,
    /// Of `label.deleted`: how many chats lost the label with it, without an event of their own.
    links: Option<u64>,
}

/// What a request failed for.
#[derive(ToSchema)]
pub(crate) struct Problem {
    /// Always false.
    #[schema(example = false)]
    success: bool,
    error: ProblemMessage,
}

#[derive(ToSchema)]
pub(crate) struct ProblemMessage {
    message: String,
}

/// That an operation succeeded.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Done {
    /// Always true.
    success: bool,
    #[schema(example = "Operation completed successfully")]
    message: &'static str,
}

impl Done {
    pub(crate) const fn new() -> Self {
        Self::saying("Operation completed successfully")
    }

    /// The message is a text that JSON takes as it is.
    pub(crate) const fn saying(message: &'static str) -> Self {
        Self { success: true, message }
    }

    /// An object of what was done, the fields that `write_answer` appends, and further fields, each with a comma before it.
    ///
    /// An index writes its answer as JSON in less time than it takes to make a value of it for serde.
    ///
    /// # Errors
    ///
    /// Those of `write_answer`.
    pub(crate) fn with_answer(
        &self,
        write_answer: impl FnOnce(&mut Vec<u8>) -> label_index::Result<()>,
        further: &str,
    ) -> Answered<Response> {
        let Self { success, message } = self;
        let success = if *success { "true" } else { "false" };
        let mut body = Vec::with_capacity(PAGE_BYTES);
        for text in [r#"{"success":"#, success, r#","message":""#, message, r#"","#] {
            body.extend_from_slice(text.as_bytes());
        }
        write_answer(&mut body)?;
        body.extend_from_slice(further.as_bytes());
        body.push(b'}');
        Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
    }
}

/// The credentials of the second interface. The token can be in a header too.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Credentials {
    /// The instance. In requests with a body it can be there instead.
    #[param(required = false)]
    instance_id: String,
    /// A token for it. In requests with a body it can be there instead.
    #[param(required = false)]
    access_token: String,
}

/// How every request can fail.
#[derive(IntoResponses)]
pub(crate) enum Failures {
    /// A parameter or a field that is missing, malformed, not known, or given twice.
    #[response(status = 400)]
    BadRequest(#[to_schema] Problem),
    /// The token is not one for this instance.
    #[response(status = 401)]
    InvalidToken(#[to_schema] Problem),
    /// The instance, or the label, is not known.
    #[response(status = 404)]
    NotFound(#[to_schema] Problem),
    /// The request does not go with what is there.
    #[response(status = 409)]
    Conflict(#[to_schema] Problem),
    /// The body is too long, or more is asked for than may be.
    #[response(status = 413)]
    TooLarge(#[to_schema] Problem),
    /// The body is not JSON.
    #[response(status = 415)]
    NotJson(#[to_schema] Problem),
    /// Something here is broken.
    #[response(status = 500)]
    Internal(#[to_schema] Problem),
    /// The network's gateway answered what it should not, or refused a change.
    #[response(status = 502)]
    BadGateway(#[to_schema] Problem),
    /// The server is too busy, or cannot write; `Retry-After` says when to try again.
    #[response(status = 503)]
    Unavailable(#[to_schema] Problem),
}
