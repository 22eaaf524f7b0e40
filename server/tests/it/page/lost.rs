//! The server stops and starts again.

use std::path::Path;

use super::browser::browse_with_failures;
use crate::server::{SHOP, Server};

const ANA: &str = "5511999990001@c.us";
const BIA: &str = "5511999990002@c.us";

/// Starts a server on a folder, with a label on Ana. Returns it, the label's id, and the server's address.
async fn start_in(folder: &Path) -> (Server, String, String) {
    let server = Server::start_in(folder, &[]);
    let vip = server.label("VIP").await;
    server.link(&vip, ANA).await;
    let address = server.address().to_owned();
    (server, vip, address)
}

#[tokio::test]
async fn the_page_recovers_when_the_server_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let (server, vip, address) = start_in(folder.path()).await;
    browse_with_failures(async |page| {
        page.open(&server, "shop", SHOP).await;
        drop(server);
        page.until("!document.getElementById('banner').hidden").await;
        page.until_chats(&[ANA]).await;
        page.click(".chip-remove").await;
        page.until_text("#toasts .problem span", "The server cannot be reached").await;
        let server = Server::start_at(&address, folder.path(), &[]);
        server.link(&vip, BIA).await;
        page.until_chats(&[ANA, BIA]).await;
        page.until_text("#total_chats", "2").await;
        page.until("document.getElementById('banner').hidden").await;
        // Later changes are shown too.
        server.label("Support").await;
        page.until("document.querySelectorAll('#label-list .label').length === 2").await;
        drop(server);
        page.until("!document.getElementById('banner').hidden").await;
        page.click("#retry").await;
        let server = Server::start_at(&address, folder.path(), &[]);
        // Not with the mouse: the button does not exist any more if the page has tried again by itself.
        page.value("document.getElementById('retry').click()").await;
        page.ready().await;
        page.until("document.getElementById('banner').hidden").await;
        drop(server);
    })
    .await;
}

#[tokio::test]
async fn a_server_that_comes_back_with_other_data_is_read_anew() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (server, _, address) = start_in(one.path()).await;
    browse_with_failures(async |page| {
        page.open(&server, "shop", SHOP).await;
        page.until_chats(&[ANA]).await;
        drop(server);
        // The position of the stream is not known to this server, which answers with `missed`.
        let server = Server::start_at(&address, other.path(), &[]);
        let support = server.label("Support").await;
        server.link(&support, BIA).await;
        page.until_chats(&[BIA]).await;
        assert_eq!(page.texts("#label-list bdi").await, ["Support"]);
        page.ready().await;
    })
    .await;
}

#[tokio::test]
async fn the_page_waits_for_a_server_that_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    let (server, vip, address) = start_in(folder.path()).await;
    browse_with_failures(async |page| {
        page.open(&server, "shop", SHOP).await;
        drop(server);
        // The page itself is loaded, as in a tab that was opened before.
        page.value("location.hash = 'instance=shop&token=shop-token-0123456789abcd'").await;
        page.until("!document.getElementById('banner').hidden").await;
        let server = Server::start_at(&address, folder.path(), &[]);
        server.link(&vip, BIA).await;
        page.until_chats(&[ANA, BIA]).await;
        page.until("document.getElementById('banner').hidden").await;
    })
    .await;
}

#[tokio::test]
async fn a_token_that_is_taken_back_is_asked_for_anew() {
    let (server, token) = crate::demo::demo();
    let address = server.address().to_owned();
    let folder = tempfile::tempdir().unwrap();
    browse_with_failures(async |page| {
        page.open(&server, "demo", &token).await;
        drop(server);
        let _server = Server::start_at(&address, folder.path(), &[]);
        page.until_text("#token-problem", "The token is not accepted any more. Enter another one.").await;
        page.click("#token").await;
        page.keys(format!("{SHOP}\n")).await;
        page.until_text("#empty-title", "No chat has a label yet").await;
        page.ready().await;
    })
    .await;
}
