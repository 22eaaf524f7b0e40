//! Bodies of requests: objects of JSON.

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::failure::{Answered, Failure};

/// The body of a request as `T`, which refuses fields that it does not know.
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, state: &S) -> Answered<Self> {
        read(object(request, state).await?).map(Self)
    }
}

/// The object in the body of a request; no body is an empty one.
///
/// # Errors
///
/// A failure for a body that is too long, is not said to be JSON, is malformed, or has a field twice.
pub(crate) async fn object<S: Send + Sync>(request: Request, state: &S) -> Answered<Map<String, Value>> {
    let (headers, body) = bytes(request, state).await?;
    fields(&headers, &body)
}

/// The headers and the body of a request, as they came.
///
/// # Errors
///
/// A failure for a body that is too long.
pub(crate) async fn bytes<S: Send + Sync>(mut request: Request, state: &S) -> Answered<(HeaderMap, Bytes)> {
    let headers = std::mem::take(request.headers_mut());
    Ok((headers, Bytes::from_request(request, state).await.map_err(refused)?))
}

/// The object in a body; no body is an empty one.
///
/// # Errors
///
/// A failure for a body that is not said to be JSON, is malformed, or has a field twice.
pub(crate) fn fields(headers: &HeaderMap, body: &[u8]) -> Answered<Map<String, Value>> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    if !is_json(headers) {
        return Err(Failure::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "the body has to be application/json"));
    }
    let Fields(fields) = serde_json::from_slice(body).map_err(malformed)?;
    Ok(fields)
}

/// The fields of a body as a `T`.
///
/// # Errors
///
/// A failure for a field that is not known, is missing, or has a value that it cannot have.
pub(crate) fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Answered<T> {
    serde_json::from_value(Value::Object(fields)).map_err(malformed)
}

#[expect(clippy::needless_pass_by_value, reason = "the argument of `map_err`")]
fn malformed(error: serde_json::Error) -> Failure {
    Failure::bad_request(format!("body: {error}"))
}

#[expect(clippy::needless_pass_by_value, reason = "the argument of `map_err`")]
fn refused(rejection: BytesRejection) -> Failure {
    Failure::new(rejection.status(), "the body is too long or could not be read")
}

fn is_json(headers: &HeaderMap) -> bool {
    let named = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = named.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

/// An object, in which no field occurs twice.
struct Fields(Map<String, Value>);

impl<'de> serde::Deserialize<'de> for Fields {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}

struct FieldsVisitor;

impl<'de> serde::de::Visitor<'de> for FieldsVisitor {
    type Value = Fields;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut entries: A) -> Result<Fields, A::Error> {
        let mut fields = Map::new();
        while let Some((name, value)) = entries.next_entry::<String, Value>()? {
            if fields.contains_key(&name) {
                return Err(serde::de::Error::custom(format_args!("field {name} is given twice")));
            }
            fields.insert(name, value);
        }
        Ok(Fields(fields))
    }
}
