//! Labels: the second interface.

use reqwest::Method;
use serde_json::json;

use crate::server::{Server, ids};

#[tokio::test]
async fn labels_are_created_read_changed_and_deleted() {
    let server = Server::start();
    let body = json!({ "name": " Atenção ", "color": 3, "position": 7 });
    let created = server.tell(Method::POST, "/v2/labels", body).await;
    assert_eq!(created.status, 201);
    let label = json!({ "id": "1", "name": "Atenção", "color": 3, "position": 7, "chats": 0 });
    let done = "Operation completed successfully";
    assert_eq!(created.ok(), json!({ "success": true, "message": done, "label": label }));
    server.link("1", "5511999990001").await;
    server.tell(Method::PUT, "/v2/labels/1", json!({ "color": 19 })).await.ok();
    let label = json!({ "id": "1", "name": "Atenção", "color": 19, "position": 7, "chats": 1 });
    assert_eq!(server.ask(Method::GET, "/v2/labels/1").await.ok()["label"], label);
    assert_eq!(server.ask(Method::GET, "/v2/labels").await.ok()["labels"], json!([label]));
    let removed = server.ask(Method::DELETE, "/v2/labels/1").await;
    assert_eq!(removed.ok(), json!({ "success": true, "message": done }));
    assert_eq!(server.ask(Method::GET, "/v2/labels").await.ok()["labels"], json!([]));
    assert_eq!(server.label("Atenção").await, "2", "an id is never given again");
}

#[tokio::test]
async fn a_deleted_label_does_not_come_back_by_an_edit() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    let path = format!("/v2/labels/{vip}");
    server.ask(Method::DELETE, &path).await.ok();
    server.tell(Method::PUT, &path, json!({ "name": "VIP" })).await.fails(404, "Label not found");
    server.ask(Method::DELETE, &path).await.fails(404, "Label not found");
    server.ask(Method::GET, &path).await.fails(404, "Label not found");
    assert_eq!(server.ask(Method::GET, "/v2/labels").await.ok()["labels"], json!([]));
}

#[tokio::test]
async fn fields_that_a_label_cannot_have_are_refused() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    for wrong in [
        json!({}),
        json!({ "name": null }),
        json!({ "name": "" }),
        json!({ "name": " " }),
        json!({ "name": "a\nb" }),
        json!({ "name": "x".repeat(2_000) }),
        json!({ "name": 7 }),
        json!({ "name": "A", "color": "red" }),
        json!({ "name": "A", "color": 2_147_483_648_u32 }),
        json!({ "name": "A", "colour": 1 }),
        json!({ "name": "A", "id": "9" }),
    ] {
        server.tell(Method::POST, "/v2/labels", wrong.clone()).await.fails_with(400, "");
        if wrong["name"] != json!(null) {
            server.tell(Method::PUT, &format!("/v2/labels/{vip}"), wrong).await.fails_with(400, "");
        }
    }
    assert_eq!(ids(&server.ask(Method::GET, "/v2/labels").await.ok()["labels"]), [vip]);
    server.ask(Method::GET, "/v2/labels/%20x").await.fails(404, "Label not found");
    server.ask(Method::DELETE, "/v2/labels/%20x").await.fails_with(400, "invalid label id");
}

#[tokio::test]
async fn two_labels_may_have_one_name() {
    let server = Server::start();
    let (one, other) = (server.label("VIP").await, server.label("vip").await);
    server.link(&one, "5511999990001").await;
    server.link(&other, "5511999990002").await;
    let answer = server.get("/api/chat/contactsByLabel/shop?labelNames=Vip").await.ok();
    assert_eq!(answer["filter_label_ids"], json!([one, other]));
    assert_eq!(answer["total_chats"], 2);
}
