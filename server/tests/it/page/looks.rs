//! Widths and colours.

use serde_json::json;

use super::browser::browse;
use crate::demo::demo;

#[tokio::test]
async fn nothing_is_wider_than_a_phone() {
    let (server, token) = demo();
    browse(&server, async |page| {
        page.be_a_phone().await;
        page.open(&server, "demo", &token).await;
        let fits = "document.documentElement.scrollWidth === 360 && innerWidth === 360";
        page.until(fits).await;
        assert_eq!(page.value("document.getElementById('labels').inert").await, true, "the drawer is closed");
        page.click("#open-labels").await;
        page.until("document.getElementById('labels').getBoundingClientRect().left === 0").await;
        page.click("[aria-label='any: Support']").await;
        page.click("[aria-label='none: Equipe']").await;
        page.click("#close-labels").await;
        page.until("!document.getElementById('chats').inert").await;
        page.until_text("#total_chats", "12").await;
        page.until(fits).await;
        page.click(".pick").await;
        page.until("document.getElementById('picker').open").await;
        page.until(fits).await;
        page.click("#picker-close").await;
        page.click("#open-tokens").await;
        page.until("document.getElementById('tokens').open").await;
        page.until(fits).await;
        let small = "[...document.querySelectorAll('button')].filter((e) => e.checkVisibility()) \
                     .map((e) => e.getBoundingClientRect()).filter((r) => Math.min(r.width, r.height) < 24).length";
        assert_eq!(page.value(small).await, 0, "each button can be hit with a finger");
        page.click("#tokens-close").await;
        // A desk at 400 percent, as WCAG 2.2 asks for (1.4.10): everything is still reached by scrolling down.
        let large = json!({ "width": 320, "height": 256, "deviceScaleFactor": 1, "mobile": false });
        page.tell("Emulation.setDeviceMetricsOverride", large).await;
        page.until("document.documentElement.scrollWidth <= innerWidth && innerWidth === 320").await;
        page.click("#next").await;
        page.click(".chat:last-child .pick").await;
        page.until("document.getElementById('picker').open").await;
    })
    .await;
}

#[tokio::test]
async fn colours_follow_the_system_or_the_switch() {
    let (server, token) = demo();
    browse(&server, async |page| {
        let system = async |scheme: &str| {
            let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
            page.tell("Emulation.setEmulatedMedia", features).await;
        };
        let (light, dark) = ("rgb(243, 245, 244)", "rgb(16, 20, 19)");
        let shows = |color: &str| format!("getComputedStyle(document.body).backgroundColor === '{color}'");
        system("light").await;
        page.open(&server, "demo", &token).await;
        page.until(shows(light)).await;
        system("dark").await;
        page.until(shows(dark)).await;
        page.click("#theme").await;
        page.until(shows(light)).await;
        page.click("#theme").await;
        system("light").await;
        page.until(shows(dark)).await;
        page.reload().await;
        page.until(shows(dark)).await;
        assert_eq!(page.value("document.getElementById('theme').ariaLabel").await, "Colours: dark");
        assert_eq!(page.value("Object.keys(localStorage).join()").await, "label-index.theme");
    })
    .await;
}

/// Names are read on chips of every colour, light and dark: their contrast is that of WCAG 2.2, level AA.
#[tokio::test]
async fn names_of_labels_can_be_read_in_every_colour() {
    let (server, token) = demo();
    browse(&server, async |page| {
        page.open(&server, "demo", &token).await;
        let contrast = "((color) => {
            const chip = document.querySelector('#chat-list .chip');
            chip.dataset.color = color;
            const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
            const light = (css) => {
                canvas.fillStyle = css;
                canvas.fillRect(0, 0, 1, 1);
                const part = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
                const [r, g, b] = canvas.getImageData(0, 0, 1, 1).data;
                return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
            };
            const style = getComputedStyle(chip);
            const [one, other] = [light(style.color), light(style.backgroundColor)];
            return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
        })";
        for theme in ["light", "dark"] {
            page.value(&format!("document.documentElement.dataset.theme = '{theme}'")).await;
            for color in 0..20 {
                let ratio = page.value(&format!("{contrast}({color})")).await.as_f64().unwrap();
                assert!(ratio >= 4.5, "{theme} {color}: {ratio}");
            }
        }
    })
    .await;
}
