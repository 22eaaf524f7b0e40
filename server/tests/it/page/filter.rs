//! Filters by labels, and pages.

use std::collections::BTreeSet;

use reqwest::Method;
use thirtyfour::prelude::*;

use super::browser::{Page, browse};
use crate::demo::demo;
use crate::sample::labels_by_chat;
use crate::server::send;

/// Waits until the page shows the totals of the chats that pass; `any` are the labels of the any-of clause.
async fn expect(page: &Page, passes: impl Fn(&BTreeSet<String>) -> bool, any: &[&str]) {
    let passing: Vec<_> = labels_by_chat().into_iter().filter(|(_, labels)| passes(labels)).collect();
    let rows: usize = passing.iter().map(|(_, labels)| labels.len()).sum();
    let is_asked = |label: &&String| any.is_empty() || any.contains(&label.as_str());
    let matched: usize = passing.iter().map(|(_, labels)| labels.iter().filter(is_asked).count()).sum();
    assert!(!passing.is_empty() && passing.len() <= 50, "a page has to hold them: {}", passing.len());
    let chats: Vec<&str> = passing.iter().map(|(chat, _)| chat.as_str()).collect();
    page.until_chats(&chats).await;
    page.until_text("#total_chats", &passing.len().to_string()).await;
    page.until_text("#total_rows", &rows.to_string()).await;
    page.until_text("#matched_rows", &matched.to_string()).await;
}

#[tokio::test]
async fn what_is_shown_is_what_a_slow_model_says() {
    let (server, token) = demo();
    let has = |labels: &BTreeSet<String>, name: &str| labels.contains(name);
    browse(&server, async |page| {
        page.open(&server, "demo", &token).await;
        for (name, count) in page.texts("#label-list bdi").await.iter().zip(page.texts("#label-list .count").await) {
            let expected = labels_by_chat().into_values().filter(|labels| labels.contains(name)).count();
            assert_eq!(count, expected.to_string(), "{name}");
        }
        page.click("[aria-label='any: Support']").await;
        expect(page, |labels| has(labels, "Support"), &["Support"]).await;
        page.click("[aria-label='any: São Paulo']").await;
        page.click("[aria-label='none: Equipe']").await;
        expect(
            page,
            |labels| (has(labels, "Support") || has(labels, "São Paulo")) && !has(labels, "Equipe"),
            &["Support", "São Paulo"],
        )
        .await;
        page.click("[aria-label='any: Support']").await;
        page.click("[aria-label='all: São Paulo']").await;
        page.click("[aria-label='all: Equipe']").await;
        expect(page, |labels| has(labels, "São Paulo") && has(labels, "Equipe"), &[]).await;
        assert_eq!(page.texts(".part-name").await, ["All of"]);
        page.reload().await;
        page.ready().await;
        expect(page, |labels| has(labels, "São Paulo") && has(labels, "Equipe"), &[]).await;
        page.click("#clear-filter").await;
        page.until_text("#total_chats", &labels_by_chat().len().to_string()).await;
    })
    .await;
}

#[tokio::test]
async fn pages_show_every_chat_once() {
    let (server, token) = demo();
    browse(&server, async |page| {
        page.open(&server, "demo", &token).await;
        let first = page.chats().await;
        let (mut all, mut number) = (first.clone(), 1);
        while page.value("document.getElementById('next').ariaDisabled").await == "false" {
            let before = page.chats().await;
            page.click("#next").await;
            number += 1;
            page.until_text("#page", &format!("Page {number} of 6")).await;
            page.ready().await;
            assert_ne!(page.chats().await, before);
            all.extend(page.chats().await);
        }
        assert_eq!(number, 6);
        assert_eq!(all.len(), labels_by_chat().len());
        assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), labels_by_chat().into_keys().collect());
        for number in (1..6).rev() {
            page.click("#previous").await;
            page.until_text("#page", &format!("Page {number} of 6")).await;
            page.ready().await;
        }
        assert_eq!(page.chats().await, first);
    })
    .await;
}

#[tokio::test]
async fn the_filter_and_the_labels_of_a_chat_are_chosen_with_keys() {
    let (server, token) = demo();
    browse(&server, async |page| {
        page.open(&server, "demo", &token).await;
        page.value("document.getElementById('label-search').focus()").await;
        page.keys(Key::Tab + "").await;
        let focus = "document.activeElement.ariaLabel";
        assert!(page.value(focus).await.as_str().unwrap().starts_with("VIP, "));
        page.keys(Key::Down + Key::Right + Key::Enter).await;
        assert_eq!(page.value(focus).await, "any: Support");
        expect(page, |labels| labels.contains("Support"), &["Support"]).await;
        page.keys(Key::Right + Key::Right + Key::Down + " ").await;
        assert_eq!(page.value(focus).await, "none: Pedido pago ✅");
        expect(page, |labels| labels.contains("Support") && !labels.contains("Pedido pago ✅"), &["Support"]).await;
        let outline = page.value("getComputedStyle(document.activeElement).outlineStyle").await;
        assert_eq!(outline, "solid", "the focus can be seen");
        page.keys(Key::End + "").await;
        assert_eq!(page.value(focus).await, "none: vip");
        // Labels of the first chat: open, search, choose, close; then the focus is where it was.
        let chat = page.chats().await[0].clone();
        page.value("document.querySelector('.pick').focus()").await;
        page.keys(Key::Enter + "").await;
        page.until("document.getElementById('picker').open").await;
        page.keys("forn").await;
        page.keys(Key::Tab + " ").await;
        page.until(format!("document.querySelector('.chat[data-key=\"{chat}\"]').innerText.includes('Fornecedor')"))
            .await;
        page.keys(Key::Escape + "").await;
        page.until("!document.getElementById('picker').open").await;
        assert!(page.value(focus).await.as_str().unwrap().starts_with("Choose labels of "));
        let path = format!("/api/chat/assignTag/demo?number={chat}");
        let answer = send(server.with_token(Method::GET, &path, &token)).await.ok();
        assert!(answer.to_string().contains("Fornecedor"), "{answer}");
    })
    .await;
}
