//! A gateway behind the server: refreshing from it.

use std::time::Duration;

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::json;

use crate::server::{ACCOUNT, OTHER, Server, chats, send};
use crate::stand_in::{KEY, Mood, StandIn};

pub(crate) const REFRESH: &str = "/api/chat/contactsByLabel/shop?refresh=true";
pub(crate) const READ: &str = "/api/chat/contactsByLabel/shop";
pub(crate) const NOT_CONNECTED: &str = "Instance is not connected to WhatsApp";
const NONSENSE: &str = "The upstream answered what it should not";

/// A server before a stand-in.
pub(crate) fn start(stand_in: &StandIn, arguments: &[&str]) -> Server {
    Server::start_with(&before(stand_in, arguments))
}

/// The arguments of a server before a stand-in.
pub(crate) fn before<'a>(stand_in: &'a StandIn, more: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["--requests-per-minute", "0", "--upstream", &stand_in.url, "--upstream-key", KEY];
    all.extend(more);
    all
}

/// Whether the metrics of a server have this line.
pub(crate) async fn counts(server: &Server, line: &str) -> bool {
    let response = server.with_token(Method::GET, "/metrics", ACCOUNT).send().await.unwrap();
    response.text().await.unwrap().lines().any(|known| known == line)
}

#[tokio::test]
async fn a_refresh_takes_over_what_the_gateway_has() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &[]);
    let local = server.label("Local").await;
    assert_eq!(local, "1");
    server.link(&local, "5511999990777").await;
    let answer = server.get(REFRESH).await.ok();
    assert_eq!(
        (&answer["refreshed"], &answer["total_chats"], &answer["total_rows"]),
        (&json!(true), &json!(2), &json!(3))
    );
    let vip = json!({ "id": "1", "name": "VIP", "color": 3, "position": null });
    let support = json!({ "id": "2", "name": "Support", "color": 3, "position": null });
    let mut listed = answer["chats"].as_array().unwrap().clone();
    listed.sort_by_key(|chat| chat["chat_id"].as_str().unwrap().to_owned());
    assert_eq!(
        json!(listed),
        json!([
            { "chat_id": "120363000000000001@g.us", "labels": [vip] },
            { "chat_id": "5511999990001@c.us", "labels": [vip, support] },
        ])
    );
    stand_in.link("2", "5511999990002@c.us");
    stand_in.unlink("1", "5511999990001@c.us");
    let cached = server.get(READ).await.ok();
    assert_eq!((&cached["refreshed"], &cached["total_chats"]), (&json!(false), &json!(2)), "the cache answers");
    let answer = server.get(&format!("{REFRESH}&labelIds=2")).await.ok();
    let mut listed = chats(&answer);
    listed.sort();
    assert_eq!(listed, ["5511999990001@c.us", "5511999990002@c.us"]);
    assert_eq!(server.labels_of("5511999990001").await, ["2"]);
    assert!(counts(&server, "label_index_upstream_refreshes_total{result=\"done\"} 2").await);
}

#[tokio::test]
async fn a_gateway_in_trouble_is_told_and_changes_nothing() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &[]);
    let before = server.get(REFRESH).await.ok()["chats"].clone();
    stand_in.link("2", "5511999990002@c.us");
    for (mood, status, message) in [
        (Mood::Stopped, 503, NOT_CONNECTED),
        (Mood::HangsUp, 503, NOT_CONNECTED),
        (Mood::FailsHalfWay, 502, NONSENSE),
        (Mood::Nonsense, 502, NONSENSE),
        (Mood::OtherFields, 502, NONSENSE),
        (Mood::Endless, 502, NONSENSE),
    ] {
        stand_in.be(mood);
        server.get(REFRESH).await.fails(status, message);
        let answer = server.get(READ).await.ok();
        assert_eq!((&answer["chats"], &answer["refreshed"]), (&before, &json!(false)), "{mood:?}");
    }
    assert!(counts(&server, "label_index_upstream_refreshes_total{result=\"nonsense\"} 4").await);
    assert!(counts(&server, "label_index_upstream_refreshes_total{result=\"not_connected\"} 2").await);
    stand_in.be(Mood::Well);
    assert_eq!(server.get(REFRESH).await.ok()["total_chats"], 3);
    let other = server.with_token(Method::GET, "/api/chat/contactsByLabel/other?refresh=true", OTHER);
    send(other).await.fails(503, NOT_CONNECTED);
}

#[tokio::test]
async fn a_gateway_that_is_not_there_is_not_connected() {
    // A port that was free a moment ago.
    let port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let server = Server::start_with(&["--upstream", &format!("http://127.0.0.1:{port}"), "--upstream-key", KEY]);
    server.get(REFRESH).await.fails(503, NOT_CONNECTED);
    server.get(READ).await.ok();
}

#[tokio::test]
async fn a_key_that_the_gateway_refuses_is_no_answer_of_it() {
    let stand_in = StandIn::start().await;
    let server = Server::start_with(&["--upstream", &stand_in.url, "--upstream-key", "another-key"]);
    server.get(REFRESH).await.fails(502, NONSENSE);
}

#[tokio::test]
async fn a_gateway_that_forgot_everything_empties_nothing() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &[]);
    server.get(REFRESH).await.ok();
    stand_in.clear();
    server.get(REFRESH).await.fails_with(409, "empty");
    assert_eq!(server.get(READ).await.ok()["total_chats"], 2);
}

#[tokio::test]
async fn concurrent_refreshes_share_one_fetch_and_keep_what_is_written_meanwhile() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &[]);
    server.get(REFRESH).await.ok();
    stand_in.be(Mood::Slow(Duration::from_millis(700)));
    let (labels, lists) = (stand_in.calls("labels"), stand_in.calls("chats"));
    let refreshes = join_all((0..8).map(|_| server.get(REFRESH)));
    let writing = async {
        // Once the gateway gets a request, the ticket is open.
        while stand_in.calls("labels") == labels {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        server.link("2", "5511999990009").await;
        server.ask(Method::DELETE, "/v2/labels/1/chats/5511999990001").await.ok();
    };
    let (answers, ()) = tokio::join!(refreshes, writing);
    for answer in answers {
        let answer = answer.ok();
        assert_eq!((&answer["refreshed"], &answer["total_chats"]), (&json!(true), &json!(3)));
    }
    assert_eq!((stand_in.calls("labels") - labels, stand_in.calls("chats") - lists), (1, 2));
    assert_eq!(server.labels_of("5511999990009").await, ["2"]);
    assert_eq!(server.labels_of("5511999990001").await, ["2"], "unlinked while the ticket was open");
    assert_eq!(stand_in.chats("2"), ["5511999990001@c.us"], "links stay here unless an option says so");
}

#[tokio::test]
async fn a_caller_that_goes_away_takes_nothing_from_the_others() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &[]);
    stand_in.be(Mood::Slow(Duration::from_millis(500)));
    let impatient = tokio::time::timeout(Duration::from_millis(200), server.get(REFRESH)).await;
    assert!(impatient.is_err());
    assert_eq!(server.get(REFRESH).await.ok()["total_chats"], 2);
    assert_eq!(stand_in.calls("labels"), 1);
    // The next caller does not get the outcome of that refresh.
    stand_in.be(Mood::Well);
    stand_in.link("1", "5511999990002@c.us");
    assert_eq!(server.get(REFRESH).await.ok()["total_chats"], 3);
}
