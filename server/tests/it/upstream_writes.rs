//! Links that are made at the gateway before they are made here.

use std::time::Duration;

use reqwest::Method;
use serde_json::json;

use crate::server::{SHOP, Server, send};
use crate::stand_in::{Mood, StandIn};
use crate::upstream::{NOT_CONNECTED, REFRESH, before, start};

const REFUSED: &str = "The upstream refused the change";

fn writing_first(stand_in: &StandIn) -> Server {
    start(stand_in, &["--upstream-writes", "first"])
}

#[tokio::test]
async fn a_link_is_made_at_the_gateway_first() {
    let stand_in = StandIn::start().await;
    let server = writing_first(&stand_in);
    server.get(REFRESH).await.ok();
    server.link("2", "5511999990002").await;
    assert_eq!(stand_in.chats("2"), ["5511999990001@c.us", "5511999990002@c.us"]);
    assert_eq!(server.labels_of("5511999990002").await, ["2"]);
    let calls = stand_in.calls("set");
    server.link("2", "5511999990002").await;
    assert_eq!(stand_in.calls("set"), calls, "nothing changes, so nothing is told");
    server.ask(Method::DELETE, "/v2/labels/1/chats/5511999990001").await.ok();
    assert_eq!(stand_in.chats("1"), ["120363000000000001@g.us"]);
    assert_eq!(stand_in.chats("2").len(), 2, "its other label stays");
    let body = json!({ "number": "5511999990003", "tagId": "1" });
    send(server.with_token(Method::POST, "/api/chat/assignTag/shop", SHOP).json(&body)).await.ok();
    server.tell(Method::PUT, "/v2/labels/chats/5511999990003", json!({ "labels": [{ "id": "2" }] })).await.ok();
    assert_eq!((stand_in.chats("1").len(), stand_in.chats("2").len()), (1, 3));
    let calls = stand_in.calls("set");
    server.ask(Method::PUT, "/v2/labels/77/chats/5511999990001").await.fails(404, "Label not found");
    assert_eq!(stand_in.calls("set"), calls, "a label that is not known here is not told");
}

#[tokio::test]
async fn what_the_gateway_refuses_is_not_made_here() {
    let stand_in = StandIn::start().await;
    let server = writing_first(&stand_in);
    server.get(REFRESH).await.ok();
    for (mood, status, message) in [(Mood::Refuses, 502, REFUSED), (Mood::Stopped, 503, NOT_CONNECTED)] {
        stand_in.be(mood);
        server.ask(Method::PUT, "/v2/labels/1/chats/5511999990005").await.fails(status, message);
        let body = json!({ "labels": [{ "id": "1" }] });
        server.tell(Method::PUT, "/v2/labels/chats/5511999990005", body).await.fails(status, message);
        server.ask(Method::DELETE, "/v2/labels/1/chats/5511999990001").await.fails(status, message);
        assert!(server.labels_of("5511999990005").await.is_empty());
        assert_eq!(server.labels_of("5511999990001").await, ["1", "2"]);
    }
}

#[tokio::test]
async fn an_index_that_was_never_refreshed_takes_no_label_from_a_phone() {
    let stand_in = StandIn::start().await;
    let folder = tempfile::tempdir().unwrap();
    let alone = Server::start_in(folder.path(), &[]);
    assert_eq!(alone.label("VIP").await, "1");
    drop(alone);
    let server = Server::start_in(folder.path(), &before(&stand_in, &["--upstream-writes", "first"]));
    stand_in.be(Mood::Stopped);
    server.ask(Method::PUT, "/v2/labels/1/chats/5511999990001").await.fails(503, NOT_CONNECTED);
    assert_eq!(stand_in.calls("set"), 0);
    stand_in.be(Mood::Well);
    stand_in.link("2", "120363000000000001@g.us");
    stand_in.unlink("1", "120363000000000001@g.us");
    server.link("1", "120363000000000001@g.us").await;
    assert_eq!(stand_in.chats("2"), ["120363000000000001@g.us", "5511999990001@c.us"], "the phone's label stays");
    assert_eq!(server.labels_of("120363000000000001@g.us").await, ["1", "2"]);
}

#[tokio::test]
async fn two_links_of_one_chat_do_not_overtake_each_other() {
    let stand_in = StandIn::start().await;
    let server = writing_first(&stand_in);
    server.get(REFRESH).await.ok();
    for number in 2..12 {
        let chat = format!("551199999{number:04}");
        tokio::join!(server.link("1", &chat), server.link("2", &chat));
        let jid = format!("{chat}@c.us");
        assert!(stand_in.chats("1").contains(&jid) && stand_in.chats("2").contains(&jid), "{chat}");
    }
}

#[tokio::test]
async fn a_link_whose_caller_goes_away_is_made_in_both_places() {
    let stand_in = StandIn::start().await;
    let server = writing_first(&stand_in);
    server.get(REFRESH).await.ok();
    stand_in.be(Mood::Slow(Duration::from_secs(1)));
    let asked = async {
        while stand_in.calls("set") == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = server.link("2", "5511999990002") => panic!("the gateway is slow"),
        () = asked => {}
    }
    let made = async {
        while server.labels_of("5511999990002").await.is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), made).await.unwrap();
    assert!(stand_in.chats("2").contains(&"5511999990002@c.us".to_owned()));
}
