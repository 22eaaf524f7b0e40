//! Webhooks: signed, in order, tried again, given up, and resumed after a kill.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::receiver::{Receiver, SECRET, about};
use crate::server::{ACCOUNT, Server, command, send};

const ANA: &str = "5511999990001";
const BOB: &str = "5511999990002";

/// A server whose events go to a receiver.
fn start(folder: &Path, receiver: &Receiver, more: &[&str]) -> Server {
    let webhook = ["--webhook", &receiver.url, "--webhook-secret", SECRET];
    Server::start_in(folder, &[&webhook, more].concat())
}

/// A chat by number.
fn chat(number: usize) -> String {
    format!("55119{number:08}")
}

/// The names of the chats in events of links.
fn chats(events: &[Value]) -> Vec<String> {
    let added = events.iter().filter(|event| event["event"] == "label.chat.added");
    added.map(|event| event["chat"].as_str().unwrap().trim_end_matches("@c.us").to_owned()).collect()
}

fn dead_letters(folder: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(folder.join("webhooks/dead-letters.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The files with the positions of webhooks.
fn positions(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("webhooks")).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "position")).collect()
}

#[tokio::test]
async fn what_happens_is_posted_once_signed_and_in_order() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    let server = start(folder.path(), &receiver, &[]);
    let vip = server.label("VIP").await;
    for _ in 0..3 {
        server.link(&vip, ANA).await;
    }
    server.link(&vip, BOB).await;
    server.ask(Method::DELETE, &format!("/v2/labels/{vip}/chats/{ANA}")).await.ok();
    server.ask(Method::DELETE, &format!("/v2/labels/{vip}/chats/{ANA}")).await.ok();
    server.ask(Method::DELETE, &format!("/v2/labels/{vip}")).await.ok();
    let expected = [
        "label.upsert 1",
        "label.chat.added 1 5511999990001@c.us",
        "label.chat.added 1 5511999990002@c.us",
        "label.chat.deleted 1 5511999990001@c.us",
        "label.chat.deleted 1 5511999990002@c.us",
        "label.deleted 1",
    ];
    assert_eq!(about(&receiver.take(expected.len()).await), expected);
    assert_eq!(receiver.taken().len(), expected.len(), "each came once");
    let posts = receiver.posts();
    assert!(posts.iter().all(|post| post.status == 204 && post.body["instance"] == "shop"), "{posts:?}");
    let ids: BTreeSet<_> = posts.iter().map(|post| &post.id).collect();
    assert_eq!(ids.len(), posts.len(), "each delivery has an id of its own");
}

#[tokio::test]
async fn a_secret_can_be_any_text_and_instances_are_told_apart() {
    let secret = "a secret that is no Base64";
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(secret).await);
    let server = Server::start_in(folder.path(), &["--webhook", &receiver.url, "--webhook-secret", secret]);
    server.label("VIP").await;
    receiver.take(1).await;
    let body = json!({ "name": "Staff", "instance_id": "other", "access_token": ACCOUNT });
    send(server.request(Method::POST, "/v2/labels").json(&body)).await.ok();
    let events = receiver.take(2).await;
    assert_eq!([&events[0]["instance"], &events[1]["instance"]], ["shop", "other"]);
    assert_eq!(receiver.posts()[1].body["instance"], "other");
}

#[tokio::test]
async fn a_burst_takes_few_requests_and_a_large_commit_several() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    let server = start(folder.path(), &receiver, &[]);
    receiver.answer(None);
    let vip = server.label("VIP").await;
    for number in 0..250 {
        server.link(&vip, &chat(number)).await;
    }
    receiver.answer(Some(200));
    assert_eq!(chats(&receiver.take(251).await), (0..250).map(chat).collect::<Vec<_>>());
    let posted = receiver.posts().len();
    assert!((3..=5).contains(&posted), "{posted} requests for 251 events, 100 at most in each");
    server.ask(Method::DELETE, &format!("/v2/labels/{vip}")).await.ok();
    let events = receiver.take(502).await;
    assert_eq!(about(&events)[501], "label.deleted 1");
    let lengths: Vec<_> =
        receiver.posts()[posted..].iter().map(|post| post.body["events"].as_array().unwrap().len()).collect();
    assert_eq!(lengths, [100, 100, 51]);
}

#[tokio::test]
async fn what_is_not_taken_is_posted_again_later_and_later_and_keeps_its_place() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    let server = start(folder.path(), &receiver, &[]);
    receiver.answer_next([500, 429, 302, 401]);
    let vip = server.label("VIP").await;
    server.link(&vip, ANA).await;
    let events = receiver.take(2).await;
    assert_eq!(about(&events), ["label.upsert 1", "label.chat.added 1 5511999990001@c.us"]);
    let posts = receiver.posts();
    let statuses: Vec<_> = posts.iter().map(|post| post.status).collect();
    assert_eq!(statuses, [500, 429, 302, 401, 204, 204]);
    assert!(posts[..5].iter().all(|post| (&post.id, &post.body) == (&posts[0].id, &posts[0].body)));
    let waits = posts[..5].windows(2).map(|pair| pair[1].at - pair[0].at);
    for (wait, least) in waits.zip([250, 500, 1_000, 2_000]) {
        assert!(wait >= Duration::from_millis(least), "{wait:?} instead of {least} ms");
    }
    assert!(dead_letters(folder.path()).is_empty());
}

#[tokio::test]
async fn what_is_refused_is_a_dead_letter_and_the_others_go_on() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    let server = start(folder.path(), &receiver, &[]);
    receiver.answer_next([400]);
    let vip = server.label("VIP").await;
    receiver.until(|receiver| receiver.posts().len() == 1).await;
    server.link(&vip, ANA).await;
    assert_eq!(about(&receiver.take(1).await), ["label.chat.added 1 5511999990001@c.us"]);
    let (letters, posts) = (dead_letters(folder.path()), receiver.posts());
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0]["id"], posts[0].id.as_str());
    assert_eq!((&letters[0]["webhook"], &letters[0]["cause"]), (&json!(receiver.url), &json!("400 Bad Request")));
    let body: Value = serde_json::from_str(letters[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body, posts[0].body, "the body is there as it was posted");
    use std::os::unix::fs::PermissionsExt;
    let file = std::fs::metadata(folder.path().join("webhooks/dead-letters.jsonl")).unwrap();
    assert_eq!(file.permissions().mode() & 0o777, 0o600, "chats are for the operator alone");
}

#[tokio::test]
async fn what_is_never_taken_is_given_up() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    receiver.answer_next([503, 503, 503]);
    let server = start(folder.path(), &receiver, &["--webhook-give-up", "1"]);
    let vip = server.label("VIP").await;
    receiver.until(|receiver| !receiver.posts().is_empty()).await;
    server.link(&vip, ANA).await;
    // After 0, 250 and 750 ms; another second would be too late.
    assert_eq!(about(&receiver.take(1).await), ["label.chat.added 1 5511999990001@c.us"]);
    let letters = dead_letters(folder.path());
    assert_eq!((letters.len(), &letters[0]["cause"]), (1, &json!("503 Service Unavailable")));
}

#[tokio::test]
async fn nothing_is_lost_when_the_server_is_killed() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    let server = start(folder.path(), &receiver, &[]);
    let vip = server.label("VIP").await;
    let mut acknowledged = Vec::new();
    let mut server = Some(server);
    for round in 0..4 {
        // In every other round the receiver is down at first.
        receiver.answer(if round % 2 == 0 { Some(503) } else { Some(204) });
        let running = server.take().unwrap();
        let (url, client) = (running.url.clone(), running.client.clone());
        let writer = tokio::spawn(async move {
            let mut linked = Vec::new();
            for number in 0.. {
                let chat = chat(round * 1_000_000 + number);
                let link = client.put(format!("{url}/v2/labels/1/chats/{chat}"));
                let link = link.query(&[("instance_id", "shop"), ("access_token", ACCOUNT)]);
                match link.send().await {
                    Ok(response) if response.status() == StatusCode::OK => linked.push(chat),
                    _ => break,
                }
            }
            linked
        });
        tokio::time::sleep(Duration::from_millis(400)).await;
        drop(running);
        let linked = writer.await.unwrap();
        assert!(!linked.is_empty());
        acknowledged.extend(linked);
        server = Some(start(folder.path(), &receiver, &[]));
    }
    receiver.answer(Some(204));
    let server = server.unwrap();
    server.ask(Method::DELETE, &format!("/v2/labels/{vip}")).await.ok();
    receiver.until(|receiver| about(&receiver.taken()).iter().any(|event| event == "label.deleted 1")).await;
    let events = receiver.taken_once();
    let added = chats(&events);
    let unacknowledged: Vec<_> = added.iter().filter(|chat| !acknowledged.contains(chat)).collect();
    assert!(unacknowledged.len() <= 4, "at most the link that each kill interrupted: {unacknowledged:?}");
    let order: Vec<_> = added.iter().filter(|chat| acknowledged.contains(chat)).cloned().collect();
    assert_eq!(order, acknowledged, "every acknowledged link has its event, once and in order");
    let deleted = events.iter().filter(|event| event["event"] == "label.chat.deleted").count();
    assert_eq!(deleted, added.len(), "a removed label reports its cascade");
    assert!(dead_letters(folder.path()).is_empty());
}

#[tokio::test]
async fn a_receiver_that_hangs_slows_no_link_and_no_end() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    let mut server = start(folder.path(), &receiver, &[]);
    receiver.answer(None);
    let vip = server.label("VIP").await;
    // All are answered while the first delivery is not.
    for number in 0..300 {
        server.link(&vip, &chat(number)).await;
    }
    assert!(receiver.posts().is_empty());
    assert!(server.terminate());
    receiver.answer(Some(204));
    let server = start(folder.path(), &receiver, &[]);
    assert_eq!(chats(&receiver.take(301).await), (0..300).map(chat).collect::<Vec<_>>());
    drop(server);
}

#[tokio::test]
async fn a_webhook_that_is_new_gets_what_happens_from_then_on() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    let server = Server::start_in(folder.path(), &[]);
    let vip = server.label("VIP").await;
    drop(server);
    let server = start(folder.path(), &receiver, &[]);
    drop(server);
    let server = Server::start_in(folder.path(), &[]);
    server.link(&vip, ANA).await;
    drop(server);
    let _server = start(folder.path(), &receiver, &[]);
    assert_eq!(about(&receiver.take(1).await), ["label.chat.added 1 5511999990001@c.us"]);
}

#[tokio::test]
async fn a_position_that_means_nothing_here_loses_nothing_silently() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    let server = start(folder.path(), &receiver, &[]);
    let vip = server.label("VIP").await;
    receiver.take(1).await;
    drop(server);
    let stranger = tempfile::tempdir().unwrap();
    drop(start(stranger.path(), &receiver, &[]));
    let names: BTreeSet<_> = positions(folder.path()).iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 2, "one for each instance");
    for name in &names {
        std::fs::copy(stranger.path().join("webhooks").join(name), folder.path().join("webhooks").join(name)).unwrap();
    }
    let server = start(folder.path(), &receiver, &[]);
    receiver.take(3).await;
    server.link(&vip, ANA).await;
    let events = about(&receiver.take(4).await);
    assert_eq!(events, ["label.upsert 1", "missed", "missed", "label.chat.added 1 5511999990001@c.us"]);
    drop(server);
    for path in positions(folder.path()) {
        std::fs::write(path, "half a posi").unwrap();
    }
    let _server = start(folder.path(), &receiver, &[]);
    receiver.until(|receiver| receiver.taken().len() >= 6).await;
    assert_eq!(about(&receiver.taken())[4..], ["label.upsert 1", "label.chat.added 1 5511999990001@c.us"]);
    assert_eq!(receiver.taken_once().len(), 4, "with the identifiers that they had before");
}

#[test]
fn webhooks_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str]| {
        let mut command = command();
        command.arg("--data").arg(folder.path().join("data")).args(arguments).stderr(Stdio::piped());
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let (hook, secret) = (["--webhook", "https://example.com/hook?key=open-sesame"], ["--webhook-secret", SECRET]);
    assert!(refused(&hook).contains("--webhook-secret <secret>"), "{}", refused(&hook));
    assert!(refused(&[&hook[..], &["--webhook-secret", "short"]].concat()).contains("needs 16 characters or more"));
    assert!(refused(&[&hook[..], &["--webhook-secret", "whsec_?"]].concat()).contains("is no Base64"));
    let twice = refused(&[&hook[..], &hook[..], &secret[..]].concat());
    assert!(twice.contains("the webhook https://example.com is given twice") && !twice.contains("sesame"), "{twice}");
    assert!(refused(&[&["--webhook", "mailto:ana@example.com"], &secret[..]].concat()).contains("http or https"));
    assert!(refused(&[&["--webhook", "hook"], &secret[..]].concat()).contains("--webhook <URL>"));
}
