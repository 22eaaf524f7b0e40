//! Linking and unlinking: the second interface.

use reqwest::Method;
use serde_json::json;

use crate::server::{ACCOUNT, OTHER, SHOP, Server, chats, ids, send};

const DONE: &str = "Operation completed successfully";

#[tokio::test]
async fn linking_is_idempotent_and_additive() {
    let server = Server::start();
    let (vip, support) = (server.label("VIP").await, server.label("Support").await);
    for label in [&vip, &vip, &support, &vip] {
        let answer = server.ask(Method::PUT, &format!("/v2/labels/{label}/chats/5511999990001")).await;
        assert_eq!(answer.ok(), json!({ "success": true, "message": DONE }));
    }
    assert_eq!(server.labels_of("5511999990001").await, [vip.clone(), support.clone()]);
    for _ in 0..2 {
        let answer = server.ask(Method::DELETE, &format!("/v2/labels/{vip}/chats/5511999990001")).await;
        assert_eq!(answer.ok(), json!({ "success": true, "message": DONE }));
    }
    assert_eq!(server.labels_of("5511999990001").await, [support]);
}

#[tokio::test]
async fn a_chat_is_the_same_under_every_spelling() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    for (spelling, chat) in [
        ("5511999990001", "5511999990001@c.us"),
        ("%2B55%20(11)%2099999-0002", "5511999990002@c.us"),
        ("5511999990003%40c.us", "5511999990003@c.us"),
        ("5511999990004@s.whatsapp.net", "5511999990004@c.us"),
        ("5511999990005:12@S.WhatsApp.net", "5511999990005@c.us"),
        ("120363398750933550@g.us", "120363398750933550@g.us"),
        ("5511996444573-1449097597%40g.us", "5511996444573-1449097597@g.us"),
        ("98765%40lid", "98765@lid"),
    ] {
        server.link(&vip, spelling).await;
        let answer = server.ask(Method::GET, &format!("/v2/labels/chats/{spelling}")).await.ok();
        assert_eq!(answer["chat_id"], chat);
        assert_eq!(ids(&answer["labels"]), std::slice::from_ref(&vip));
    }
    let answer = server.ask(Method::GET, &format!("/v2/labels/{vip}/chats")).await.ok();
    assert_eq!(answer["total_chats"], 8);
    for wrong in ["ana", "ana@example.com", "12", "0551199999", "%20", "@c.us", "5511999990001%0A"] {
        server.ask(Method::PUT, &format!("/v2/labels/{vip}/chats/{wrong}")).await.fails_with(400, "invalid ");
    }
    let long = "1".repeat(300);
    server.ask(Method::PUT, &format!("/v2/labels/{vip}/chats/{long}@g.us")).await.fails_with(400, "at most 255");
}

#[tokio::test]
async fn a_label_that_is_deleted_or_unknown_is_not_found() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    server.link(&vip, "5511999990001").await;
    server.ask(Method::DELETE, &format!("/v2/labels/{vip}")).await.ok();
    for label in [vip.as_str(), "77", "no-such-label", "chats"] {
        for method in [Method::PUT, Method::DELETE] {
            let answer = server.ask(method, &format!("/v2/labels/{label}/chats/5511999990001")).await;
            answer.fails(404, "Label not found");
        }
    }
    for label in [vip.as_str(), "77"] {
        server.ask(Method::GET, &format!("/v2/labels/{label}/chats")).await.fails(404, "Label not found");
    }
    assert!(server.labels_of("5511999990001").await.is_empty());
}

#[tokio::test]
async fn a_session_that_is_unknown_is_told_apart() {
    let server = Server::start();
    let path = format!("/v2/labels?instance_id=nobody&access_token={ACCOUNT}");
    send(server.request(Method::GET, &path)).await.fails(404, "Session not found");
    for query in ["", "?instance_id=", "?instance_id=%20&access_token=x"] {
        send(server.request(Method::GET, &format!("/v2/labels{query}"))).await.fails(400, "Instance name is required");
    }
    for token in ["", "x", OTHER] {
        let path = format!("/v2/labels?instance_id=shop&access_token={token}");
        send(server.request(Method::GET, &path)).await.fails(401, "Invalid token");
    }
    send(server.request(Method::GET, "/v2/labels?instance_id=shop")).await.fails(401, "Invalid token");
}

#[tokio::test]
async fn credentials_are_in_the_query_the_body_or_a_header() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    let path = format!("/v2/labels/{vip}/chats/5511999990001");
    let put = || server.request(Method::PUT, &path);
    send(put().json(&json!({ "instance_id": "shop", "access_token": SHOP }))).await.ok();
    send(put().query(&[("instance_id", "shop")]).json(&json!({ "access_token": ACCOUNT }))).await.ok();
    send(put().query(&[("instance_id", "shop")]).header("token", SHOP)).await.ok();
    send(put().query(&[("instance_id", "shop")]).bearer_auth(SHOP)).await.ok();
    let twice = put().query(&[("instance_id", "shop"), ("access_token", SHOP)]).json(&json!({ "instance_id": "shop" }));
    send(twice).await.fails(400, "parameter instance_id is given twice");
    let twice = put().query(&[("instance_id", "shop"), ("access_token", SHOP), ("access_token", SHOP)]);
    send(twice).await.fails(400, "parameter access_token is given twice");
    let number = put().json(&json!({ "instance_id": 1, "access_token": SHOP }));
    send(number).await.fails(400, "body: instance_id has to be a text");
    let unknown = server.session(Method::PUT, &path).query(&[("instanceId", "shop")]);
    send(unknown).await.fails_with(400, "unknown field `instanceId`");
}

#[tokio::test]
async fn the_labels_of_a_chat_are_set_whole_or_not_at_all() {
    let server = Server::start();
    let (new, won) = (server.label("New").await, server.label("Won").await);
    let path = "/v2/labels/chats/5511999990001";
    let set = |ids: &[&str]| json!({ "labels": ids.iter().map(|id| json!({ "id": id })).collect::<Vec<_>>() });
    server.tell(Method::PUT, path, set(&[&new])).await.ok();
    server.tell(Method::PUT, path, set(&[&won, "77"])).await.fails(404, "Label not found");
    assert_eq!(server.labels_of("5511999990001").await, std::slice::from_ref(&new));
    server.tell(Method::PUT, path, set(&[&won, &won])).await.ok();
    assert_eq!(server.labels_of("5511999990001").await, [won]);
    server.tell(Method::PUT, path, set(&[])).await.ok();
    assert!(server.labels_of("5511999990001").await.is_empty());
    for wrong in [json!({}), json!({ "labels": null }), json!({ "labels": ["1"] }), json!({ "labels": [], "x": 1 })] {
        server.tell(Method::PUT, path, wrong).await.fails_with(400, "body: ");
    }
}

#[tokio::test]
async fn the_chats_of_a_label_are_listed_in_pages() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    for number in 1..=5 {
        server.link(&vip, &format!("551199999000{number}")).await;
    }
    let (mut listed, mut after) = (Vec::new(), String::new());
    loop {
        let answer = server.ask(Method::GET, &format!("/v2/labels/{vip}/chats?limit=2{after}")).await.ok();
        assert_eq!((&answer["total_chats"], &answer["total_rows"]), (&json!(5), &json!(5)));
        listed.extend(chats(&answer));
        let Some(next) = answer["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    let expected: Vec<String> = (1..=5).map(|number| format!("551199999000{number}@c.us")).collect();
    assert_eq!(listed, expected);
}
