//! Contacts by label: the answer, each error with its text, and invalid parameters.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::server::{ACCOUNT, OTHER, SHOP, Server, chats, ids, send};

const PATH: &str = "/api/chat/contactsByLabel/shop";

/// A shop with `VIP` (1) on ana and bob, `Support` (2) on bob and a group, and `Old` (3) without chats.
async fn shop() -> Server {
    let server = Server::start_with(&["--requests-per-minute", "0"]);
    for name in ["VIP", "Support", "Old"] {
        server.label(name).await;
    }
    for (label, chat) in [
        ("1", "5511999990001"),
        ("1", "5511999990002%40c.us"),
        ("2", "5511999990002@s.whatsapp.net"),
        ("2", "120363000000000001@g.us"),
    ] {
        server.link(label, chat).await;
    }
    server
}

async fn ask(server: &Server, query: &str) -> Value {
    server.get(&format!("{PATH}?{query}")).await.ok()
}

fn totals(answer: &Value) -> [u64; 3] {
    ["total_chats", "total_rows", "matched_rows"].map(|field| answer[field].as_u64().unwrap())
}

#[tokio::test]
async fn the_answer_has_every_field() {
    let server = shop().await;
    let answer = ask(&server, "labelNames=vip&limit=1").await;
    let next = answer["next"].as_str().expect("a second page").to_owned();
    let revision = answer["revision"].as_u64().unwrap();
    let expected = json!({
        "success": true,
        "message": "Contacts retrieved successfully",
        "chats": [{
            "chat_id": "5511999990001@c.us",
            "labels": [{ "id": "1", "name": "VIP", "color": null, "position": null }],
        }],
        "total_chats": 2,
        "total_rows": 3,
        "matched_rows": 2,
        "filter_label_ids": ["1"],
        "unresolved": { "ids": [], "names": [] },
        "next": next,
        "revision": revision,
        "refreshed": false,
    });
    assert_eq!(answer, expected);
    let second = ask(&server, &format!("labelNames=vip&limit=1&after={next}")).await;
    assert_eq!(chats(&second), ["5511999990002@c.us"]);
    assert_eq!(ids(&second["chats"][0]["labels"]), ["1", "2"]);
    assert_eq!(second["next"], Value::Null);
}

#[tokio::test]
async fn labels_are_given_by_id_and_by_name() {
    let server = shop().await;
    assert_eq!(totals(&ask(&server, "").await), [3, 4, 4]);
    assert_eq!(totals(&ask(&server, "labelIds=1,2&labelNames=Support").await), [3, 4, 4]);
    assert_eq!(totals(&ask(&server, "labelIds=2&refresh=false").await), [2, 3, 2]);
    assert_eq!(totals(&ask(&server, "labelNames=SUPPORT,%20vip").await), [3, 4, 4]);
    assert_eq!(totals(&ask(&server, "allOf=1,2").await), [1, 2, 2]);
    assert_eq!(totals(&ask(&server, "labelIds=1&noneOf=2").await), [1, 1, 1]);
    assert_eq!(totals(&ask(&server, "labelIds=3").await), [0, 0, 0]);
    assert_eq!(ask(&server, "limit=0").await["chats"], json!([]));
}

#[tokio::test]
async fn what_means_nothing_never_widens_the_answer() {
    let server = shop().await;
    for (query, expected) in [
        ("labelIds=", [0, 0, 0]),
        ("labelNames=", [0, 0, 0]),
        ("labelIds=77", [0, 0, 0]),
        ("labelNames=Suport", [0, 0, 0]),
        ("allOf=", [0, 0, 0]),
        ("allOf=1,77", [0, 0, 0]),
        ("noneOf=", [3, 4, 4]),
        ("noneOf=77", [3, 4, 4]),
        ("labelIds=1,77", [2, 3, 2]),
    ] {
        assert_eq!(totals(&ask(&server, query).await), expected, "{query}");
    }
    let answer = ask(&server, "labelIds=77,1,77&labelNames=Suport").await;
    assert_eq!(answer["unresolved"], json!({ "ids": ["77"], "names": ["Suport"] }));
    assert_eq!(answer["filter_label_ids"], json!(["1"]));
}

#[tokio::test]
async fn a_parameter_that_is_wrong_is_refused() {
    let server = shop().await;
    for query in [
        "labelids=1",
        "label_ids=1",
        "labelId=1",
        "labelIds=1&labelIds=2",
        "labelIds[]=1",
        "refresh=yes",
        "refresh=",
        "refresh=false&refresh=true",
        "limit=",
        "limit=-1",
        "limit=1.5",
        "limit=99999999999999999999",
        "token=x",
        "anyOf=1",
        "x",
        "=1",
    ] {
        server.get(&format!("{PATH}?{query}")).await.fails_with(400, "parameters: ");
    }
    server.get(&format!("{PATH}?limit=1001")).await.fails_with(413, "at most 1000 allowed");
    server.get(&format!("{PATH}?after=nonsense")).await.fails_with(400, "damaged cursor");
    server.get(&format!("{PATH}?after=")).await.fails_with(400, "damaged cursor");
}

#[tokio::test]
async fn a_cursor_of_another_instance_is_refused() {
    let server = shop().await;
    let next = ask(&server, "limit=1").await["next"].as_str().unwrap().to_owned();
    let path = format!("/api/chat/contactsByLabel/other?after={next}");
    send(server.with_token(Method::GET, &path, OTHER)).await.fails_with(400, "belongs to another index");
}

#[tokio::test]
async fn each_error_has_its_text() {
    let server = shop().await;
    for path in ["/api/chat/contactsByLabel", "/api/chat/contactsByLabel/", "/api/chat/contactsByLabel/%20"] {
        server.get(path).await.fails(400, "Instance name is required");
    }
    for token in ["", "nobody-has-this-token-00", OTHER, &SHOP[1..], &SHOP.to_uppercase()] {
        send(server.with_token(Method::GET, PATH, token)).await.fails(401, "Invalid token");
    }
    send(server.request(Method::GET, PATH)).await.fails(401, "Invalid token");
    let unknown = "/api/chat/contactsByLabel/nobody";
    send(server.with_token(Method::GET, unknown, ACCOUNT)).await.fails(404, "Instance not found");
    let refresh = format!("{PATH}?refresh=true");
    server.get(&refresh).await.fails(503, "Instance is not connected to WhatsApp");
    let not_a_name = format!("/api/chat/contactsByLabel/{}", "x".repeat(200));
    send(server.with_token(Method::GET, &not_a_name, ACCOUNT)).await.fails(404, "Instance not found");
}

#[tokio::test]
async fn a_caller_without_a_token_for_an_instance_learns_nothing_of_it() {
    let server = shop().await;
    for name in ["other", "nobody"] {
        server.get(&format!("/api/chat/contactsByLabel/{name}")).await.fails(401, "Invalid token");
    }
}

#[tokio::test]
async fn tokens_are_in_either_header() {
    let server = shop().await;
    for token in [SHOP, ACCOUNT] {
        let bearer = server.request(Method::GET, PATH).bearer_auth(token);
        assert_eq!(send(bearer).await.status, StatusCode::OK);
        assert_eq!(send(server.with_token(Method::GET, PATH, token)).await.status, StatusCode::OK);
    }
    let both = server.with_token(Method::GET, PATH, SHOP).bearer_auth(SHOP);
    assert_eq!(send(both).await.status, StatusCode::OK);
    for request in [
        server.with_token(Method::GET, PATH, SHOP).bearer_auth(ACCOUNT),
        server.with_token(Method::GET, PATH, SHOP).header("token", OTHER),
        server.with_token(Method::GET, PATH, SHOP).header("authorization", "Basic c2hvcDpzaG9w"),
        server.request(Method::GET, PATH).header("authorization", SHOP),
    ] {
        send(request).await.fails(401, "Invalid token");
    }
}
