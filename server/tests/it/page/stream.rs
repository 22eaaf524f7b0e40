//! Reading the stream of events, with a server that the test simulates in the browser.

use serde_json::json;

use super::browser::browse;
use crate::server::{SHOP, Server};

/// Follows a stream with the given answers: each is a list of pieces of text, or a status of refusal. Returns the
/// callbacks, and the last event id of each request. The connection ends after an answer; that of the last answer stays
/// open.
const FOLLOW: &str = "(async (answers) => {
    const { Stream } = await import('/page/stream.js');
    const [told, asked] = [[], []];
    const api = {
        async events(last) {
            asked.push(last);
            const answer = answers.shift();
            if (typeof answer === 'number') throw { status: answer, isPassing: answer >= 500, message: '' };
            return new ReadableStream({
                start(controller) {
                    for (const piece of answer) controller.enqueue(new Uint8Array(piece));
                    if (answers.length > 0) controller.close();
                },
            });
        },
    };
    const stream = new Stream(api);
    const ended = new Promise((resolve) => {
        stream.onready = () => told.push('ready');
        stream.onmissed = () => told.push('missed');
        stream.onlost = () => (told.push('lost'), setTimeout(() => stream.hurry()));
        stream.onrefused = ({ status }) => resolve(told.push(`refused ${status}`));
        stream.onevents = (events) => {
            told.push(events.map(({ label }) => label).join());
            if (events.at(-1).label === 'last') resolve();
        };
    });
    stream.start();
    await ended;
    stream.stop();
    return { told, asked };
})";

/// A text in pieces of `bytes` bytes, which split characters and lines.
fn pieces(text: &str, bytes: usize) -> Vec<Vec<u8>> {
    text.as_bytes().chunks(bytes).map(<[u8]>::to_vec).collect()
}

fn event(label: &str, id: Option<&str>) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("event: label.upsert\ndata: {}\n{id}\n", json!({ "label": label }))
}

#[tokio::test]
async fn a_commit_is_told_of_whole_and_once() {
    let server = Server::start();
    let ready = "event: ready\ndata: {}\nid: 1\n\n";
    let first = format!("{ready}:\n\n{}{}{}", event("añ✅", None), event("b", Some("2")), event("half", None));
    let second = format!("{ready}{}{}", event("half", None), event("rest", Some("3"))).replace("id: 1", "id: 2");
    let third = format!("{ready}event: missed\ndata: {{}}\nid: 9\n\n{}", event("last", Some("10")));
    browse(&server, async |page| {
        page.open(&server, "shop", SHOP).await;
        for bytes in [1, 7, 4_096] {
            let answers = json!([pieces(&first, bytes), 503, pieces(&second, bytes), 400, pieces(&third, bytes)]);
            let seen = page.value(&format!("{FOLLOW}({answers})")).await;
            let told =
                json!(["ready", "añ✅,b", "lost", "lost", "ready", "half,rest", "lost", "ready", "missed", "last"]);
            assert_eq!(seen, json!({ "told": told, "asked": [null, "2", "2", "3", null] }), "pieces of {bytes} bytes");
        }
        let refused = page.value(&format!("{FOLLOW}({})", json!([pieces(&first, 9), 401]))).await;
        assert_eq!(refused, json!({ "told": ["ready", "añ✅,b", "lost", "refused 401"], "asked": [null, "2"] }));
    })
    .await;
}
