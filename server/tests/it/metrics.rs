//! `/metrics`: correct values, only for callers that may read them, without any data of a client.

use std::collections::BTreeMap;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::receiver::{Receiver, SECRET};
use crate::server::{ACCOUNT, SHOP, Server, send};
use crate::sse::Stream;

const METRICS: &str = "metrics-token-0123456789a";

/// The metrics of a server by name and labels. Requires that each line is valid in the text format.
async fn numbers(server: &Server) -> BTreeMap<String, f64> {
    let response = server.with_token(Method::GET, "/metrics", ACCOUNT).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(response.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = response.text().await.unwrap();
    assert!(text.ends_with('\n'));
    let (mut numbers, mut types) = (BTreeMap::new(), BTreeMap::new());
    for line in text.lines() {
        if let Some(line) = line.strip_prefix("# ") {
            let [word, name, rest] = line.splitn(3, ' ').collect::<Vec<_>>().try_into().expect(line);
            if word == "TYPE" {
                assert!(types.insert(name.to_owned(), rest.to_owned()).is_none(), "{name} comes twice");
            } else {
                assert_eq!(word, "HELP");
            }
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect(line);
        let name = series.split('{').next().unwrap();
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        let family = family.filter(|family| types.get(*family).is_some_and(|kind| kind == "histogram"));
        assert!(types.contains_key(family.unwrap_or(name)), "no type of {name}");
        assert!(name.starts_with("label_index_"), "{name}");
        assert!(numbers.insert(series.to_owned(), value.parse().expect(line)).is_none(), "{series} comes twice");
    }
    numbers
}

fn of(numbers: &BTreeMap<String, f64>, name: &str) -> f64 {
    let series = format!("label_index_{name}");
    *numbers.get(&series).unwrap_or_else(|| panic!("no {series} in {numbers:#?}"))
}

#[tokio::test]
async fn requests_are_counted_by_route_method_and_status() {
    let server = Server::start_with(&["--requests-per-minute", "2"]);
    let vip = server.label("VIP").await;
    for chat in 0..5 {
        server.link(&vip, &format!("551199999000{chat}")).await;
    }
    server.ask(Method::PUT, "/v2/labels/77/chats/5511999990001").await.fails(404, "Label not found");
    for _ in 0..3 {
        server.get("/api/chat/contactsByLabel/shop").await;
    }
    let invented = Method::from_bytes(b"BREW").unwrap();
    server.ask(invented, "/v2/labels").await.fails(405, "Method not allowed");
    server.get("/no/such/5511999990001").await.fails(404, "Not found");
    let numbers = numbers(&server).await;
    let requests = |route: &str, method: &str, status: u16| {
        let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
        of(&numbers, &format!("http_requests_total{{{labels}}}"))
    };
    let link = "/v2/labels/{id}/chats/{chatId}";
    assert_eq!((requests(link, "PUT", 200), requests(link, "PUT", 404)), (5.0, 1.0));
    let contacts = "/api/chat/contactsByLabel/{instance}";
    assert_eq!((requests(contacts, "GET", 200), requests(contacts, "GET", 429)), (2.0, 1.0));
    assert_eq!(requests("/v2/labels", "POST", 201), 1.0);
    assert_eq!(requests("/v2/labels", "other", 405), 1.0);
    assert_eq!(requests("none", "GET", 404), 1.0);
    assert_eq!(of(&numbers, "http_requests_in_flight"), 1.0, "the one for the numbers");
    assert_eq!(of(&numbers, "http_requests_abandoned_total"), 0.0);
    let duration = |part: &str| of(&numbers, &format!("http_request_duration_seconds_{part}"));
    assert_eq!(duration(&format!("count{{route=\"{link}\"}}")), 6.0);
    assert_eq!(duration(&format!("bucket{{route=\"{link}\",le=\"+Inf\"}}")), 6.0);
    let sum = duration(&format!("sum{{route=\"{link}\"}}"));
    assert!(sum > 0.0 && sum < 60.0, "{sum}");
    for secret in [SHOP, ACCOUNT, "551199999", "VIP", "BREW"] {
        assert!(!numbers.keys().any(|series| series.contains(secret)), "{secret} in {numbers:#?}");
    }
}

#[tokio::test]
async fn indexes_the_store_and_streams_are_measured() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    for (label, chat) in [("VIP", "5511999990001"), ("Old", "5511999990001"), ("VIP", "5511999990002")] {
        let label = if label == "VIP" { vip.clone() } else { server.label(label).await };
        server.link(&label, chat).await;
    }
    let other = json!({ "name": "Staff", "instance_id": "other", "access_token": ACCOUNT });
    send(server.request(Method::POST, "/v2/labels").json(&other)).await.ok();
    let mut stream = Stream::open(&server, None).await;
    stream.next().await.unwrap();
    let before = numbers(&server).await;
    let expected = [
        ("instances", 2.0),
        ("loaded_instances", 2.0),
        ("labels", 3.0),
        ("chats", 2.0),
        ("rows", 3.0),
        ("places", 2.0),
        ("aliases", 0.0),
        ("queued_changes", 0.0),
        ("snapshots", 0.0),
        ("subscribers", 1.0),
        ("event_streams", 1.0),
        ("feed_lag_commits", 0.0),
        ("webhook_lag_commits", 0.0),
        ("store_failed", 0.0),
        ("store_checkpoints_total", 0.0),
    ];
    for (name, expected) in expected {
        assert_eq!(of(&before, name), expected, "{name}");
    }
    assert!(of(&before, "store_file_bytes") > 4_096.0);
    let parts = ["chats", "chat_ids", "label_sets", "postings", "labels", "aliases", "feed", "queue"];
    let part = |part| of(&before, &format!("memory_part_bytes{{part=\"{part}\"}}"));
    assert!(part("labels") > 300.0 && part("chats") > 24.0);
    assert_eq!(parts.map(part).iter().sum::<f64>(), of(&before, "memory_bytes"));
    assert!(of(&before, "store_last_sync_timestamp_seconds") > 1e9);
    let took = of(&before, "store_last_sync_duration_seconds");
    assert!(took > 0.0 && took < 60.0, "{took}");
    server.link(&vip, "5511999990003").await;
    drop(stream);
    let syncs = of(&before, "store_syncs_total");
    let mut after = numbers(&server).await;
    // The server notices that a stream is closed when it writes to it or reads from it, and may do so between the reading of
    // the two numbers.
    let open = ["event_streams", "subscribers"];
    for _ in 0..1_000 {
        if open.iter().all(|name| of(&after, name) == 0.0) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        after = numbers(&server).await;
    }
    assert_eq!(open.map(|name| of(&after, name)), [0.0, 0.0]);
    assert_eq!((of(&after, "chats"), of(&after, "rows")), (3.0, 4.0));
    assert_eq!(of(&after, "store_syncs_total"), syncs + 1.0);
}

#[tokio::test]
async fn numbers_are_given_by_instance_if_that_is_asked_for() {
    let name = "a \"quoted\" \\ name";
    let server = Server::start_with(&["--metrics-by-instance", "--instance", name]);
    let vip = server.label("VIP").await;
    server.link(&vip, "5511999990001").await;
    let numbers = numbers(&server).await;
    for (series, expected) in [
        ("labels{instance=\"shop\"}", 1.0),
        ("labels{instance=\"other\"}", 0.0),
        ("labels{instance=\"a \\\"quoted\\\" \\\\ name\"}", 0.0),
        ("rows{instance=\"shop\"}", 1.0),
        ("feed_lag_commits{instance=\"shop\"}", 0.0),
        ("loaded_instances", 3.0),
    ] {
        assert_eq!(of(&numbers, series), expected, "{series}");
    }
    assert!(!numbers.contains_key("label_index_labels"), "a total beside its parts would be counted twice");
}

/// The metrics once the webhook is `commits` commits behind.
async fn behind(server: &Server, commits: f64) -> BTreeMap<String, f64> {
    let mut after = numbers(server).await;
    for _ in 0..1_000 {
        if of(&after, "webhook_lag_commits") == commits {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        after = numbers(server).await;
    }
    assert_eq!(of(&after, "webhook_lag_commits"), commits);
    after
}

#[tokio::test]
async fn webhooks_are_measured() {
    let receiver = Receiver::start(SECRET).await;
    let server = Server::start_with(&["--webhook", &receiver.url, "--webhook-secret", SECRET]);
    receiver.answer_next([400]);
    let vip = server.label("VIP").await;
    receiver.until(|receiver| receiver.posts().len() == 1).await;
    receiver.answer(None);
    for chat in 0..5 {
        server.link(&vip, &format!("551199999000{chat}")).await;
    }
    // The dead letter is on disk a moment after the receiver has answered.
    behind(&server, 5.0).await;
    receiver.answer(Some(204));
    receiver.take(5).await;
    // The server reads the answer after the receiver has given it.
    let after = behind(&server, 0.0).await;
    assert_eq!(of(&after, "webhook_attempts_total{result=\"refused\"}"), 1.0);
    assert_eq!(of(&after, "webhook_dead_letters_total"), 1.0);
    let taken = of(&after, "webhook_attempts_total{result=\"taken\"}");
    assert!((1.0..=5.0).contains(&taken), "{taken}");
    assert!(!after.keys().any(|series| series.contains("127.0.0.1")), "addresses of webhooks may be secret");
}

#[tokio::test]
async fn only_an_account_token_and_one_for_metrics_read_them() {
    let folder = tempfile::tempdir().unwrap();
    let tokens = folder.path().join("tokens");
    std::fs::write(&tokens, format!("metrics {METRICS}\n")).unwrap();
    let server = Server::start_with(&["--tokens", tokens.to_str().unwrap()]);
    for token in ["", SHOP, "nobody-has-this-token-00"] {
        send(server.with_token(Method::GET, "/metrics", token)).await.fails(401, "Invalid token");
    }
    send(server.request(Method::GET, "/metrics")).await.fails(401, "Invalid token");
    send(server.with_token(Method::GET, "/metrics?x=1", SHOP)).await.fails(401, "Invalid token");
    send(server.with_token(Method::GET, "/metrics?x=1", METRICS)).await.fails_with(400, "unknown field `x`");
    let scraped = server.request(Method::GET, "/metrics").bearer_auth(METRICS).send().await.unwrap();
    assert_eq!(scraped.status(), StatusCode::OK);
    for path in ["/api/chat/contactsByLabel/shop", "/v2/labels?instance_id=shop"] {
        send(server.with_token(Method::GET, path, METRICS)).await.fails(401, "Invalid token");
    }
    let listed = send(server.with_token(Method::GET, "/v2/instances", METRICS)).await.ok();
    assert_eq!(listed["instances"], json!([]), "it is for no instance");
}
