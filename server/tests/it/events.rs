//! Server-sent events: every change once, and streams that continue after the last event that was seen.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::server::{OTHER, SHOP, Server, send};
use crate::sse::Stream;

const ANA: &str = "5511999990001";
const BOB: &str = "5511999990002";

#[tokio::test]
async fn each_change_is_told_once_and_nothing_else() {
    let server = Server::start();
    let mut stream = Stream::open(&server, None).await;
    let ready = stream.next().await.unwrap();
    assert_eq!((ready.event.as_str(), &ready.data), ("ready", &json!({ "instance": "shop" })));
    let vip = server.label("VIP").await;
    for _ in 0..3 {
        server.link(&vip, ANA).await;
    }
    server.link(&vip, BOB).await;
    for _ in 0..3 {
        server.ask(Method::DELETE, &format!("/v2/labels/{vip}/chats/{BOB}")).await.ok();
    }
    server.tell(Method::PUT, &format!("/v2/labels/{vip}"), json!({ "name": "Gold" })).await.ok();
    server.tell(Method::PUT, &format!("/v2/labels/{vip}"), json!({ "name": "Gold" })).await.ok();
    let expected = [
        "label.upsert 1",
        "label.chat.added 1 5511999990001@c.us",
        "label.chat.added 1 5511999990002@c.us",
        "label.chat.deleted 1 5511999990002@c.us",
    ];
    assert_eq!(stream.take(4).await, expected);
    let renamed = stream.next().await.unwrap();
    let label = json!({ "id": "1", "name": "Gold", "color": null, "position": null });
    assert_eq!(renamed.data["label"], label);
    assert_eq!((&renamed.data["event"], &renamed.data["instance"]), (&json!("label.upsert"), &json!("shop")));
    assert_eq!(renamed.data["id"], format!("{}-0", renamed.id));
}

#[tokio::test]
async fn a_label_that_goes_takes_its_links_with_it_and_says_so() {
    let server = Server::start();
    let (vip, empty) = (server.label("VIP").await, server.label("Empty").await);
    server.link(&vip, ANA).await;
    server.link(&vip, BOB).await;
    let mut stream = Stream::open(&server, None).await;
    stream.next().await.unwrap();
    for label in [&vip, &empty] {
        server.ask(Method::DELETE, &format!("/v2/labels/{label}")).await.ok();
    }
    let first = stream.next().await.unwrap();
    assert_eq!((first.about().as_str(), first.id.as_str()), ("label.chat.deleted 1 5511999990001@c.us", ""));
    assert_eq!(stream.take(1).await, ["label.chat.deleted 1 5511999990002@c.us"]);
    let last = stream.next().await.unwrap();
    assert_eq!((last.about().as_str(), &last.data["links"]), ("label.deleted 1", &json!(0)));
    assert!(!last.id.is_empty(), "one commit, whose last message has the id");
    assert_eq!(stream.take(1).await, ["label.deleted 2"]);
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_also_after_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path(), &[]);
    let vip = server.label("VIP").await;
    let mut stream = Stream::open(&server, None).await;
    let ready = stream.next().await.unwrap();
    server.link(&vip, ANA).await;
    let seen = stream.next().await.unwrap();
    server.link(&vip, BOB).await;
    drop(server);
    let server = Server::start_in(folder.path(), &[]);
    server.link(&vip, "5511999990003").await;
    let rest = ["label.chat.added 1 5511999990002@c.us", "label.chat.added 1 5511999990003@c.us"];
    let mut resumed = Stream::open(&server, Some(&seen.id)).await;
    let again = resumed.next().await.unwrap();
    assert_eq!((again.event, again.id), ("ready".to_owned(), seen.id.clone()));
    assert_eq!(resumed.take(2).await, rest);
    let by_query = server.session(Method::GET, "/v2/events").query(&[("last_event_id", &seen.id)]);
    assert_eq!(by_query.send().await.unwrap().status(), StatusCode::OK);
    let mut from_ready = Stream::open(&server, Some(&ready.id)).await;
    from_ready.next().await.unwrap();
    assert_eq!(from_ready.take(3).await[0], "label.chat.added 1 5511999990001@c.us");
}

#[tokio::test]
async fn a_client_that_missed_events_is_told() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    let stranger = Server::start();
    let foreign = Stream::open(&stranger, None).await.next().await.unwrap().id;
    let mut stream = Stream::open(&server, Some(&foreign)).await;
    stream.next().await.unwrap();
    let missed = stream.next().await.unwrap();
    assert_eq!((missed.event.as_str(), &missed.data["instance"]), ("missed", &json!("shop")));
    server.link(&vip, ANA).await;
    assert_eq!(stream.take(1).await, ["label.chat.added 1 5511999990001@c.us"]);
    let mut resumed = Stream::open(&server, Some(&missed.id)).await;
    resumed.next().await.unwrap();
    assert_eq!(resumed.take(1).await, ["label.chat.added 1 5511999990001@c.us"]);
}

#[tokio::test]
async fn what_is_wrong_is_refused() {
    let server = Server::start();
    for id in ["5", "nonsense", "", "\u{e9}"] {
        let request = server.session(Method::GET, "/v2/events").header("last-event-id", id);
        assert_eq!(send(request).await.status, StatusCode::BAD_REQUEST, "{id:?}");
    }
    server.ask(Method::GET, "/v2/events?last_event=x").await.fails_with(400, "unknown field `last_event`");
    let foreign = format!("/v2/events?instance_id=shop&access_token={OTHER}");
    send(server.request(Method::GET, &foreign)).await.fails(401, "Invalid token");
    let without = format!("/v2/events?access_token={SHOP}");
    send(server.request(Method::GET, &without)).await.fails(400, "Instance name is required");
}

#[tokio::test]
async fn streams_end_when_the_server_does() {
    let mut server = Server::start();
    let mut stream = Stream::open(&server, None).await;
    stream.next().await.unwrap();
    let began = std::time::Instant::now();
    assert!(server.terminate());
    assert!(stream.next().await.is_none());
    assert!(began.elapsed() < std::time::Duration::from_secs(9), "{:?}", began.elapsed());
}
