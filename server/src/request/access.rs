//! Requests of the first interface: the instance is in the path, the token in a header.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use label_index::LabelIndex;

use crate::app::App;
use crate::failure::{Answered, Failure};
use crate::request::credentials::token;
use crate::request::path::parameter;
use crate::tokens::TokenDigest;

/// An instance that the token of the request is for.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) name: String,
    pub(crate) index: LabelIndex,
    pub(crate) token: TokenDigest,
}

impl FromRequestParts<Arc<App>> for Access {
    type Rejection = Failure;

    /// A caller without a token for an instance is not told whether the instance exists.
    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Answered<Self> {
        let name = parameter(parts, app, "instance").await?;
        if name.trim().is_empty() {
            return Err(Failure::instance_name_required());
        }
        let (token, scope) =
            token(&parts.headers).and_then(|token| app.tokens.scope(token)).ok_or_else(Failure::invalid_token)?;
        if !scope.allows(&name) {
            return Err(Failure::invalid_token());
        }
        let index = app.instance(&name).await?;
        Ok(Self { name, index, token })
    }
}
