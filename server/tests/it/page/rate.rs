//! The rate limit.

use std::time::Duration;

use reqwest::{Method, StatusCode};

use super::browser::{Page, browse, browse_with_failures};
use crate::server::{SHOP, Server};

const ANA: &str = "5511999990001@c.us";
const BIA: &str = "5511999990002@c.us";

/// Asks until the limit refuses it.
async fn spend(server: &Server) {
    let path = "/api/chat/contactsByLabel/shop";
    while server.with_token(Method::GET, path, SHOP).send().await.unwrap().status() == StatusCode::OK {}
}

/// Waits until the page waits for the limit. On a slow machine the limit would allow the page's next question otherwise, so
/// what it allows is spent meanwhile.
async fn until_waiting(server: &Server, page: &Page) {
    let spending = async {
        loop {
            spend(server).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = page.until("document.getElementById('live').dataset.state === 'waiting'") => {}
        () = spending => {}
    }
}

#[tokio::test]
async fn the_limit_is_waited_for() {
    let server = Server::start_with(&["--requests-per-minute", "30"]);
    let (vip, support) = (server.label("VIP").await, server.label("Support").await);
    server.link(&vip, ANA).await;
    server.link(&support, BIA).await;
    browse_with_failures(async |page| {
        page.open(&server, "shop", SHOP).await;
        page.until_chats(&[ANA, BIA]).await;
        spend(&server).await;
        page.click("[aria-label='any: VIP']").await;
        until_waiting(&server, page).await;
        // The last filter is answered, not the refused one.
        page.click("[aria-label='none: VIP']").await;
        page.until_chats(&[BIA]).await;
        page.until("document.getElementById('live').dataset.state === 'live'").await;
        // Without a click: a change from elsewhere waits for the limit too.
        spend(&server).await;
        server.link(&support, "5511999990003").await;
        until_waiting(&server, page).await;
        page.until_chats(&[BIA, "5511999990003@c.us"]).await;
        page.until("document.getElementById('live').dataset.state === 'live'").await;
    })
    .await;
}

#[tokio::test]
async fn many_changes_are_few_questions() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    server.link(&vip, ANA).await;
    browse(&server, async |page| {
        page.open(&server, "shop", SHOP).await;
        page.value("performance.clearResourceTimings()").await;
        for number in 0..200 {
            server.link(&vip, &format!("55119999{number:05}")).await;
        }
        page.until_text("#total_chats", "201").await;
        let asked =
            "performance.getEntriesByType('resource').filter(({ name }) => name.includes('contactsByLabel')).length";
        let asked = page.value(asked).await.as_u64().unwrap();
        assert!((1..=20).contains(&asked), "{asked} questions for 200 changes");
    })
    .await;
}
