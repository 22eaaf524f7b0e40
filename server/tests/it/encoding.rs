//! Addresses as no HTTP client would write them, sent over a plain connection.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{SHOP, Server};

/// Sends a request line with the token of the shop. Returns the whole answer.
async fn raw(server: &Server, target: &str) -> String {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {target} HTTP/1.1\r\nhost: x\r\ntoken: {SHOP}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server that refuses a request early may reset the connection after its answer.
    let _ended = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn malformed_percent_encoding_is_refused() {
    let server = Server::start();
    let contacts = "/api/chat/contactsByLabel/shop";
    for target in [
        format!("{contacts}?labelNames=%"),
        format!("{contacts}?labelNames=%4"),
        format!("{contacts}?labelNames=%zz"),
        format!("{contacts}?labelNames=%+1"),
        format!("{contacts}?labelNames=%ff"),
        format!("{contacts}?%ff=1"),
        format!("{contacts}?labelNames=%ed%a0%80"),
        "/api/chat/contactsByLabel/sh%op".to_owned(),
        "/api/chat/contactsByLabel/%ff".to_owned(),
        "/api/chat/contactsByLabel/shop%".to_owned(),
        "/v2/labels/%zz/chats/5511999990001".to_owned(),
        "/no/such/path/%".to_owned(),
    ] {
        let answer = raw(&server, &target).await;
        let refused =
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("malformed percent-encoding in the address");
        assert!(refused, "{target}: {answer}");
    }
}

#[tokio::test]
async fn well_formed_addresses_are_decoded_once() {
    let server = Server::start();
    for target in ["?labelNames=%2541", "?labelNames=%56%49%50", "?labelNames=a+b%2bc", "?&&labelNames=x&", "?"] {
        let answer = raw(&server, &format!("/api/chat/contactsByLabel/shop{target}")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{target}: {answer}");
    }
    let answer = raw(&server, "/api/chat/contactsByLabel/shop?labelNames=%2541,a+b%2bc").await;
    assert!(answer.contains("\"names\":[\"%41\",\"a b+c\"]"), "{answer}");
}

#[tokio::test]
async fn heads_that_are_too_long_are_refused() {
    let server = Server::start();
    let long = "x".repeat(100_000);
    let answer = raw(&server, &format!("/api/chat/contactsByLabel/shop?labelNames={long}")).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
    let headers: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let answer = raw(&server, &format!("/v2/instances HTTP/1.1\r\n{headers}x: ")).await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}
