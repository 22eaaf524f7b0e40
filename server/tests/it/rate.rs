//! How many requests a token may make.

use reqwest::{Method, StatusCode};

use crate::server::{ACCOUNT, OTHER, SHOP, Server};

#[tokio::test]
async fn a_token_that_asks_too_often_is_told_when_to_come_back() {
    let server = Server::start();
    let ask = async |instance: &str, token: &str| {
        let path = format!("/api/chat/contactsByLabel/{instance}");
        server.with_token(Method::GET, &path, token).send().await.unwrap()
    };
    for _ in 0..100 {
        assert_eq!(ask("shop", SHOP).await.status(), StatusCode::OK);
    }
    let refused = ask("shop", SHOP).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let seconds: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert_eq!(seconds, 1, "one request comes back each 600 ms");
    let body = refused.text().await.unwrap();
    assert_eq!(body, r#"{"success":false,"error":{"message":"Too many requests"}}"#);
    assert_eq!(ask("other", OTHER).await.status(), StatusCode::OK, "each token has a number of its own");
    assert_eq!(ask("shop", ACCOUNT).await.status(), StatusCode::OK);
    tokio::time::sleep(std::time::Duration::from_millis(seconds * 1_000 + 200)).await;
    assert_eq!(ask("shop", SHOP).await.status(), StatusCode::OK);
}
