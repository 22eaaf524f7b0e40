//! `/healthz` and `/readyz`, for supervisors and load balancers.

use std::process::Command;
use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::server::{Answer, SHOP, Server, command, send};

async fn ask(server: &Server, path: &str) -> Answer {
    send(server.request(Method::GET, path)).await
}

#[tokio::test]
async fn a_server_is_alive_and_ready_and_says_so_to_anybody() {
    let server = Server::start();
    for (path, message) in [("/healthz", "Alive"), ("/readyz", "Ready")] {
        assert_eq!(ask(&server, path).await.ok(), json!({ "success": true, "message": message }));
        let head = server.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), StatusCode::OK);
        send(server.request(Method::POST, path)).await.fails(405, "Method not allowed");
    }
}

#[tokio::test]
async fn a_server_that_cannot_write_is_alive_and_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    let program = command();
    // Files are limited to a few MiB, which acts like a full disk: the signal of the limit is ignored, so the write
    // fails.
    let mut limited = Command::new("sh");
    limited.arg("-c").arg("trap '' XFSZ; ulimit -f 8192; exec \"$0\" \"$@\"").arg(program.get_program());
    limited.args(program.get_args()).arg("--data").arg(folder.path());
    limited.env_clear().env("LABEL_INDEX_TOKENS", format!("instance shop {SHOP}"));
    limited.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    let (mut server, first) = Server::run(limited);
    first.strip_prefix("listening ").unwrap().clone_into(&mut server.url);
    ask(&server, "/readyz").await.ok();
    let vip = server.label("VIP").await;
    let mut made = 0;
    let refused = loop {
        let name = format!("{}{made}", "x".repeat(1_000));
        let answer = server.tell(Method::POST, "/v2/labels", json!({ "name": name })).await;
        if answer.status != StatusCode::CREATED {
            break answer;
        }
        made += 1;
        assert!(made < 10_000, "the file grew beyond its limit");
    };
    refused.fails(503, "Storage is not available");
    ask(&server, "/readyz").await.fails(503, "The store takes no writes any more");
    ask(&server, "/healthz").await.ok();
    assert_eq!(server.ask(Method::GET, &format!("/v2/labels/{vip}")).await.ok()["label"]["name"], "VIP");
    let path = format!("/v2/labels/{vip}/chats/5511999990001");
    server.ask(Method::PUT, &path).await.fails(503, "Storage is not available");
    assert!(server.labels_of("5511999990001").await.is_empty());
    assert!(!server.terminate(), "it says at its end that something is not on disk");
}

#[tokio::test]
async fn a_server_that_is_told_to_end_is_not_ready_first() {
    let mut server = Server::start_with(&["--drain", "30"]);
    let vip = server.label("VIP").await;
    server.signal();
    let mut ready = ask(&server, "/readyz").await;
    for _ in 0..1_000 {
        if ready.status != StatusCode::OK {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        ready = ask(&server, "/readyz").await;
    }
    ready.fails(503, "The server is ending");
    ask(&server, "/healthz").await.ok();
    server.link(&vip, "5511999990001").await;
    let began = std::time::Instant::now();
    assert!(server.terminate(), "a second signal ends it");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[tokio::test]
async fn probes_are_in_the_document() {
    let server = Server::start();
    let response = server.request(Method::GET, "/openapi.json").send().await.unwrap();
    let document: serde_json::Value = response.json().await.unwrap();
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert!(document["paths"][path]["get"]["responses"]["200"].is_object(), "{path}");
    }
}
