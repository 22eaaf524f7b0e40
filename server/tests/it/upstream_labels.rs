//! Labels that are made, changed and deleted at the gateway before they are here.

use reqwest::Method;
use serde_json::json;

use crate::server::{SHOP, Server, ids, send};
use crate::stand_in::{Mood, StandIn};
use crate::upstream::{NOT_CONNECTED, REFRESH, start};

const REFUSED: &str = "The upstream refused the change";

/// The ids of the labels of a server.
async fn labels(server: &Server) -> Vec<String> {
    ids(&server.ask(Method::GET, "/v2/labels").await.ok()["labels"])
}

#[tokio::test]
async fn labels_are_those_of_the_gateway() {
    for mode in ["first", "queued"] {
        let stand_in = StandIn::start().await;
        let server = start(&stand_in, &["--upstream-writes", mode]);
        server.get(REFRESH).await.ok();
        let made = json!({ "name": "Late", "color": 5, "position": 2 });
        let made = server.tell(Method::POST, "/v2/labels", made).await.ok();
        let expected = json!({ "id": "101", "name": "Late", "color": 5, "position": 2, "chats": 0 });
        assert_eq!(made["label"], expected, "with the id that the gateway chose");
        assert_eq!(stand_in.name("101").as_deref(), Some("Late"));
        let tag = server.with_token(Method::POST, "/api/chat/tag/shop", SHOP).json(&json!({ "name": "Tag" }));
        assert_eq!(send(tag).await.ok()["label"]["id"], "102");
        server.link("101", "5511999990002").await;
        stand_in.until(|stand_in| stand_in.chats("101") == ["5511999990002@c.us"]).await;
        server.tell(Method::PUT, "/v2/labels/101", json!({ "name": "Too late" })).await.ok();
        assert_eq!(stand_in.name("101").as_deref(), Some("Too late"));
        server.tell(Method::PUT, "/v2/labels/101", json!({ "color": 7 })).await.ok();
        assert_eq!(stand_in.name("101").as_deref(), Some("Too late"), "it is told with the name that it has");
        let calls = stand_in.calls("update");
        server.tell(Method::PUT, "/v2/labels/101", json!({ "position": 9, "color": 7 })).await.ok();
        assert_eq!(stand_in.calls("update"), calls, "the gateway has no positions");
        let label = server.ask(Method::GET, "/v2/labels/101").await.ok()["label"].clone();
        assert_eq!(label, json!({ "id": "101", "name": "Too late", "color": 7, "position": 9, "chats": 1 }));
        server.ask(Method::DELETE, "/v2/labels/101").await.ok();
        let tag = server.with_token(Method::DELETE, "/api/chat/tag/shop", SHOP).json(&json!({ "tagId": "102" }));
        send(tag).await.ok();
        assert_eq!((stand_in.name("101"), stand_in.name("102")), (None, None));
        assert_eq!(labels(&server).await, ["1", "2"]);
        // A label that does not exist at the gateway any more can be deleted here.
        stand_in.forget("2");
        server.ask(Method::DELETE, "/v2/labels/2").await.ok();
        assert_eq!(labels(&server).await, ["1"]);
        server.get(REFRESH).await.ok();
        assert_eq!(labels(&server).await, ["1"]);
    }
}

#[tokio::test]
async fn what_the_gateway_refuses_is_not_made_here() {
    for mode in ["first", "queued"] {
        let stand_in = StandIn::start().await;
        let server = start(&stand_in, &["--upstream-writes", mode]);
        server.get(REFRESH).await.ok();
        let before = server.ask(Method::GET, "/v2/labels").await.ok()["labels"].clone();
        for (mood, status, message) in [(Mood::Refuses, 502, REFUSED), (Mood::Stopped, 503, NOT_CONNECTED)] {
            stand_in.be(mood);
            server.tell(Method::POST, "/v2/labels", json!({ "name": "Late" })).await.fails(status, message);
            server.tell(Method::PUT, "/v2/labels/1", json!({ "name": "Late" })).await.fails(status, message);
            server.ask(Method::DELETE, "/v2/labels/1").await.fails(status, message);
        }
        assert_eq!(server.ask(Method::GET, "/v2/labels").await.ok()["labels"], before);
        stand_in.be(Mood::Well);
        let calls = ["create", "update", "delete"].map(|kind| stand_in.calls(kind));
        server.tell(Method::PUT, "/v2/labels/77", json!({ "name": "Late" })).await.fails(404, "Label not found");
        server.ask(Method::DELETE, "/v2/labels/77").await.fails(404, "Label not found");
        server.tell(Method::POST, "/v2/labels", json!({ "name": "" })).await.fails_with(400, "");
        assert_eq!(["create", "update", "delete"].map(|kind| stand_in.calls(kind)), calls, "nothing is told of these");
    }
}

#[tokio::test]
async fn labels_stay_here_if_links_do() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &[]);
    server.get(REFRESH).await.ok();
    let id = server.label("Late").await;
    server.tell(Method::PUT, &format!("/v2/labels/{id}"), json!({ "name": "Too late" })).await.ok();
    server.ask(Method::DELETE, "/v2/labels/1").await.ok();
    assert_eq!(["create", "update", "delete"].map(|kind| stand_in.calls(kind)), [0, 0, 0]);
    assert_eq!(labels(&server).await, ["2", &id]);
}
