//! `--demo`: its output, and its sample.

use std::collections::BTreeSet;

use reqwest::Method;

use crate::sample::{labels_by_chat, totals};
use crate::server::{Answer, Server, chats, command, send};

/// A demonstration, and its token.
pub(crate) fn demo() -> (Server, String) {
    let mut command = command();
    command.arg("--demo");
    let (mut server, first) = Server::run(command);
    assert_eq!(first, "instance demo");
    let token = server.line().strip_prefix("token ").unwrap().to_owned();
    let page = server.line().strip_prefix("page ").unwrap().to_owned();
    let (url, fragment) = page.split_once("/#").unwrap();
    assert_eq!(fragment, format!("instance=demo&token={token}"));
    url.clone_into(&mut server.url);
    (server, token)
}

async fn contacts(server: &Server, token: &str, query: &str) -> Answer {
    let path = format!("/api/chat/contactsByLabel/demo?{query}");
    send(server.with_token(Method::GET, &path, token)).await
}

#[tokio::test]
async fn answers_over_the_sample_are_those_of_a_slow_model() {
    let (server, token) = demo();
    let names: BTreeSet<String> = labels_by_chat().into_values().flatten().collect();
    let plain: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.contains(',')).collect();
    assert!(plain.len() > 8);
    for pair in plain.windows(2) {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("labelNames", &pair.join(",")).finish();
        let answer = contacts(&server, &token, &query).await.ok();
        let expected = totals(pair);
        let given = [&answer["total_chats"], &answer["total_rows"], &answer["matched_rows"]];
        assert_eq!(given.map(|total| total.as_u64().unwrap()), [expected.0, expected.1, expected.2].map(|n| n as u64));
        assert_eq!(chats(&answer).len(), expected.0);
    }
    let all = contacts(&server, &token, "").await.ok();
    assert_eq!(chats(&all).into_iter().collect::<BTreeSet<_>>(), labels_by_chat().into_keys().collect());
    assert_eq!(all["filter_label_ids"], serde_json::json!([]));
}

#[tokio::test]
async fn the_printed_lines_work_as_they_are() {
    let (mut server, _) = demo();
    for expected in ["\"total_chats\":22", "Operation completed successfully", "\"chat_id\":\"5511999990001@c.us\""] {
        let line = server.line();
        let command = line.strip_prefix("curl ").unwrap().replace("curl ", "");
        let shell = format!("curl --silent --fail {command}");
        let output = std::process::Command::new("sh").arg("-c").arg(&shell).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains(expected), "{shell}: {text}");
    }
}

#[tokio::test]
async fn keys_of_the_host_are_taken() {
    let (server, token) = demo();
    let path = format!("/v2/labels/1/chats/webchat:visitor-0030?instance_id=demo&access_token={token}");
    send(server.request(Method::PUT, &path)).await.ok();
    send(server.request(Method::DELETE, &path)).await.ok();
}
