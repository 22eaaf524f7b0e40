//! Links that are made here at once, and at the gateway as soon as it accepts them.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::server::{SHOP, Server, chats, command, send};
use crate::sse::Stream;
use crate::stand_in::{Mood, StandIn};
use crate::upstream::{NOT_CONNECTED, READ, REFRESH, before, counts};

const ANA: &str = "5511999990001";
const BOB: &str = "5511999990002";

/// A server whose links are queued, after a refresh if the gateway works.
fn start(stand_in: &StandIn, folder: &Path, more: &[&str]) -> Server {
    let queued = [&["--upstream-writes", "queued"], more].concat();
    Server::start_in(folder, &before(stand_in, &queued))
}

async fn refreshed(stand_in: &StandIn, folder: &Path, more: &[&str]) -> Server {
    let server = start(stand_in, folder, more);
    server.get(REFRESH).await.ok();
    server
}

/// A chat by number.
fn chat(number: usize) -> String {
    format!("55119{number:08}")
}

fn jid(chat: &str) -> String {
    format!("{chat}@c.us")
}

fn dead_letters(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("upstream/dead-letters.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until the queue of a server is empty.
async fn all_told(server: &Server) {
    let began = Instant::now();
    while !counts(server, "label_index_upstream_lag_commits 0").await {
        assert!(began.elapsed() < Duration::from_secs(30), "something is never told");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// A report of the gateway, as it posts it.
async fn report(server: &Server, event: &str, label: &str, chat: &str) {
    let payload = json!({ "labelId": label, "chatId": jid(chat) });
    let body = json!({ "event": event, "session": "shop", "payload": payload });
    send(server.with_token(Method::POST, "/webhooks/waha", SHOP).json(&body)).await.ok();
}

#[tokio::test]
async fn a_link_is_made_here_at_once_and_then_at_the_gateway() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    let server = refreshed(&stand_in, folder.path(), &[]).await;
    stand_in.be(Mood::Stopped);
    server.link("2", BOB).await;
    assert_eq!(server.labels_of(BOB).await, ["2"]);
    server.ask(Method::DELETE, &format!("/v2/labels/1/chats/{ANA}")).await.ok();
    let body = json!({ "number": "5511999990003", "tagId": "1" });
    send(server.with_token(Method::POST, "/api/chat/assignTag/shop", SHOP).json(&body)).await.ok();
    server.tell(Method::PUT, "/v2/labels/chats/5511999990004", json!({ "labels": [{ "id": "2" }] })).await.ok();
    assert!(stand_in.told().is_empty());
    stand_in.be(Mood::Well);
    all_told(&server).await;
    assert_eq!(stand_in.chats("1"), ["120363000000000001@g.us", "5511999990003@c.us"]);
    assert_eq!(stand_in.chats("2"), [jid(ANA), jid(BOB), jid("5511999990004")], "the other label of the first stays");
    let told = stand_in.told().len();
    assert_eq!(told, 4, "one change of each chat");
    server.link("2", BOB).await;
    all_told(&server).await;
    assert_eq!(stand_in.told().len(), told, "nothing changed, so nothing is told");
    assert!(dead_letters(folder.path()).is_empty());
}

#[tokio::test]
async fn changes_of_one_chat_are_told_in_order() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    let server = refreshed(&stand_in, folder.path(), &[]).await;
    stand_in.be(Mood::Slow(Duration::from_millis(3)));
    for round in 0..20 {
        let path = format!("/v2/labels/2/chats/{BOB}");
        server.ask(if round % 2 == 0 { Method::PUT } else { Method::DELETE }, &path).await.ok();
        server.link("1", &chat(round)).await;
    }
    stand_in.be(Mood::Well);
    all_told(&server).await;
    assert_eq!(stand_in.chats("2"), [jid(ANA)], "the last change was an unlink");
    assert_eq!(stand_in.chats("1").len(), 22);
    let told = stand_in.told();
    let of_bob: Vec<_> = told.iter().filter(|(chat, _)| *chat == jid(BOB)).map(|(_, labels)| labels.len()).collect();
    assert!(of_bob.windows(2).all(|pair| pair[0] != pair[1]), "each changes something: {of_bob:?}");
}

#[tokio::test]
async fn nothing_is_lost_when_the_server_is_killed() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    let mut server = refreshed(&stand_in, folder.path(), &[]).await;
    for round in 0..4 {
        // The gateway is down in every other round, and slow in the others.
        stand_in.be(if round % 2 == 0 { Mood::Stopped } else { Mood::Slow(Duration::from_millis(20)) });
        for number in 0..25 {
            server.link("2", &chat(round * 100 + number)).await;
            if number % 5 == 4 {
                server.ask(Method::DELETE, &format!("/v2/labels/2/chats/{}", chat(round * 100 + number))).await.ok();
            }
        }
        server.kill();
        server = start(&stand_in, folder.path(), &[]);
    }
    stand_in.be(Mood::Well);
    all_told(&server).await;
    let mut expected: Vec<_> = (0..100).filter(|number| number % 5 != 4).collect();
    expected = expected.into_iter().map(|number| number / 25 * 100 + number % 25).collect();
    let mut expected: Vec<_> = expected.into_iter().map(|number| jid(&chat(number))).collect();
    expected.push(jid(ANA));
    expected.sort();
    assert_eq!(stand_in.chats("2"), expected);
    let mut here = chats(&server.get(&format!("{READ}?labelIds=2")).await.ok());
    here.sort();
    assert_eq!(here, expected);
    assert!(dead_letters(folder.path()).is_empty());
}

#[tokio::test]
async fn what_came_from_the_gateway_is_not_told_back() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    let mut server = refreshed(&stand_in, folder.path(), &[]).await;
    all_told(&server).await;
    assert_eq!(stand_in.calls("get"), 0, "what a refresh did");
    // A phone added a label and removed it again; the second report is late, and the gateway has no labels by now.
    report(&server, "label.chat.added", "2", BOB).await;
    all_told(&server).await;
    assert_eq!((stand_in.calls("get"), stand_in.calls("set")), (0, 0));
    assert_eq!(server.labels_of(BOB).await, ["2"]);
    // Nor is it sent after a kill, with a link of our own before it and after it that could not be sent.
    stand_in.be(Mood::Stopped);
    server.link("1", &chat(1)).await;
    report(&server, "label.chat.added", "2", &chat(2)).await;
    report(&server, "label.chat.deleted", "1", ANA).await;
    server.link("1", &chat(3)).await;
    server.kill();
    let server = start(&stand_in, folder.path(), &[]);
    stand_in.be(Mood::Well);
    all_told(&server).await;
    let mut told: Vec<_> = stand_in.told().into_iter().map(|(chat, _)| chat).collect();
    told.sort();
    assert_eq!(told, [jid(&chat(1)), jid(&chat(3))]);
    // A deleted label loses its links, which are not sent either.
    let body = json!({ "event": "label.deleted", "session": "shop", "payload": { "id": "2" } });
    send(server.with_token(Method::POST, "/webhooks/waha", SHOP).json(&body)).await.ok();
    all_told(&server).await;
    assert!(server.labels_of(BOB).await.is_empty());
    assert_eq!(stand_in.told().len(), 2);
}

#[tokio::test]
async fn labels_of_a_phone_that_are_not_known_here_stay() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    let server = refreshed(&stand_in, folder.path(), &[]).await;
    stand_in.link("2", &jid(BOB));
    server.link("1", BOB).await;
    all_told(&server).await;
    assert_eq!(stand_in.told(), [(jid(BOB), vec!["1".to_owned(), "2".to_owned()])]);
}

#[tokio::test]
async fn what_the_gateway_refuses_is_a_dead_letter_and_the_others_go_on() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    let server = refreshed(&stand_in, folder.path(), &[]).await;
    stand_in.be(Mood::Refuses);
    server.link("2", BOB).await;
    all_told(&server).await;
    stand_in.be(Mood::Well);
    server.link("1", &chat(1)).await;
    all_told(&server).await;
    assert_eq!(stand_in.told().len(), 1);
    let letters = dead_letters(folder.path());
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(letter["cause"], "the upstream answers 422 Unprocessable Entity");
    assert_eq!([&letter["session"], &letter["chat"]], [&json!("shop"), &json!(jid(BOB))]);
    assert_eq!((&letter["add"], &letter["remove"]), (&json!(["2"]), &json!([])));
    assert_eq!(letter["upstream"], format!("{}/", stand_in.url));
    assert!(letter["at"].as_u64().unwrap() > 1_700_000_000 && !letter["id"].as_str().unwrap().is_empty());
    assert!(counts(&server, "label_index_upstream_dead_letters_total 1").await);
    assert!(counts(&server, "label_index_upstream_writes_total{result=\"refused\"} 1").await);
    assert_eq!(server.labels_of(BOB).await, ["2"], "until the next refresh");
    server.get(REFRESH).await.ok();
    assert!(server.labels_of(BOB).await.is_empty());
}

#[tokio::test]
async fn what_is_never_taken_is_given_up() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    let server = refreshed(&stand_in, folder.path(), &["--upstream-give-up", "1"]).await;
    stand_in.be(Mood::TakesNoWrites);
    server.link("2", BOB).await;
    all_told(&server).await;
    let letters = dead_letters(folder.path());
    assert_eq!((letters.len(), &letters[0]["cause"]), (1, &json!("the upstream answers 503 Service Unavailable")));
}

#[tokio::test]
async fn a_gateway_that_is_down_slows_no_link_and_no_end() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    let mut server = refreshed(&stand_in, folder.path(), &["--upstream-patience", "3"]).await;
    stand_in.be(Mood::Stalls);
    // All are answered while the first is not sent.
    for number in 0..300 {
        server.link("2", &chat(number)).await;
    }
    assert_eq!(stand_in.calls("get"), 1);
    assert!(!counts(&server, "label_index_upstream_lag_commits 0").await);
    stand_in.be(Mood::Well);
    assert!(server.terminate());
    let server = start(&stand_in, folder.path(), &[]);
    all_told(&server).await;
    assert_eq!(stand_in.chats("2").len(), 301);
    assert_eq!(stand_in.told().len(), 300);
}

#[tokio::test]
async fn a_refresh_waits_until_the_gateway_has_what_is_queued() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    let server = refreshed(&stand_in, folder.path(), &[]).await;
    stand_in.be(Mood::TakesNoWrites);
    server.link("2", BOB).await;
    server.ask(Method::DELETE, &format!("/v2/labels/1/chats/{ANA}")).await.ok();
    stand_in.until(|stand_in| stand_in.calls("set") > 1).await;
    let refreshed = Instant::now();
    server.get(REFRESH).await.fails(503, NOT_CONNECTED);
    assert!(refreshed.elapsed() < Duration::from_secs(20), "as soon as the gateway did not take it again");
    assert_eq!(server.labels_of(BOB).await, ["2"], "a fetch that does not have it was not taken over");
    stand_in.be(Mood::Well);
    stand_in.link("1", &jid(&chat(7)));
    // The queue is in a pause by now, and the refresh does not wait for the end of it.
    let answer = server.get(REFRESH).await.ok();
    assert_eq!(answer["total_chats"], 4);
    assert_eq!(server.labels_of(BOB).await, ["2"]);
    assert_eq!(server.labels_of(ANA).await, ["2"]);
    assert_eq!(stand_in.chats("2"), [jid(ANA), jid(BOB)]);
    assert_eq!(stand_in.chats("1"), ["120363000000000001@g.us", &jid(&chat(7))]);
}

#[tokio::test]
async fn links_beside_refreshes_are_kept_in_both_places() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    let server = refreshed(&stand_in, folder.path(), &[]).await;
    let mut stream = Stream::open(&server, None).await;
    stream.next().await.unwrap();
    stand_in.be(Mood::Slow(Duration::from_millis(5)));
    let links = async {
        for number in 0..60 {
            server.link("2", &chat(number)).await;
        }
    };
    let refreshes = async {
        for _ in 0..10 {
            server.get(REFRESH).await.ok();
        }
    };
    tokio::join!(links, refreshes);
    all_told(&server).await;
    server.get(REFRESH).await.ok();
    assert_eq!(server.get(&format!("{READ}?labelIds=2")).await.ok()["total_chats"], 61);
    assert_eq!(stand_in.chats("2").len(), 61);
    server.label("Last").await;
    let events = stream.take(61).await;
    assert!(
        events[..60].iter().all(|event| event.starts_with("label.chat.added 2 ")),
        "none goes and comes: {events:?}"
    );
}

#[tokio::test]
async fn a_position_that_means_nothing_here_is_a_dead_letter() {
    let (stand_in, folder) = (StandIn::start().await, tempfile::tempdir().unwrap());
    drop(refreshed(&stand_in, folder.path(), &[]).await);
    let stranger = tempfile::tempdir().unwrap();
    drop(start(&stand_in, stranger.path(), &[]));
    for entry in std::fs::read_dir(stranger.path().join("upstream")).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), folder.path().join("upstream").join(entry.file_name())).unwrap();
    }
    let server = start(&stand_in, folder.path(), &[]);
    all_told(&server).await;
    server.link("2", BOB).await;
    all_told(&server).await;
    assert_eq!(stand_in.told().len(), 1);
    let letters: Vec<_> =
        dead_letters(folder.path()).into_iter().filter(|letter| letter["session"] == "shop").collect();
    assert_eq!((letters.len(), &letters[0]["cause"]), (1, &json!("more was queued than is kept")));
    assert!(letters[0]["missed"]["until"].as_u64().unwrap() > 0);
}

#[test]
fn a_queue_that_cannot_be_is_refused() {
    let refused = |arguments: &[&str]| {
        let output = command().args(arguments).stderr(Stdio::piped()).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let queued = ["--upstream-writes", "queued"];
    assert!(refused(&[&["--demo"], &queued[..]].concat()).contains("--upstream-writes queued needs --upstream"));
    let shared = ["--store", "postgres://x@127.0.0.1:1/x", "--upstream", "http://127.0.0.1:1"];
    assert!(refused(&[&shared[..], &queued[..]].concat()).contains("queued with --store needs --data"));
}
