//! Deleting a label while others link it: each link that was made has an event, and another one when it is removed.

use futures_util::future::join_all;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::server::{SHOP, Server};
use crate::sse::Stream;

/// Reads events until a label is deleted. Returns how many chats got it and lost it. Requires that none lost it without
/// an event.
async fn until_deleted(stream: &mut Stream) -> (usize, usize) {
    let (mut added, mut deleted) = (0, 0);
    loop {
        let message = stream.next().await.expect("the deletion of the label");
        match message.event.as_str() {
            "label.chat.added" => added += 1,
            "label.chat.deleted" => deleted += 1,
            "label.deleted" => {
                assert_eq!(message.data["links"], json!(0), "links without an event of their own");
                return (added, deleted);
            }
            other => assert!(["ready", "label.upsert"].contains(&other), "{other}"),
        }
    }
}

#[tokio::test]
async fn links_that_are_made_while_their_label_goes_have_events_too() {
    let server = Server::start();
    let mut stream = Stream::open(&server, None).await;
    for round in 0..10 {
        let label = server.label("VIP").await;
        let linked = join_all((0..64).map(async |caller| {
            let mut linked = 0;
            for number in 0.. {
                let chat = format!("55{round:02}{caller:02}{number:06}");
                // Every kind of request that gives a chat a label.
                let answer = match number % 3 {
                    0 => server.ask(Method::PUT, &format!("/v2/labels/{label}/chats/{chat}")).await,
                    1 => {
                        let labels = json!({ "labels": [{ "id": label }] });
                        server.tell(Method::PUT, &format!("/v2/labels/chats/{chat}"), labels).await
                    }
                    _ => {
                        let body = json!({ "number": chat, "tagId": label });
                        let request = server.with_token(Method::POST, "/api/chat/assignTag/shop", SHOP);
                        crate::server::send(request.json(&body)).await
                    }
                };
                match answer.status {
                    StatusCode::OK => linked += 1,
                    status => {
                        assert_eq!(status, StatusCode::NOT_FOUND);
                        break;
                    }
                }
                // One request in the middle deletes the label.
                if (caller, number) == (0, 2) {
                    server.ask(Method::DELETE, &format!("/v2/labels/{label}")).await.ok();
                }
            }
            linked
        }));
        let linked: usize = linked.await.into_iter().sum();
        assert_eq!(until_deleted(&mut stream).await, (linked, linked));
    }
}

/// Sends a request for a link, and closes the connection before the answer.
async fn link_and_leave(server: &Server, label: &str, chat: &str) {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    let path = format!("/v2/labels/{label}/chats/{chat}?instance_id=shop&access_token={SHOP}");
    let request = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\n\r\n");
    connection.write_all(request.as_bytes()).await.unwrap();
    // Long enough that the request is being carried out.
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
}

#[tokio::test]
async fn links_whose_callers_have_gone_away_have_events_too() {
    let server = Server::start();
    let mut stream = Stream::open(&server, None).await;
    let mut most = 0;
    for round in 0..20 {
        let label = server.label("VIP").await;
        let links = join_all((0..64).map(async |caller| {
            link_and_leave(&server, &label, &format!("55{round:02}{caller:02}000000")).await;
        }));
        let removed = async {
            tokio::time::sleep(std::time::Duration::from_millis(round % 5)).await;
            server.ask(Method::DELETE, &format!("/v2/labels/{label}")).await.ok();
        };
        tokio::join!(links, removed);
        let (added, deleted) = until_deleted(&mut stream).await;
        assert_eq!(added, deleted);
        most = most.max(added);
    }
    assert!(most > 0, "no link took place before its label went");
}

#[tokio::test]
async fn sets_of_several_labels_and_deletions_do_not_lock_each_other_up() {
    let server = Server::start();
    let (large, other) = (server.label("Large").await, server.label("Other").await);
    for chat in 0..200 {
        server.link(&large, &format!("55119{chat:08}")).await;
    }
    let deletions = async {
        server.ask(Method::DELETE, &format!("/v2/labels/{large}")).await.ok();
        server.ask(Method::DELETE, &format!("/v2/labels/{large}")).await.fails(404, "Label not found");
    };
    // A set of labels is given in any order.
    let sets = join_all((0..64).map(async |caller| {
        let ids = if caller % 2 == 0 { [&large, &other] } else { [&other, &large] };
        let labels = json!({ "labels": ids.map(|id| json!({ "id": id })) });
        let path = format!("/v2/labels/chats/55118{caller:08}");
        server.tell(Method::PUT, &path, labels).await.status
    }));
    let links = join_all((0..64).map(async |caller| server.link(&other, &format!("55117{caller:08}")).await));
    let ((), sets, _) = tokio::join!(deletions, sets, links);
    let set = sets.iter().filter(|status| **status == StatusCode::OK).count();
    assert!(sets.iter().all(|status| [StatusCode::OK, StatusCode::NOT_FOUND].contains(status)), "{sets:?}");
    let labels = server.ask(Method::GET, "/v2/labels").await.ok();
    assert_eq!(labels["labels"][0]["id"], json!(other));
    assert_eq!(labels["labels"][0]["chats"], json!(64 + set));
}
