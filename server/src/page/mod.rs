//! The page at `/`: an inbox by label, for a browser.
//!
//! Every file is part of the program. The page sends requests to this server alone, and no other script may run in it:
//! the header `Content-Security-Policy` makes the browser enforce that.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::Path;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use sha2::{Digest, Sha256};

use crate::app::App;
use crate::failure::{Answered, Failure};

/// The page may load files of this server and send requests to it. Texts never become HTML (trusted types).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                      require-trusted-types-for 'script'; trusted-types 'none'";

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const IMAGE: &str = "image/svg+xml";

/// The name of the file at `/`; all others are below `/page/`.
const INDEX: &str = "index.html";

/// One file of the page.
#[derive(Debug)]
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// Includes files of the folder of this module.
macro_rules! assets {
    ($($name:expr, $kind:ident, $file:literal;)*) => {
        &[$(Asset { name: $name, kind: $kind, text: include_str!($file) }),*]
    };
}

const ASSETS: &[Asset] = assets![
    INDEX, HTML, "index.html";
    "icon.svg", IMAGE, "icon.svg";
    "colours.css", STYLE, "style/colours.css";
    "controls.css", STYLE, "style/controls.css";
    "layout.css", STYLE, "style/layout.css";
    "labels.css", STYLE, "style/labels.css";
    "chats.css", STYLE, "style/chats.css";
    "dialogs.css", STYLE, "style/dialogs.css";
    "main.js", SCRIPT, "script/main.js";
    "accounts.js", SCRIPT, "script/accounts.js";
    "address.js", SCRIPT, "script/address.js";
    "api.js", SCRIPT, "script/api.js";
    "backoff.js", SCRIPT, "script/backoff.js";
    "banner.js", SCRIPT, "script/banner.js";
    "chat_list.js", SCRIPT, "script/chat_list.js";
    "chat_name.js", SCRIPT, "script/chat_name.js";
    "chip.js", SCRIPT, "script/chip.js";
    "dom.js", SCRIPT, "script/dom.js";
    "drawer.js", SCRIPT, "script/drawer.js";
    "filter.js", SCRIPT, "script/filter.js";
    "filter_bar.js", SCRIPT, "script/filter_bar.js";
    "find_chat.js", SCRIPT, "script/find_chat.js";
    "inbox.js", SCRIPT, "script/inbox.js";
    "label_list.js", SCRIPT, "script/label_list.js";
    "new_label.js", SCRIPT, "script/new_label.js";
    "pace.js", SCRIPT, "script/pace.js";
    "picker.js", SCRIPT, "script/picker.js";
    "refresh_button.js", SCRIPT, "script/refresh_button.js";
    "stream.js", SCRIPT, "script/stream.js";
    "theme.js", SCRIPT, "script/theme.js";
    "toasts.js", SCRIPT, "script/toasts.js";
    "token_dialog.js", SCRIPT, "script/token_dialog.js";
    "tokens.js", SCRIPT, "script/tokens.js";
];

/// The files by name, each with its entity tag.
static FILES: LazyLock<HashMap<&'static str, (&'static Asset, String)>> = LazyLock::new(|| {
    let tagged = |asset: &'static Asset| (asset, format!("\"{}\"", hex::encode(Sha256::digest(asset.text))));
    ASSETS.iter().map(|asset| (asset.name, tagged(asset))).collect()
});

/// Serves the files of the page.
pub(crate) fn serving() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(async |headers: HeaderMap| file(INDEX, &headers)))
        .route("/page/{file}", get(async |Path(name): Path<String>, headers: HeaderMap| file(&name, &headers)))
}

fn file(name: &str, headers: &HeaderMap) -> Answered<Response> {
    let (asset, tag) = FILES.get(name).ok_or_else(|| Failure::new(StatusCode::NOT_FOUND, "Not found"))?;
    Ok(asset.answer(tag, headers))
}

impl Asset {
    /// The file, or 304 for a browser that has it. A browser asks each time, so that another version of the server is
    /// never shown with files of this one.
    fn answer(&self, tag: &str, headers: &HeaderMap) -> Response {
        let known = headers.get(IF_NONE_MATCH).is_some_and(|value| value.as_bytes() == tag.as_bytes());
        let common = [
            (CONTENT_SECURITY_POLICY, POLICY),
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            (CACHE_CONTROL, "no-cache"),
            (ETAG, tag),
        ];
        if known {
            return (StatusCode::NOT_MODIFIED, common).into_response();
        }
        (common, [(CONTENT_TYPE, self.kind)], self.text).into_response()
    }
}
