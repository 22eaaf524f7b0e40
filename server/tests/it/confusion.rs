//! Every operation of the OpenAPI document, requested with tokens that are not for the instance.

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{OTHER, SHOP, Server, send};

/// Each operation with its path, parameters filled in.
async fn operations(server: &Server) -> Vec<(Method, String)> {
    let document: Value = server.request(Method::GET, "/openapi.json").send().await.unwrap().json().await.unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let path = path.replace("{instance}", "shop").replace("{id}", "1").replace("{chatId}", "5511999990001");
        for method in item.as_object().unwrap().keys() {
            if let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) {
                operations.push((method, path.clone()));
            }
        }
    }
    operations
}

#[tokio::test]
async fn no_operation_takes_the_token_of_another_instance() {
    let server = Server::start();
    server.label("VIP").await;
    server.link("1", "5511999990001").await;
    let before = server.ask(Method::GET, "/v2/labels/1/chats").await.ok();
    let operations = operations(&server).await;
    assert!(operations.len() >= 17, "{operations:?}");
    for (method, path) in operations {
        // The instance of a report is in its body: `upstream_reports` tests these tokens.
        if ["/v2/instances", "/healthz", "/readyz", "/webhooks/waha"].contains(&path.as_str()) {
            continue;
        }
        let body = json!({ "name": "X", "number": "5511999990001", "tagId": "1", "labels": [] });
        for token in [OTHER, "nobody-has-this-token-00"] {
            let header = server.with_token(method.clone(), &path, token).query(&[("instance_id", "shop")]).json(&body);
            send(header).await.fails(401, "Invalid token");
            let query = [("instance_id", "shop"), ("access_token", token)];
            send(server.request(method.clone(), &path).query(&query)).await.fails(401, "Invalid token");
        }
    }
    assert_eq!(server.ask(Method::GET, "/v2/labels/1/chats").await.ok(), before);
}

#[tokio::test]
async fn a_token_lists_its_own_instances() {
    let server = Server::start();
    let list = async |token| send(server.with_token(Method::GET, "/v2/instances", token)).await;
    assert_eq!(list(SHOP).await.ok()["instances"], json!(["shop"]));
    assert_eq!(list(crate::server::ACCOUNT).await.ok()["instances"], json!(["other", "shop"]));
    list("nobody-has-this-token-00").await.fails(401, "Invalid token");
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_same_form() {
    let server = Server::start();
    send(server.request(Method::GET, "/no/such/path")).await.fails(404, "Not found");
    send(server.request(Method::PATCH, "/v2/labels")).await.fails(405, "Method not allowed");
}
