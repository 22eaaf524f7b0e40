//! Limits of a connection before it has sent a request.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::Server;

#[tokio::test]
async fn connections_that_ask_nothing_are_closed() {
    let server = Server::start();
    let address = server.url.strip_prefix("http://").unwrap();
    let closed = futures_util::future::join_all(["", "G", "GET /healthz HTTP/1.1\r\nhost:"].map(async |bytes| {
        let mut connection = TcpStream::connect(address).await.unwrap();
        connection.write_all(bytes.as_bytes()).await.unwrap();
        let (began, mut answer) = (Instant::now(), Vec::new());
        let read = tokio::time::timeout(Duration::from_secs(25), connection.read_to_end(&mut answer)).await;
        assert!(read.is_ok(), "open for ever after {bytes:?}");
        began.elapsed()
    }));
    for elapsed in closed.await {
        assert!(elapsed >= Duration::from_secs(8), "too early: {elapsed:?}");
    }
}
