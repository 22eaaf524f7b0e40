//! Labels and links in the forms of the first interface.

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::server::{SHOP, Server, ids, send};

fn tag(server: &Server, method: Method, noun: &str, body: &Value) -> RequestBuilder {
    server.with_token(method, &format!("/api/chat/{noun}/shop"), SHOP).json(body)
}

#[tokio::test]
async fn tags_are_made_listed_and_removed() {
    let server = Server::start();
    let created = send(tag(&server, Method::POST, "tag", &json!({ "name": "VIP", "color": 2 }))).await;
    assert_eq!(created.status, 201);
    let label = json!({ "id": "1", "name": "VIP", "color": 2, "position": null, "chats": 0 });
    assert_eq!(created.ok()["label"], label);
    assert_eq!(server.get("/api/chat/tag/shop").await.ok()["labels"], json!([label]));
    send(tag(&server, Method::DELETE, "tag", &json!({ "tagId": "1" }))).await.ok();
    send(tag(&server, Method::DELETE, "tag", &json!({ "tagId": "1" }))).await.fails(404, "Label not found");
    assert_eq!(server.get("/api/chat/tag/shop").await.ok()["labels"], json!([]));
}

#[tokio::test]
async fn tags_are_assigned_and_taken_away() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    let body = json!({ "number": "+55 11 99999-0001", "tagId": vip });
    for _ in 0..2 {
        send(tag(&server, Method::POST, "assignTag", &body)).await.ok();
    }
    let answer = server.get("/api/chat/assignTag/shop?number=5511999990001").await.ok();
    assert_eq!(answer["chat_id"], "5511999990001@c.us");
    assert_eq!(ids(&answer["labels"]), std::slice::from_ref(&vip));
    assert_eq!(server.labels_of("5511999990001").await, std::slice::from_ref(&vip));
    for _ in 0..2 {
        send(tag(&server, Method::DELETE, "assignTag", &body)).await.ok();
    }
    assert!(server.labels_of("5511999990001").await.is_empty());
    let unknown = json!({ "number": "5511999990001", "tagId": "77" });
    send(tag(&server, Method::POST, "assignTag", &unknown)).await.fails(404, "Label not found");
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    for body in [
        json!({ "number": "5511999990001" }),
        json!({ "tagId": vip }),
        json!({ "number": "5511999990001", "tagid": vip }),
        json!({ "number": "5511999990001", "tagId": vip, "x": 1 }),
        json!({ "number": 5_511_999_990_001_u64, "tagId": vip }),
        json!({ "number": "ana", "tagId": vip }),
        json!([]),
    ] {
        send(tag(&server, Method::POST, "assignTag", &body)).await.fails_with(400, "");
    }
    server.get("/api/chat/assignTag/shop").await.fails_with(400, "missing field `number`");
    server.get("/api/chat/tag/shop?x=1").await.fails_with(400, "unknown field `x`");
    for path in ["/api/chat/tag", "/api/chat/tag/", "/api/chat/assignTag", "/api/chat/assignTag/"] {
        for method in [Method::GET, Method::POST, Method::DELETE] {
            send(server.with_token(method, path, SHOP)).await.fails(400, "Instance name is required");
        }
    }
}
