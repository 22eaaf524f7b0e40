//! The page shows changes from elsewhere as they happen, and its own changes are made.

use reqwest::Method;
use serde_json::json;
use thirtyfour::prelude::*;

use super::browser::browse;
use crate::server::{SHOP, Server};

const ANA: &str = "5511999990001@c.us";
const BIA: &str = "5511999990002@c.us";

#[tokio::test]
async fn what_is_done_in_one_window_is_seen_in_another() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    server.label("Support").await;
    server.link(&vip, ANA).await;
    browse(&server, async |page| {
        page.open(&server, "shop", SHOP).await;
        page.until_chats(&[ANA]).await;
        page.new_window().await;
        page.open(&server, "shop", SHOP).await;
        // A chat that no list has is found by its number.
        page.click("#open-find").await;
        page.keys("+55 11 99999-0002\n").await;
        page.until_text("#picker-title", "+5511999990002").await;
        page.click("#picker-list li:nth-child(2) label").await;
        page.until_chats(&[ANA, BIA]).await;
        page.switch_to(0).await;
        page.until_chats(&[ANA, BIA]).await;
        assert_eq!(page.labels_of(BIA).await, ["Support"]);
        page.until_text("#total_rows", "2").await;
        page.until_text("#label-list .label:nth-child(2) .count", "1").await;
        // Removes the last label of a chat, and adds it again.
        page.click(&format!(".chat[data-key='{BIA}'] .chip-remove")).await;
        page.until_chats(&[ANA]).await;
        page.switch_to(1).await;
        page.until_chats(&[ANA]).await;
        page.switch_to(0).await;
        page.click("#toasts .text-button").await;
        page.until_chats(&[ANA, BIA]).await;
        assert_eq!(server.labels_of(BIA).await, ["2"]);
    })
    .await;
}

#[tokio::test]
async fn labels_come_change_and_go() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    server.link(&vip, ANA).await;
    browse(&server, async |page| {
        page.open(&server, "shop", SHOP).await;
        page.click("#add-label").await;
        page.keys("Late payer").await;
        page.click(".swatch:nth-child(8)").await;
        page.click("#new-label [type=submit]").await;
        page.until("document.querySelectorAll('#label-list .label').length === 2").await;
        let labels = server.ask(Method::GET, "/v2/labels").await.ok();
        let made = &labels["labels"][1];
        assert_eq!((&made["name"], &made["color"]), (&json!("Late payer"), &json!(7)));
        server
            .tell(Method::PUT, &format!("/v2/labels/{vip}"), json!({ "name": "Very important", "color": 3 }))
            .await
            .ok();
        page.until_text(&format!(".chat[data-key='{ANA}'] .chip .name"), "Very important").await;
        page.until("document.querySelector('.chat .chip').dataset.color === '3'").await;
        page.click("[aria-label='any: Very important']").await;
        page.until_text(".part-name", "Any of").await;
        // A deleted label stays in the filter: without it, all chats would be shown.
        server.link("2", BIA).await;
        server.ask(Method::DELETE, &format!("/v2/labels/{vip}")).await.ok();
        page.until_text("#filter .gone .name", &format!("Deleted label {vip}")).await;
        page.until_chats(&[]).await;
        page.until_text("#empty-text", "1 label of the filter no longer exists.").await;
        page.click("#empty-clear").await;
        page.until_chats(&[BIA]).await;
    })
    .await;
}

#[tokio::test]
async fn a_tab_that_is_hidden_lets_go_and_catches_up() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    server.link(&vip, ANA).await;
    browse(&server, async |page| {
        let hide = async |hidden: bool| {
            let hide = format!("Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }})");
            page.value(&format!("({hide}, document.dispatchEvent(new Event('visibilitychange')))")).await;
        };
        page.open(&server, "shop", SHOP).await;
        page.until_chats(&[ANA]).await;
        let record = "window.last = [], window.plainFetch = fetch, window.fetch = (address, options) => {
            if (address.pathname === '/v2/events') last.push(options.headers['Last-Event-ID'] ?? null);
            return plainFetch(address, options);
        }";
        page.value(&format!("({record}, true)")).await;
        hide(true).await;
        page.until_text("#live span:last-child", "Paused").await;
        server.link(&vip, BIA).await;
        page.until_chats(&[ANA]).await;
        hide(false).await;
        page.until_chats(&[ANA, BIA]).await;
        page.ready().await;
        let last = page.value("last").await;
        assert!(last[0].is_string() && last[1].is_null(), "the stream goes on where it was: {last}");
    })
    .await;
}

#[tokio::test]
async fn the_focus_stays_near_what_has_gone() {
    let server = Server::start();
    let (vip, support) = (server.label("VIP").await, server.label("Support").await);
    for (label, chat) in [(&vip, ANA), (&support, ANA), (&vip, BIA)] {
        server.link(label, chat).await;
    }
    browse(&server, async |page| {
        page.open(&server, "shop", SHOP).await;
        page.until_chats(&[ANA, BIA]).await;
        page.value("document.querySelector('.chat .chip-remove').focus()").await;
        let focus = "document.activeElement.ariaLabel";
        page.keys(Key::Enter + "").await;
        page.until(format!("{focus} === 'Take Support from +5511999990001'")).await;
        page.keys(Key::Enter + "").await;
        page.until_chats(&[BIA]).await;
        // Pressing the key once more changes nothing on the next chat.
        page.until(format!("{focus} === 'Choose labels of +5511999990002'")).await;
    })
    .await;
}
