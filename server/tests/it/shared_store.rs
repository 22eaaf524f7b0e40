//! Several servers on one store in PostgreSQL.

use std::time::{Duration, Instant};

use reqwest::Method;

use crate::postgres::Server as Postgres;
use crate::server::{SHOP, Server, ids};
use crate::sse::Stream;

fn start(postgres: &Postgres) -> Server {
    let mut command = crate::server::command();
    command.env("LABEL_INDEX_TOKENS", format!("instance shop {SHOP}")).env("LABEL_INDEX_STORE", postgres.url());
    let (mut server, first) = Server::run(command);
    first.strip_prefix("listening ").expect("where it listens").clone_into(&mut server.url);
    server
}

/// The labels of a chat, once they are these.
async fn until(server: &Server, chat: &str, labels: &[&str]) {
    let began = Instant::now();
    while server.labels_of(chat).await != labels {
        assert!(began.elapsed() < Duration::from_secs(30), "{chat} never has {labels:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn servers_share_a_store_and_its_events() {
    let Some(postgres) = Postgres::start() else { return };
    let (mut one, other) = (start(&postgres), start(&postgres));
    let mut events = Stream::open(&other, None).await;
    let vip = one.label("VIP").await;
    one.link(&vip, "5511999990001").await;
    until(&other, "5511999990001", &[&vip]).await;
    other.link(&vip, "5511999990002").await;
    until(&one, "5511999990002", &[&vip]).await;
    let said = events.take(3).await;
    assert_eq!(said.len(), 3, "each once, whichever server it came by: {said:?}");
    // Both create a label at the same time, and the ids are different.
    let (first, second) = tokio::join!(one.label("New"), other.label("Old"));
    assert_ne!(first, second);
    one.kill();
    other.link(&first, "5511999990001").await;
    let again = start(&postgres);
    assert_eq!(again.labels_of("5511999990001").await, other.labels_of("5511999990001").await);
    let listed = again.session(Method::GET, "/v2/labels").send().await.unwrap().json::<serde_json::Value>().await;
    assert_eq!(ids(&listed.unwrap()["labels"]).len(), 3);
}

#[tokio::test]
async fn without_its_database_a_server_reads_and_says_that_it_cannot_write() {
    let Some(postgres) = Postgres::start() else { return };
    let server = start(&postgres);
    let vip = server.label("VIP").await;
    server.link(&vip, "5511999990001").await;
    postgres.kill();
    assert_eq!(server.labels_of("5511999990001").await, [&*vip]);
    let path = format!("/v2/labels/{vip}/chats/5511999990002");
    let (began, mut method) = (Instant::now(), Method::PUT);
    let refused = loop {
        // A process of the killed server may still carry some out.
        let answer = server.session(method.clone(), &path).send().await.unwrap();
        if answer.status() != 200 {
            break answer;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "writes go on without a database");
        method = if method == Method::PUT { Method::DELETE } else { Method::PUT };
    };
    assert_eq!(refused.status(), 503);
    let said = refused.text().await.unwrap();
    assert!(!said.contains("127.0.0.1") && !said.contains("s3cret"), "{said}");
    postgres.resume();
    while server.session(Method::PUT, &path).send().await.unwrap().status() != 200 {
        assert!(began.elapsed() < Duration::from_secs(90), "it never connects again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    until(&server, "5511999990002", &[&vip]).await;
}
