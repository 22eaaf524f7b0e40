//! The OpenAPI document of both interfaces.

use std::sync::Arc;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::app::App;

#[derive(OpenApi)]
#[openapi(
    info(title = "label-index-server", description = "Which chats carry any of these labels, and which labels does this chat carry."),
    tags(
        (name = "contacts", description = "The first interface: the instance is in the path, the token in a header."),
        (name = "labels", description = "The second interface: instance_id and access_token are in the query or in the body."),
        (name = "gateway", description = "For the network's gateway, which reports what happens."),
        (name = "operation", description = "For those who run the server."),
    )
)]
struct Document;

/// The document without its paths, which come with the routes.
pub(crate) fn document() -> utoipa::openapi::OpenApi {
    let mut document = Document::openapi();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::new("token"))));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document
}

/// Serves a document.
pub(crate) fn serving(document: &utoipa::openapi::OpenApi) -> Router<Arc<App>> {
    // A document that cannot be serialised would be a fault of its library; it is served as an empty body.
    let text = document.to_json().unwrap_or_default();
    Router::new().route("/openapi.json", get(async move || ([(CONTENT_TYPE, "application/json")], text)))
}
