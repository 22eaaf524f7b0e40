//! Contacts by label.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use label_index::{Filter, Page};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::app::App;
use crate::failure::{Answered, Failure};
use crate::request::access::Access;
use crate::request::query::Query;
use crate::schemas::{Contacts, Done, Failures, Problem};

/// The default limit of a page, which is also the greatest.
const PAGE: usize = 1_000;

/// A filter of chats, and a page.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Question {
    /// Ids of labels, separated by commas: chats that carry any of these, or of `labelNames`.
    #[param(example = "1,2")]
    label_ids: Option<String>,
    /// Names of labels in any case, separated by commas.
    #[param(example = "VIP,Support")]
    label_names: Option<String>,
    /// Ids of labels, separated by commas: only chats that carry all of these.
    all_of: Option<String>,
    /// Ids of labels, separated by commas: no chats that carry any of these.
    none_of: Option<String>,
    /// Whether the network is asked for its state first.
    refresh: Option<bool>,
    /// The most chats to list, 1,000 by default, which is also the most allowed; with 0 only totals.
    #[param(minimum = 0, maximum = 1000)]
    limit: Option<usize>,
    /// The value of `next` in the page before.
    #[param(min_length = 1)]
    after: Option<String>,
}

impl Question {
    /// A clause that was not given excludes nothing; no chat passes one that was given and is empty.
    fn filter(&self) -> Filter {
        let mut filter = Filter::new();
        if let Some(ids) = &self.label_ids {
            filter = filter.any_of_ids(Filter::split(ids));
        }
        if let Some(names) = &self.label_names {
            filter = filter.any_of_names(Filter::split(names));
        }
        if let Some(ids) = &self.all_of {
            filter = filter.all_of_ids(Filter::split(ids));
        }
        if let Some(ids) = &self.none_of {
            filter = filter.none_of_ids(Filter::split(ids));
        }
        filter
    }
}

/// A page with a limit, after a cursor or from the beginning.
pub(crate) fn page(limit: Option<usize>, after: Option<&str>) -> Answered<Page> {
    let limit = limit.unwrap_or(PAGE);
    Ok(match after {
        Some(cursor) => Page::after(limit, cursor)?,
        None => Page::first(limit),
    })
}

/// Lists the chats that carry any of these labels, each with all its labels, and counts them.
#[utoipa::path(
    get,
    path = "/api/chat/contactsByLabel/{instance}",
    tag = "contacts",
    params(("instance" = String, Path, description = "The instance"), Question),
    security(("token" = []), ("bearer" = [])),
    responses(
        (status = 200, body = Contacts),
        (status = 429, body = Problem, description = "Too many requests; `Retry-After` says when to try again."),
        Failures,
    )
)]
pub(crate) async fn contacts_by_label(
    State(app): State<Arc<App>>,
    access: Access,
    Query(question): Query<Question>,
) -> Answered<Response> {
    app.rate.count(&access.token)?;
    let page = page(question.limit, question.after.as_deref())?;
    let refreshed = question.refresh == Some(true);
    if refreshed {
        let upstream = app.upstream.as_ref().ok_or_else(Failure::not_connected)?;
        upstream.refresh(&access.name, &access.index).await?;
    }
    let done = Done::saying("Contacts retrieved successfully");
    let further = if refreshed { r#","refreshed":true"# } else { r#","refreshed":false"# };
    done.with_answer(|json| access.index.query_json(&question.filter(), page, json), further)
}
