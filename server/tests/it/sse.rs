//! Reading server-sent events, as a browser does.

use std::time::Duration;

use reqwest::{Method, Response};
use serde_json::Value;

use crate::server::Server;

/// A stream of events that is open.
pub(crate) struct Stream {
    response: Response,
    read: String,
}

/// One message; the id is empty if it has none.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) event: String,
    pub(crate) id: String,
    pub(crate) data: Value,
}

impl Stream {
    /// Opens the stream of the shop, after an event if one is given. The first message is not read.
    pub(crate) async fn open(server: &Server, last: Option<&str>) -> Self {
        let mut request = server.session(Method::GET, "/v2/events");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, read: String::new() }
    }

    /// The next message; `None` when the stream has ended.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        tokio::time::timeout(Duration::from_secs(20), self.read()).await.expect("a message within 20 seconds")
    }

    async fn read(&mut self) -> Option<Message> {
        loop {
            if let Some((block, rest)) = self.read.split_once("\n\n") {
                let message = message(block);
                self.read = rest.to_owned();
                match message {
                    Some(message) => return Some(message),
                    None => continue,
                }
            }
            let chunk = self.response.chunk().await.ok()??;
            self.read.push_str(std::str::from_utf8(&chunk).expect("events in UTF-8"));
        }
    }

    /// The next `number` messages, as texts of [`about`](Message::about).
    pub(crate) async fn take(&mut self, number: usize) -> Vec<String> {
        let mut taken = Vec::new();
        for _ in 0..number {
            taken.push(self.next().await.expect("a message").about());
        }
        taken
    }
}

impl Message {
    /// The name, the label and the chat.
    pub(crate) fn about(&self) -> String {
        let label = self.data["label"].as_str().or(self.data["label"]["id"].as_str()).unwrap_or_default();
        let chat = self.data["chat"].as_str().unwrap_or_default();
        format!("{} {label} {chat}", self.event).trim_end().to_owned()
    }
}

/// A message; `None` for comments and for ids alone.
fn message(block: &str) -> Option<Message> {
    let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let data = field("data")?;
    Some(Message {
        event: field("event").unwrap_or_default().to_owned(),
        id: field("id").unwrap_or_default().to_owned(),
        data: serde_json::from_str(data).unwrap(),
    })
}
