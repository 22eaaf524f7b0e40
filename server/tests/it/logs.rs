//! The most verbose logs contain no token, phone number or name of a label, wherever a request has one.

use std::fs::File;
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::receiver::{Receiver, SECRET};
use crate::server::{ACCOUNT, OTHER, SHOP, Server, command, send};
use crate::sse::Stream;

const PHONE: &str = "5511987654321";
const NAME: &str = "Pending-payment";
const WRONG: &str = "wrong-token-0123456789abc";

/// Sends bytes, and reads the answer for a while.
async fn send_raw(server: &Server, bytes: &str) {
    let mut connection = TcpStream::connect(server.url.strip_prefix("http://").unwrap()).await.unwrap();
    connection.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let _read = tokio::time::timeout(Duration::from_millis(300), connection.read_to_end(&mut answer)).await;
}

#[tokio::test]
async fn no_log_shows_what_a_request_carries() {
    let (folder, receiver) = (tempfile::tempdir().unwrap(), Receiver::start(SECRET).await);
    let log = folder.path().join("log");
    let webhook = format!("{}?key={WRONG}", receiver.url);
    let mut command = command();
    command.arg("--data").arg(folder.path().join("data")).args(["--webhook", &webhook]);
    command.env("LABEL_INDEX_TOKENS", format!("account {ACCOUNT}\ninstance shop {SHOP}\ninstance other {OTHER}"));
    command.env("LABEL_INDEX_WEBHOOK_SECRET", SECRET).env("RUST_LOG", "trace").stderr(File::create(&log).unwrap());
    let (mut server, first) = Server::run(command);
    first.strip_prefix("listening ").unwrap().clone_into(&mut server.url);

    receiver.answer_next([500, 400]);
    let label = server.label(NAME).await;
    let mut stream = Stream::open(&server, None).await;
    let last = stream.next().await.unwrap().id;
    // In the path, the query, the body and headers; accepted and refused.
    server.link(&label, PHONE).await;
    server.ask(Method::PUT, &format!("/v2/labels/77/chats/{PHONE}")).await.fails(404, "Label not found");
    server.get(&format!("/api/chat/assignTag/shop?number={PHONE}")).await.ok();
    server
        .get(&format!("/api/chat/contactsByLabel/shop?labelNames={NAME}&phone={PHONE}"))
        .await
        .fails_with(400, "phone");
    server
        .get(&format!("/api/chat/contactsByLabel/shop?labelNames={NAME}&after={PHONE}"))
        .await
        .fails_with(400, "cursor");
    let assigned = json!({ "number": PHONE, "tagId": label });
    send(server.with_token(Method::POST, "/api/chat/assignTag/shop", SHOP).json(&assigned)).await.ok();
    let in_body = json!({ "name": NAME, "instance_id": "shop", "access_token": WRONG, "phone": PHONE });
    send(server.request(Method::POST, "/v2/labels").json(&in_body)).await.fails(401, "Invalid token");
    let malformed = format!("{{\"name\": \"{NAME}\", \"phone\": \"{PHONE}\", ");
    let malformed =
        server.session(Method::POST, "/v2/labels").header("content-type", "application/json").body(malformed);
    send(malformed).await.fails_with(400, "body");
    let header = server.session(Method::GET, "/v2/events").header("last-event-id", PHONE).header("x-phone", PHONE);
    send(header).await.fails_with(400, "position");
    send(server.with_token(Method::GET, "/v2/instances", WRONG)).await.fails(401, "Invalid token");
    send(server.request(Method::GET, "/v2/instances").bearer_auth(WRONG)).await.fails(401, "Invalid token");
    server.get(&format!("/{PHONE}/{WRONG}")).await.fails(404, "Not found");
    server.get(&format!("/v2/labels/%zz{PHONE}?access_token={WRONG}")).await.fails_with(400, "percent-encoding");
    for bytes in [
        format!("GET /{PHONE}?access_token={WRONG} HTTP/9.9\r\n\r\n"),
        format!("GET /{PHONE} {WRONG} HTTP/1.1\r\n\r\n"),
        format!("{PHONE} {WRONG}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\ntoken {WRONG}\r\n{PHONE}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", PHONE.repeat(5_000)),
        format!("POST /v2/labels HTTP/1.1\r\nhost: x\r\ncontent-length: 99999\r\ntoken: {WRONG}\r\n\r\n{PHONE}"),
        format!("POST /v2/labels HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{PHONE}\r\n"),
    ] {
        send_raw(&server, &bytes).await;
    }
    receiver.take(1).await;
    drop(stream);
    drop(Stream::open(&server, Some(&last)).await);
    server.ask(Method::DELETE, &format!("/v2/labels/{label}")).await.ok();
    assert!(server.terminate());

    let log = std::fs::read_to_string(log).unwrap();
    let leaked = |secret: &&str| log.contains(*secret);
    let secrets = [PHONE, &PHONE[..9], NAME, SHOP, ACCOUNT, OTHER, WRONG, SECRET, &SECRET[6..]];
    let leaks: Vec<_> = secrets.into_iter().filter(leaked).collect();
    let lines = log.lines().filter(|line| secrets.iter().any(|secret| line.contains(secret)));
    assert!(leaks.is_empty(), "{leaks:?} in\n{}", lines.take(40).collect::<Vec<_>>().join("\n"));
    let is_own = |line: &&str| line.contains(" label_index_server::") || line.contains(" label_index: ");
    let foreign = log.lines().find(|line| !is_own(line));
    assert_eq!(foreign, None, "libraries may write whatever a request carries");
    // The logs have what an operator needs.
    for part in [
        "answered method=PUT route=\"/v2/labels/{id}/chats/{chatId}\" status=200",
        "route=\"/v2/labels/{id}/chats/{chatId}\" status=404",
        "route=\"none\" status=404",
        "a delivery is not taken; trying again",
        "a delivery is among the dead letters",
        "told to end",
        "label_index: close time.busy=",
        "load{instance=\"shop\"}",
    ] {
        assert!(log.contains(part), "no {part:?} in\n{log}");
    }
}
