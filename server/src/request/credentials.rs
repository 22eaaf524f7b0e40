//! Tokens in headers.

use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;

/// The token of a request: the header `token`, or `Authorization: Bearer`. `None` if there is none, or several that differ.
pub(crate) fn token(headers: &HeaderMap) -> Option<&str> {
    let plain = headers.get_all("token").iter().map(|value| value.to_str().ok());
    let bearer = headers.get_all(AUTHORIZATION).iter().map(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
    });
    let mut tokens = plain.chain(bearer);
    let first = tokens.next()??;
    tokens.all(|other| other == Some(first)).then_some(first)
}
