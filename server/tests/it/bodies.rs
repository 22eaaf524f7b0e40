//! Invalid bodies.

use reqwest::{Method, RequestBuilder};
use serde_json::json;

use crate::server::{Server, send};

const JSON: (&str, &str) = ("content-type", "application/json");

fn create(server: &Server) -> RequestBuilder {
    server.session(Method::POST, "/v2/labels")
}

#[tokio::test]
async fn malformed_json_is_refused() {
    let server = Server::start();
    for body in [
        "{",
        "{\"name\":\"A\"",
        "{\"name\":\"A\"}}",
        "{name:\"A\"}",
        "[]",
        "null",
        "\"A\"",
        "\u{feff}{\"name\":\"A\"}",
        "{\"name\":\"A\",\"name\":\"B\"}",
        "{\"name\":\"\\ud800\"}",
    ] {
        send(create(&server).header(JSON.0, JSON.1).body(body)).await.fails_with(400, "body: ");
    }
    let not_utf8 = create(&server).header(JSON.0, JSON.1).body(b"{\"name\":\"\xff\"}".to_vec());
    send(not_utf8).await.fails_with(400, "body: ");
    let deep = "[".repeat(100_000);
    send(create(&server).header(JSON.0, JSON.1).body(format!("{{\"name\":{deep}"))).await.fails_with(400, "body: ");
    assert_eq!(server.ask(Method::GET, "/v2/labels").await.ok()["labels"], json!([]));
}

#[tokio::test]
async fn a_body_that_is_not_said_to_be_json_is_refused() {
    let server = Server::start();
    let body = "{\"name\":\"A\"}";
    for kind in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
        let request = create(&server).header("content-type", kind).body(body);
        send(request).await.fails(415, "the body has to be application/json");
    }
    send(create(&server).body(body)).await.fails(415, "the body has to be application/json");
    send(create(&server).header("content-type", "Application/JSON; charset=utf-8").body(body)).await.ok();
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let server = Server::start();
    let body = format!("{{\"name\":\"{}\"}}", "x".repeat(2 << 20));
    let refused = send(create(&server).header(JSON.0, JSON.1).body(body)).await;
    refused.fails(413, "the body is too long or could not be read");
}

#[tokio::test]
async fn a_body_where_none_is_expected_is_refused() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    let path = format!("/v2/labels/{vip}/chats/5511999990001");
    server.tell(Method::PUT, &path, json!({ "labels": [] })).await.fails_with(400, "unknown field `labels`");
    assert!(server.labels_of("5511999990001").await.is_empty());
    server.tell(Method::PUT, &path, json!({})).await.ok();
}
