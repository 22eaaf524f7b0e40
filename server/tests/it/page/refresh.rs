//! The button that refreshes from a gateway.

use std::time::Duration;

use super::browser::{browse, browse_with_failures};
use crate::server::{SHOP, Server};
use crate::stand_in::{Mood, StandIn};
use crate::upstream::start;

const ANA: &str = "5511999990001@c.us";
const BIA: &str = "5511999990002@c.us";
const GROUP: &str = "120363000000000001@g.us";

#[tokio::test]
async fn a_click_takes_over_what_the_gateway_has() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &[]);
    browse(&server, async |page| {
        page.open(&server, "shop", SHOP).await;
        page.until_text("#empty-title", "No chat has a label yet").await;
        page.click("#refresh").await;
        page.until_chats(&[ANA, GROUP]).await;
        page.until_text("#toasts span", "Refreshed from the network: 2 chats with a label.").await;
        assert_eq!(page.labels_of(ANA).await, ["VIP", "Support"]);
        // Another click during a refresh sends no further request.
        stand_in.link("2", BIA);
        stand_in.be(Mood::Slow(Duration::from_millis(300)));
        let fetches = stand_in.calls("labels");
        page.click("#refresh").await;
        page.until("document.getElementById('refresh').ariaBusy === 'true'").await;
        page.value("document.getElementById('refresh').click()").await;
        page.until_chats(&[ANA, BIA, GROUP]).await;
        page.until("document.getElementById('refresh').ariaBusy === 'false'").await;
        assert_eq!(stand_in.calls("labels"), fetches + 1);
        page.be_a_phone().await;
        page.until("document.documentElement.scrollWidth === 360 && innerWidth === 360").await;
        page.click("#refresh").await;
        page.until("document.getElementById('refresh').ariaBusy === 'false'").await;
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_is_not_connected_is_said_and_changes_nothing() {
    let stand_in = StandIn::start().await;
    let server = start(&stand_in, &[]);
    browse_with_failures(async |page| {
        page.open(&server, "shop", SHOP).await;
        page.click("#refresh").await;
        page.until_chats(&[ANA, GROUP]).await;
        stand_in.be(Mood::Stopped);
        page.click("#refresh").await;
        page.until_text("#toasts .problem span", "Instance is not connected to WhatsApp").await;
        page.until("document.getElementById('refresh').ariaBusy === 'false'").await;
        page.until_chats(&[ANA, GROUP]).await;
        page.until("document.getElementById('live').dataset.state === 'live'").await;
    })
    .await;
}

#[tokio::test]
async fn without_a_gateway_there_is_no_button() {
    let server = Server::start();
    server.label("VIP").await;
    browse(&server, async |page| {
        page.open(&server, "shop", SHOP).await;
        assert_eq!(page.value("document.getElementById('refresh').checkVisibility()").await, false);
    })
    .await;
}
