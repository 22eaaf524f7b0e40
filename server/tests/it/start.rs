//! Reasons why the server does not start, and the data that it has after a restart.

use std::process::Stdio;

use crate::server::{Server, command};

/// Runs the program with arguments that it refuses. Returns its error.
fn refused(arguments: &[&str], tokens: &str) -> String {
    let mut command = command();
    let output = command.args(arguments).env("LABEL_INDEX_TOKENS", tokens).stderr(Stdio::piped()).output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_is_wrong_is_said_before_anything_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    assert!(refused(&[], "").contains("--data <DIR>"));
    assert!(refused(&["--data", data, "--cert", "x.pem"], "").contains("--key <FILE>"));
    let message = refused(&["--data", data], "account secret");
    assert!(message.contains("tokens, line 1: a token needs 16 characters or more"), "{message}");
    assert!(!message.contains("secret"));
    assert!(refused(&["--data", data, "--tokens", "no-such-file"], "").contains("no-such-file: "));
    assert!(!std::fs::exists(data).unwrap());
    assert!(refused(&["--data", ""], "").contains("--data <DIR>"));
}

#[tokio::test]
async fn what_was_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_in(folder.path(), &[]);
    let vip = server.label("VIP").await;
    server.link(&vip, "5511999990001").await;
    let second = refused(&["--data", folder.path().to_str().unwrap()], "");
    assert!(second.contains("is open elsewhere"), "{second}");
    drop(server);
    let server = Server::start_in(folder.path(), &[]);
    assert_eq!(server.labels_of("5511999990001").await, [vip]);
}
