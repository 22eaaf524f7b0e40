//! Parameters in a query string: each has to be known, given once, and well-formed.

use std::borrow::Cow;

use axum::extract::FromRequestParts;
use axum::http::Uri;
use axum::http::request::Parts;
use percent_encoding::percent_decode_str;
use serde::de::DeserializeOwned;

use crate::failure::{Answered, Failure};

/// The parameters of a request as `T`, which refuses fields that it does not know.
///
/// A parameter that is misspelled, given twice or malformed is an error, so that it never turns into "no filter".
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Answered<Self> {
        let query = parts.uri.query().unwrap_or_default();
        encoded_pairs(query).try_for_each(|(name, value)| decode(name).and_then(|_| decode(value)).map(drop))?;
        from_encoded(query).map(Self)
    }
}

/// Parameters, decoded.
#[derive(Debug)]
pub(crate) struct Pairs(Vec<(String, String)>);

impl Pairs {
    /// The parameters of a request.
    ///
    /// # Errors
    ///
    /// A failure for a wrong percent-encoding.
    pub(crate) fn of(uri: &Uri) -> Answered<Self> {
        let form = |text: &str| decode(&text.replace('+', " ")).map(Cow::into_owned);
        let pairs = encoded_pairs(uri.query().unwrap_or_default());
        pairs.map(|(name, value)| Ok((form(name)?, form(value)?))).collect::<Answered<_>>().map(Self)
    }

    /// Takes one parameter out.
    ///
    /// # Errors
    ///
    /// A failure if it is given twice.
    pub(crate) fn take(&mut self, name: &str) -> Answered<Option<String>> {
        let mut values = self.0.extract_if(.., |(known, _)| known == name).map(|(_, value)| value);
        let value = values.next();
        if values.next().is_some() {
            return Err(given_twice(name));
        }
        Ok(value)
    }

    /// The parameters as a `T`.
    ///
    /// # Errors
    ///
    /// A failure for a parameter that is not known, is given twice or has a value that it cannot have.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Answered<T> {
        from_encoded(&form_urlencoded::Serializer::new(String::new()).extend_pairs(self.0).finish())
    }
}

/// The names and values in a query string, not decoded.
fn encoded_pairs(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let parts = query.split('&').filter(|part| !part.is_empty());
    parts.map(|part| part.split_once('=').unwrap_or((part, "")))
}

/// The parameters in a well-formed query string.
fn from_encoded<T: DeserializeOwned>(query: &str) -> Answered<T> {
    serde_urlencoded::from_str(query).map_err(|error| Failure::bad_request(format!("parameters: {error}")))
}

pub(crate) fn given_twice(name: &str) -> Failure {
    Failure::bad_request(format!("parameter {name} is given twice"))
}

/// Decodes percent signs, each of which has to be followed by two hexadecimal digits. The result has to be UTF-8.
///
/// # Errors
///
/// A failure that does not repeat the text, which may be a token.
pub(crate) fn decode(text: &str) -> Answered<Cow<'_, str>> {
    let is_digit = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_hexdigit());
    let well_formed = text.split('%').skip(1).all(|rest| {
        let mut bytes = rest.bytes();
        is_digit(bytes.next()) && is_digit(bytes.next())
    });
    let decoded = percent_decode_str(text).decode_utf8().ok().filter(|_| well_formed);
    decoded.ok_or_else(|| Failure::bad_request("malformed percent-encoding in the address"))
}
