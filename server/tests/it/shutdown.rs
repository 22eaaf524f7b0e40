//! Ending: acknowledged writes are kept, and no request is cut off.

use reqwest::Method;
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn a_server_that_is_told_to_end_answers_first_and_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start_in(folder.path(), &[]);
    let vip = server.label("VIP").await;
    server.link(&vip, "5511999990001").await;
    // An idle connection does not delay the end.
    let began = std::time::Instant::now();
    assert!(server.terminate());
    assert!(began.elapsed() < std::time::Duration::from_secs(9), "{:?}", began.elapsed());
    assert!(server.request(Method::GET, "/v2/labels").send().await.is_err());
    let server = Server::start_in(folder.path(), &[]);
    assert_eq!(server.labels_of("5511999990001").await, [vip]);
    assert_eq!(server.ask(Method::GET, "/v2/labels").await.ok()["labels"][0]["chats"], json!(1));
}
