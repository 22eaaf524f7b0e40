//! Tokens and the instances that they are for.

use thirtyfour::prelude::*;

use super::browser::{Page, browse_with_failures};
use crate::server::{ACCOUNT, OTHER, SHOP, Server, command};

const ANA: &str = "5511999990001@c.us";

async fn enter(page: &Page, token: &str) {
    page.until("document.getElementById('tokens').open").await;
    page.click("#token").await;
    page.keys(format!("{token}\n")).await;
}

/// The options of the switch.
async fn accounts(page: &Page) -> Vec<String> {
    page.texts("#account option").await
}

#[tokio::test]
async fn a_token_is_entered_once_and_forgotten_when_asked() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    server.link(&vip, ANA).await;
    browse_with_failures(async |page| {
        page.go(&format!("{}/", server.url)).await;
        for unknown in ["a-token-that-nobody-has", "ключ-которого-нет"] {
            enter(page, unknown).await;
            page.until_text("#token-problem", "This token is not known to the server.").await;
            page.value("document.getElementById('token-problem').textContent = ''").await;
        }
        enter(page, SHOP).await;
        page.until_chats(&[ANA]).await;
        page.ready().await;
        assert_eq!(accounts(page).await, ["shop"]);
        assert_eq!(page.value("location.href").await, format!("{}/#instance=shop", server.url));
        assert_eq!(page.value("localStorage.length").await, 0, "nobody has asked to keep it");
        page.reload().await;
        page.until_chats(&[ANA]).await;
        page.click("#open-tokens").await;
        page.click("#token-list button").await;
        page.until_text("#tokens-title", "Sign in").await;
        page.reload().await;
        page.until("document.getElementById('tokens').open").await;
        assert_eq!(page.value("sessionStorage.length").await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_token_is_kept_on_the_device_when_asked() {
    let server = Server::start();
    browse_with_failures(async |page| {
        page.go(&format!("{}/", server.url)).await;
        page.until("document.getElementById('tokens').open").await;
        page.click("#tokens .choice").await;
        enter(page, SHOP).await;
        page.ready().await;
        page.new_window().await;
        page.go(&format!("{}/", server.url)).await;
        page.ready().await;
        assert_eq!(accounts(page).await, ["shop"]);
    })
    .await;
}

#[tokio::test]
async fn an_account_shows_its_own_chats_only() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    server.link(&vip, ANA).await;
    browse_with_failures(async |page| {
        page.open(&server, "other", ACCOUNT).await;
        assert_eq!(accounts(page).await, ["other", "shop"]);
        page.until_text("#empty-title", "No chat has a label yet").await;
        page.choose("#account", "shop").await;
        page.until_chats(&[ANA]).await;
        page.choose("#account", "other").await;
        page.until_chats(&[]).await;
        assert_eq!(page.value("location.hash").await, "#instance=other");
    })
    .await;
}

#[tokio::test]
async fn several_tokens_are_several_accounts() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    server.link(&vip, ANA).await;
    browse_with_failures(async |page| {
        page.open(&server, "other", OTHER).await;
        page.click("#open-tokens").await;
        enter(page, SHOP).await;
        page.until_chats(&[ANA]).await;
        assert_eq!(accounts(page).await, ["other", "shop"]);
        page.choose("#account", "other").await;
        page.until_chats(&[]).await;
        // An address that names an instance without a token for it.
        page.value("location.hash = 'instance=third'").await;
        page.until_text("#toasts .problem span", "No token for the account third.").await;
    })
    .await;
}

#[tokio::test]
async fn nothing_of_an_account_is_left_when_its_token_is_forgotten() {
    let server = Server::start();
    let vip = server.label("VIP").await;
    server.link(&vip, ANA).await;
    browse_with_failures(async |page| {
        page.open(&server, "shop", SHOP).await;
        page.click("[aria-label='any: VIP']").await;
        page.until_chats(&[ANA]).await;
        page.click("#open-tokens").await;
        page.click("#token-list button").await;
        page.until_text("#live span:last-child", "Not signed in").await;
        let text = page.value("document.body.innerText + document.title + location.href").await.to_string();
        assert!(!text.contains("VIP") && !text.contains("5511999990001") && !text.contains("shop"), "{text}");
        // Neither does Escape lead to a page without an account.
        page.keys(Key::Escape + Key::Escape).await;
        page.until("document.getElementById('tokens').open").await;
        enter(page, OTHER).await;
        page.until_text("#empty-title", "No chat has a label yet").await;
    })
    .await;
}

#[tokio::test]
async fn a_token_without_instances_is_of_no_use_yet() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = command();
    command.arg("--data").arg(folder.path()).env("LABEL_INDEX_TOKENS", format!("account {ACCOUNT}"));
    let (server, first) = Server::run(command);
    let url = first.strip_prefix("listening ").unwrap();
    browse_with_failures(async |page| {
        page.go(&format!("{url}/#token={ACCOUNT}")).await;
        page.until_text("#token-problem", "This token is for no account yet.").await;
        assert_eq!(page.value("document.getElementById('tokens-close').checkVisibility()").await, false);
        page.click("#token-list button").await;
        enter(page, ACCOUNT).await;
        page.until_text("#token-problem", "This token is for no account yet.").await;
        assert_eq!(page.value("sessionStorage.length").await, 0);
    })
    .await;
    drop(server);
}
