//! Reports of a gateway by its webhook.

use hmac::{Hmac, Mac};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::Sha512;

use crate::server::{ACCOUNT, Answer, OTHER, SHOP, Server, chats, send};
use crate::sse::Stream;
use crate::upstream::READ;

const KEY: &str = "the-key-of-the-reports";

fn signature(body: &str) -> String {
    let mac = Hmac::<Sha512>::new_from_slice(KEY.as_bytes()).unwrap();
    hex::encode(mac.chain_update(body).finalize().into_bytes())
}

fn body(event: &str, payload: &Value) -> String {
    json!({ "id": "evt_1", "event": event, "session": "shop", "payload": payload, "engine": "WEBJS" }).to_string()
}

/// Posts a body with a signature.
async fn post(server: &Server, body: &str, signature: &str) -> Answer {
    let request = server.request(Method::POST, "/webhooks/waha").header("content-type", "application/json");
    send(request.header("X-Webhook-Hmac", signature).body(body.to_owned())).await
}

async fn report(server: &Server, event: &str, payload: &Value) -> Answer {
    let body = body(event, payload);
    post(server, &body, &signature(&body)).await
}

#[tokio::test]
async fn what_the_gateway_reports_is_taken_in_and_again_changes_nothing() {
    let server = Server::start_with(&["--upstream-webhook-key", KEY]);
    let mut stream = Stream::open(&server, None).await;
    assert_eq!(stream.next().await.unwrap().event, "ready");
    let label = json!({ "id": "9", "name": "New\u{7}customer", "color": 4, "colorHex": "#fff" });
    let link = json!({ "labelId": "9", "chatId": "5511999990001@s.whatsapp.net", "label": null });
    let other = json!({ "labelId": "9", "chatId": "120363000000000001@g.us", "label": label });
    for _ in 0..2 {
        report(&server, "label.chat.added", &link).await.ok();
    }
    assert_eq!(server.labels_of("5511999990001").await, ["9"], "before the label is known");
    for _ in 0..2 {
        report(&server, "label.upsert", &label).await.ok();
        report(&server, "label.chat.added", &other).await.ok();
    }
    let named = server.ask(Method::GET, "/v2/labels/9").await.ok();
    assert_eq!(named["label"], json!({ "id": "9", "name": "New customer", "color": 4, "position": null, "chats": 2 }));
    for _ in 0..2 {
        report(&server, "label.chat.deleted", &link).await.ok();
    }
    assert!(server.labels_of("5511999990001").await.is_empty());
    for _ in 0..2 {
        report(&server, "label.deleted", &label).await.ok();
        report(&server, "label.deleted", &json!({ "id": "10" })).await.ok();
    }
    report(&server, "label.chat.added", &link).await.ok();
    report(&server, "label.chat.added", &json!({ "labelId": "10", "chatId": "5511999990001@c.us" })).await.ok();
    assert!(chats(&server.get(READ).await.ok()).is_empty(), "a deleted label gets no links");
    let mut events = Vec::new();
    while events.last().is_none_or(|(event, label)| (event, label) != (&"label.deleted".to_owned(), &json!("10"))) {
        let message = stream.next().await.unwrap();
        let label = &message.data["label"];
        events.push((message.event, label.get("id").unwrap_or(label).clone()));
    }
    let events: Vec<String> =
        events.iter().map(|(event, label)| format!("{event} {}", label.as_str().unwrap())).collect();
    assert_eq!(
        events,
        [
            "label.upsert 9",
            "label.chat.added 9",
            "label.upsert 9",
            "label.chat.added 9",
            "label.chat.deleted 9",
            "label.chat.deleted 9",
            "label.deleted 9",
            "label.deleted 10",
        ],
        "each thing that happened once, with the chat that lost the deleted label"
    );
}

#[tokio::test]
async fn what_means_nothing_is_passed_over_and_what_is_wrong_is_refused() {
    let server = Server::start_with(&["--upstream-webhook-key", KEY]);
    report(&server, "message", &json!({ "body": "hello" })).await.ok();
    report(&server, "session.status", &json!(null)).await.ok();
    for wrong in
        [json!(null), json!({}), json!({ "labelId": 9, "chatId": "x" }), json!({ "labelId": "9", "chatId": "" })]
    {
        report(&server, "label.chat.added", &wrong).await.fails_with(400, "");
    }
    for (body, status, message) in [
        ("", 400, "missing field `event`"),
        ("[]", 400, "expected an object"),
        (r#"{"event":"label.deleted","session":"","payload":{"id":"9"}}"#, 400, "Instance name is required"),
        (r#"{"event":"label.deleted","session":"nobody","payload":{"id":"9"}}"#, 404, "Session not found"),
    ] {
        post(&server, body, &signature(body)).await.fails_with(status, message);
    }
    assert_eq!(server.get(READ).await.ok()["revision"], 0, "nothing happened");
}

#[tokio::test]
async fn a_report_needs_a_signature_or_a_token() {
    let server = Server::start_with(&["--upstream-webhook-key", KEY]);
    let payload = json!({ "labelId": "9", "chatId": "5511999990001@c.us" });
    let body = body("label.chat.added", &payload);
    let right = signature(&body);
    let forged = signature(&format!("{body} "));
    for wrong in ["", "zz", &right[2..], &forged] {
        post(&server, &body, wrong).await.fails(401, "Invalid token");
        // A token does not make up for a wrong signature.
        let request = server.with_token(Method::POST, "/webhooks/waha", ACCOUNT).header("X-Webhook-Hmac", wrong);
        let request = request.header("content-type", "application/json").body(body.clone());
        send(request).await.fails(401, "Invalid token");
    }
    let by_token = |token: &str| {
        let request = server.with_token(Method::POST, "/webhooks/waha", token);
        send(request.header("content-type", "application/json").body(body.clone()))
    };
    by_token("").await.fails(401, "Invalid token");
    by_token(OTHER).await.fails(401, "Invalid token");
    assert_eq!(server.get(READ).await.ok()["revision"], 0);
    by_token(SHOP).await.ok();
    by_token(ACCOUNT).await.ok();
    assert_eq!(server.get(READ).await.ok()["revision"], 1);
    let without_key = Server::start();
    post(&without_key, &body, &right).await.fails(401, "Invalid token");
}
