//! Gateways that stall and close connections, and labels that are deleted while a refresh is committed.

use std::time::{Duration, Instant};

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::server::Server;
use crate::sse::Stream;
use crate::stand_in::{KEY, Mood, StandIn};
use crate::upstream::{NOT_CONNECTED, READ, REFRESH, start};

#[tokio::test]
async fn a_gateway_that_stalls_is_not_connected_once_the_patience_is_over() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &["--upstream-patience", "1", "--upstream-writes", "first"]);
    let before = server.get(REFRESH).await.ok()["chats"].clone();
    for mood in [Mood::Stalls, Mood::StallsHalfWay, Mood::HangsUp] {
        stand_in.be(mood);
        let began = Instant::now();
        server.get(REFRESH).await.fails(503, NOT_CONNECTED);
        let took = began.elapsed();
        assert!(mood == Mood::HangsUp || took >= Duration::from_secs(1), "{mood:?} after {took:?}");
        assert!(took < Duration::from_secs(15), "{mood:?} after {took:?}");
        assert_eq!(server.get(READ).await.ok()["chats"], before, "{mood:?}");
    }
    stand_in.be(Mood::Stalls);
    server.ask(Method::PUT, "/v2/labels/2/chats/5511999990002").await.fails(503, NOT_CONNECTED);
    server.tell(Method::POST, "/v2/labels", json!({ "name": "Late" })).await.fails(503, NOT_CONNECTED);
    assert_eq!(server.get(READ).await.ok()["chats"], before);
    // Every ticket was dropped.
    stand_in.be(Mood::Well);
    server.get(REFRESH).await.ok();
}

#[tokio::test]
async fn a_gateway_that_hangs_up_without_an_answer_is_not_connected() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            drop(listener.accept().await);
        }
    });
    let server = Server::start_with(&["--upstream", &url, "--upstream-key", KEY]);
    for _ in 0..3 {
        server.get(REFRESH).await.fails(503, NOT_CONNECTED);
    }
    server.get(READ).await.ok();
}

#[tokio::test]
async fn a_label_that_the_gateway_does_not_have_goes_with_an_event_for_each_chat() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &[]);
    server.get(REFRESH).await.ok();
    let mut stream = Stream::open(&server, None).await;
    stream.next().await.unwrap();
    stand_in.link("2", "5511999990002@c.us");
    server.get(REFRESH).await.ok();
    stand_in.forget("2");
    stand_in.be(Mood::Slow(Duration::from_millis(300)));
    let labels = stand_in.calls("labels");
    let linking = async {
        // Once the gateway gets a request, the ticket is open: later links are not in the fetched state.
        stand_in.until(|stand_in| stand_in.calls("labels") > labels).await;
        server.link("2", "5511999990003").await;
        // A label that is made meanwhile stays.
        server.label("New").await
    };
    let (answer, new) = tokio::join!(server.get(REFRESH), linking);
    let answer = answer.ok();
    assert_eq!((&answer["total_chats"], &answer["total_rows"]), (&json!(2), &json!(2)));
    server.ask(Method::GET, "/v2/labels/2").await.fails(404, "Label not found");
    server.ask(Method::GET, &format!("/v2/labels/{new}")).await.ok();
    let mut events = stream.take(6).await;
    events.sort();
    assert_eq!(
        events,
        [
            "label.chat.added 2 5511999990002@c.us",
            "label.chat.added 2 5511999990003@c.us",
            "label.chat.deleted 2 5511999990001@c.us",
            "label.chat.deleted 2 5511999990002@c.us",
            "label.chat.deleted 2 5511999990003@c.us",
            &format!("label.upsert {new}"),
        ]
    );
    let last = stream.next().await.unwrap();
    assert_eq!((last.about().as_str(), &last.data["links"]), ("label.deleted 2", &json!(0)));
}

#[tokio::test]
async fn chats_that_a_refresh_links_while_their_label_goes_have_events_too() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &[]);
    server.get(REFRESH).await.ok();
    let mut stream = Stream::open(&server, None).await;
    stream.next().await.unwrap();
    let mut number = 0_u64;
    let (mut added, mut deleted) = (1, 0);
    for round in 0..12_u64 {
        for _ in 0..400 {
            number += 1;
            stand_in.link("2", &format!("55119{number:08}@c.us"));
        }
        let deletion = async {
            // At different moments of the commit of the refresh.
            tokio::time::sleep(Duration::from_millis(round * 2)).await;
            server.ask(Method::DELETE, "/v2/labels/2").await.status
        };
        let (refreshed, status) = tokio::join!(server.get(REFRESH), deletion);
        refreshed.ok();
        if status == StatusCode::NOT_FOUND {
            continue;
        }
        assert_eq!(status, StatusCode::OK);
        loop {
            let message = stream.next().await.unwrap();
            match message.event.as_str() {
                "label.chat.added" => added += 1,
                "label.chat.deleted" => deleted += 1,
                "label.upsert" => {}
                "label.deleted" => {
                    assert_eq!(message.data["links"], json!(0), "links without an event of their own");
                    break;
                }
                other => panic!("{other}"),
            }
        }
        assert_eq!((round, added), (round, deleted));
    }
    assert!(added > 400, "no refresh linked chats before its label went");
}

#[tokio::test]
async fn a_patience_of_nothing_is_refused() {
    let output = crate::server::command().args(["--demo", "--upstream-patience", "0"]).output().unwrap();
    assert!(!output.status.success());
}
