//! Both interfaces, one file for each noun.

#![expect(unused_qualifications, reason = "`utoipa::path` expands to such")]

#[cfg(feature = "constant")]
pub(crate) mod constant;
pub(crate) mod contacts;
pub(crate) mod events;
pub(crate) mod instances;
pub(crate) mod labels;
pub(crate) mod links;
pub(crate) mod openapi;
pub(crate) mod operation;
pub(crate) mod tags;
pub(crate) mod waha;

use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::failure::Failure;

/// The routes that the OpenAPI document describes.
pub(crate) fn all() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(contacts::contacts_by_label))
        .routes(routes!(tags::list, tags::create, tags::remove))
        .routes(routes!(tags::of_chat, tags::assign, tags::unassign))
        .routes(routes!(instances::list))
        .routes(routes!(labels::list, labels::create))
        .routes(routes!(labels::read, labels::update, labels::remove))
        .routes(routes!(links::chats))
        .routes(routes!(links::link, links::unlink))
        .routes(routes!(links::labels_of, links::set))
        .routes(routes!(events::stream))
        .routes(routes!(waha::report))
}

/// The routes for those who run the server, which the document describes too.
pub(crate) fn operation() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(operation::alive))
        .routes(routes!(operation::ready))
        .routes(routes!(operation::numbers))
}

/// The routes of the first interface without the name that they need.
pub(crate) fn without_instance() -> Router<Arc<App>> {
    ["contactsByLabel", "tag", "assignTag"].into_iter().fold(Router::new(), |router, noun| {
        let refuse = any(async || Failure::instance_name_required());
        router.route(&format!("/api/chat/{noun}"), refuse.clone()).route(&format!("/api/chat/{noun}/"), refuse)
    })
}
