//! Requests of the second interface: `instance_id` and `access_token` are parameters, in the query or in the body.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use label_index::LabelIndex;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::app::App;
use crate::failure::{Answered, Failure};
use crate::request::query::{Pairs, given_twice};
use crate::request::{body, credentials};

/// An instance that the token of the request is for, with the other parameters and the body.
#[derive(Debug)]
pub(crate) struct Session<Q = Nothing, B = Nothing> {
    pub(crate) name: String,
    pub(crate) index: LabelIndex,
    pub(crate) query: Q,
    pub(crate) body: B,
}

/// No parameter, or no field of a body.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

impl<Q: DeserializeOwned, B: DeserializeOwned> FromRequest<Arc<App>> for Session<Q, B> {
    type Rejection = Failure;

    /// Credentials are checked first, then the other parameters.
    async fn from_request(request: Request, app: &Arc<App>) -> Answered<Self> {
        let mut query = Pairs::of(request.uri())?;
        let header = credentials::token(request.headers()).map(str::to_owned);
        let mut body = body::object(request, app).await?;
        let name = either("instance_id", &mut query, &mut body)?;
        let name = name.filter(|name| !name.trim().is_empty()).ok_or_else(Failure::instance_name_required)?;
        let token = either("access_token", &mut query, &mut body)?.or(header);
        let index = app.session(&name, token.as_deref()).await?;
        Ok(Self { name, index, query: query.read()?, body: body::read(body)? })
    }
}

/// A parameter that may be in the query or in the body.
fn either(name: &str, query: &mut Pairs, body: &mut Map<String, Value>) -> Answered<Option<String>> {
    let from_body = match body.remove(name) {
        None => None,
        Some(Value::String(text)) => Some(text),
        Some(_) => return Err(Failure::bad_request(format!("body: {name} has to be a text"))),
    };
    match (query.take(name)?, from_body) {
        (Some(_), Some(_)) => Err(given_twice(name)),
        (one, other) => Ok(one.or(other)),
    }
}
