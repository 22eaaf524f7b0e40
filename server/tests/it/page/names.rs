//! Names that contain markup, are written from right to left, or are long.

use super::browser::browse;
use crate::demo::demo;
use crate::server::{SHOP, Server, send};
use reqwest::Method;
use serde_json::json;

const NAMES: [&str; 5] = [
    "<img src=x onerror=document.title='broken'>",
    "</script><script>document.title='broken'</script>",
    "\u{202e}deretsigeR\u{202e}",
    "عميل مهم جدا",
    "&lt;b&gt; \"quoted\" 'single'",
];

#[tokio::test]
async fn a_name_is_shown_as_it_is() {
    let server = Server::start();
    let long = "long ".repeat(200);
    let names: Vec<&str> = NAMES.into_iter().chain([long.trim()]).collect();
    for name in &names {
        let id = server.label(name).await;
        server.link(&id, "5511999990001").await;
    }
    browse(&server, async |page| {
        page.open(&server, "shop", SHOP).await;
        assert_eq!(page.texts("#label-list bdi").await, names);
        assert_eq!(page.labels_of("5511999990001@c.us").await, names);
        page.click("#label-list .label:first-child .clause").await;
        page.until_text("#filter .chip .name", names[0]).await;
        page.click(".pick").await;
        page.until("document.getElementById('picker').open").await;
        assert_eq!(page.texts("#picker-list bdi").await, names);
        page.click("#picker-close").await;
        page.click("#chat-list .chip-remove").await;
        page.until_text("#toasts .toast span", &format!("{} was taken away.", names[0])).await;
        assert_eq!(page.value("document.title").await, "shop · Inbox by label");
        assert_eq!(page.value("document.querySelectorAll('main img, aside img, #toasts img, script').length").await, 1);
        page.be_a_phone().await;
        page.until("document.documentElement.scrollWidth === 360").await;
    })
    .await;
}

#[tokio::test]
async fn a_chat_whose_id_is_markup_or_has_slashes_is_labelled_like_any_other() {
    let (server, token) = demo();
    let chats = ["<b onclick=alert(1)>x</b>", "a/../b?c#d%41", "@ a@b", "..", "%2e%2e"];
    for chat in chats {
        let body = json!({ "number": chat, "tagId": "1" });
        send(server.with_token(Method::POST, "/api/chat/assignTag/demo", &token).json(&body)).await.ok();
    }
    browse(&server, async |page| {
        page.open(&server, "demo", &token).await;
        page.click("[aria-label='any: VIP']").await;
        for chat in chats {
            let row = format!(".chat[data-key={}]", json!(chat));
            page.until_text(&format!("{row} .chat-title"), chat).await;
            page.click(&format!("{row} .chip-remove")).await;
            page.until(format!("!document.querySelector({})", json!(row))).await;
        }
    })
    .await;
}

#[tokio::test]
async fn of_many_labels_some_are_drawn_and_all_are_found() {
    let server = Server::start();
    for number in 1..=250 {
        server.label(&format!("label {number}")).await;
    }
    browse(&server, async |page| {
        page.open(&server, "shop", SHOP).await;
        page.until_text("#more-labels", "50 more labels: find them by name.").await;
        assert_eq!(page.texts("#label-list bdi").await.len(), 200);
        page.click("#label-search").await;
        page.keys("BEL 25").await;
        page.until("document.querySelectorAll('#label-list .label').length === 2").await;
        assert_eq!(page.texts("#label-list bdi").await, ["label 25", "label 250"]);
        page.click("#open-find").await;
        page.keys("5511999990001\n").await;
        page.until("document.getElementById('picker').open").await;
        page.keys("label 250\n").await;
        page.until_text("#chat-list .chip .name", "label 250").await;
    })
    .await;
}
